"""``kahua peer``: other DICOM applications that a project knows."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import (
    DEFAULT_PROJECT,
    Context,
    JsonOption,
    ProjectOption,
    YesOption,
    confirm,
    say,
    show,
    show_json,
)
from kahua.site import Site, project_id
from kahua.store import Peer, PeerFacts, find_peer, list_peers
from kahua.store.peers import FACTS
from kahua.store.remote.presence import instances_here, instances_of_series_here
from kahua.store.remote.source import MAX_STUDIES, ImageSource, StudyQuery

app = typer.Typer(name="peer", help="Other DICOM applications that a project knows.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the peer in the project.")]
KindOption = Annotated[Literal["dimse", "dicomweb"] | None, typer.Option(help="How it is called.")]
TitleOption = Annotated[str | None, typer.Option(help="AE title under which it calls and is called.")]
HostOption = Annotated[str | None, typer.Option(help="Name or address of its machine.")]
PortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="Port of its DICOM receiver.")]
TlsOption = Annotated[bool | None, typer.Option("--tls/--no-tls", help="DIMSE over TLS.")]
RetrieveOption = Annotated[
    Literal["get", "move"] | None, typer.Option(help="Retrieve by C-GET, or by C-MOVE to this site.")
]
NetworkOption = Annotated[
    list[str] | None, typer.Option("--network", help="Network from which it may call, such as 10.1.0.0/16; many times.")
]
UrlOption = Annotated[str | None, typer.Option(help="Root of its DICOMweb services.")]
UserOption = Annotated[str | None, typer.Option("--user", help="User of its DICOMweb services.")]
SecretOption = Annotated[
    Path | None,
    typer.Option("--secret-file", help="File with the user's password, or a bearer token; - reads standard input."),
]
StoreOption = Annotated[bool | None, typer.Option("--may-store/--may-not-store", help="It may send objects here.")]
QueryOption = Annotated[
    bool | None, typer.Option("--may-query/--may-not-query", help="It may query and retrieve here.")
]
AssociationsOption = Annotated[
    int | None, typer.Option("--max-associations", min=1, max=1000, help="Associations open at once.")
]
DeidentifyOption = Annotated[
    bool | None, typer.Option("--deidentify/--as-stored", help="What is sent there is de-identified.")
]

KeepOption = Annotated[
    int | None,
    typer.Option(
        "--keep-hours",
        min=0,
        help="What is fetched stays here so long; then it is there alone, and fetched when it is wanted. 0: for good.",
    ),
]


@app.command("list")
def list_all(context: typer.Context, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False) -> None:
    """List the peers of a project."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [
            {
                "name": peer.name,
                "kind": peer.kind,
                "ae_title": peer.ae_title,
                "address": _address(peer),
                "may": [
                    word
                    for word, may in (("store", peer.may_store), ("query", peer.may_query))
                    if may and peer.ae_title
                ],
                "sent_there": "de-identified" if peer.deidentify else "as stored",
            }
            for peer in list_peers(session, project_id(session, project))
        ]
    show(rows, as_json=as_json, empty="There is no peer yet: `kahua peer add NAME`.")


@app.command("show")
def show_one(
    context: typer.Context, name: NameArgument, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False
) -> None:
    """Show what is known of a peer; its secret is never shown."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        peer = find_peer(session, project_id(session, project), name)
    facts = {fact: getattr(peer, fact) for fact in FACTS if fact != "secret"} | {"has_secret": bool(peer.secret)}
    if as_json:
        show_json({"name": peer.name, **facts})
    else:
        show([{"fact": fact, "value": value} for fact, value in facts.items()], as_json=False, empty="")


@app.command()
def add(
    context: typer.Context,
    name: NameArgument,
    kind: KindOption = None,
    ae_title: TitleOption = None,
    host: HostOption = None,
    port: PortOption = None,
    tls: TlsOption = None,
    retrieve: RetrieveOption = None,
    network: NetworkOption = None,
    url: UrlOption = None,
    user: UserOption = None,
    secret_file: SecretOption = None,
    may_store: StoreOption = None,
    may_query: QueryOption = None,
    max_associations: AssociationsOption = None,
    deidentify: DeidentifyOption = None,
    keep_hours: KeepOption = None,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Add a peer to a project; with --url it is called by DICOMweb, otherwise by DIMSE."""
    options: Context = context.obj
    kind = kind or ("dicomweb" if url else "dimse")
    arguments = locals()
    with options.site() as site, site.database.write() as session:
        said = _said(site, arguments)
        datasets.add_peer(
            session,
            actor=local_principal().name,
            project_id=project_id(session, project),
            name=name,
            facts=PeerFacts(**said),
        )


@app.command()
def change(
    context: typer.Context,
    name: NameArgument,
    kind: KindOption = None,
    ae_title: TitleOption = None,
    host: HostOption = None,
    port: PortOption = None,
    tls: TlsOption = None,
    retrieve: RetrieveOption = None,
    network: NetworkOption = None,
    url: UrlOption = None,
    user: UserOption = None,
    secret_file: SecretOption = None,
    may_store: StoreOption = None,
    may_query: QueryOption = None,
    max_associations: AssociationsOption = None,
    deidentify: DeidentifyOption = None,
    keep_hours: KeepOption = None,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Change what is named, and leave the rest."""
    options: Context = context.obj
    arguments = locals()
    with options.site() as site, site.database.write() as session:
        said = _said(site, arguments)
        identity = project_id(session, project)
        known = find_peer(session, identity, name)
        facts = PeerFacts(**{fact: getattr(known, fact) for fact in FACTS} | said)
        datasets.change_peer(session, actor=local_principal().name, project_id=identity, name=name, facts=facts)


@app.command()
def remove(
    context: typer.Context, name: NameArgument, yes: YesOption = False, project: ProjectOption = DEFAULT_PROJECT
) -> None:
    """Forget a peer: it may call no more, and is called no more."""
    options: Context = context.obj
    confirm(f"Forget the peer {name} of {project}?", yes=yes)
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        datasets.remove_peer(session, actor=local_principal().name, project_id=identity, name=name)


@app.command()
def echo(context: typer.Context, name: NameArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Ask a peer whether it is there and lets this site in: by C-ECHO, or for one study by DICOMweb."""
    options: Context = context.obj
    with options.site() as site:
        with site.database.read() as session:
            peer = find_peer(session, project_id(session, project), name)
        with closing(site.calls.source(peer)) as source:
            source.verify()
    say(f"{name} is there and lets this site in.")


@app.command()
def search(
    context: typer.Context,
    name: NameArgument,
    patient_id: Annotated[str, typer.Option(help="Patient ID; * and ? are wildcards.")] = "",
    patient_name: Annotated[str, typer.Option(help="Patient's name, such as Doe^J*.")] = "",
    accession: Annotated[str, typer.Option(help="Accession number.")] = "",
    study: Annotated[str, typer.Option(help="Study Instance UID.")] = "",
    date: Annotated[str, typer.Option(help="Date or range, such as 20240101-20240131.")] = "",
    modality: Annotated[str, typer.Option(help="Modality that the study has.")] = "",
    description: Annotated[str, typer.Option(help="Study description.")] = "",
    series: Annotated[bool, typer.Option("--series", help="List the series of the study that --study names.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_STUDIES, help="Most studies.")] = 50,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Show which studies a peer has, and how much of each is here."""
    options: Context = context.obj
    query = StudyQuery(
        patient_id=patient_id,
        patient_name=patient_name,
        accession_number=accession,
        study_uid=study,
        study_date=date,
        modality=modality,
        description=description,
    )
    with options.site() as site:
        with site.database.write() as session:
            peer = find_peer(session, project_id(session, project), name)
            datasets.note_search(
                session, actor=local_principal().name, project_id=peer.project_id, name=name, query=query
            )
        with closing(site.calls.source(peer)) as source:
            rows = _series_rows(site, peer, source, study) if series else _study_rows(site, peer, source, query, limit)
    show(rows, as_json=as_json, empty="The peer has nothing that matches.")
    if not series and not as_json and len(rows) == limit:
        say(f"These are the first {limit}, there may be more: ask for less, or set --limit.")


def _study_rows(site: Site, peer: Peer, source: ImageSource, query: StudyQuery, limit: int) -> list[dict[str, object]]:
    found = source.find_studies(query, limit=limit)
    with site.database.read() as session:
        here = instances_here(session, peer.project_id, [study.study_uid for study in found])
    return [{**vars(study), "instances_here": here.get(study.study_uid, 0)} for study in found]


def _series_rows(site: Site, peer: Peer, source: ImageSource, study_uid: str) -> list[dict[str, object]]:
    found = source.find_series(study_uid)
    with site.database.read() as session:
        here = instances_of_series_here(session, peer.project_id, study_uid)
    return [{**vars(series), "instances_here": here.get(series.series_uid, 0)} for series in found]


def _said(site: Site, arguments: dict[str, Any]) -> dict[str, Any]:
    """Give the facts that the command line names."""
    said = {fact: arguments[fact] for fact in FACTS if arguments.get(fact) is not None}
    if "keep_hours" in said:
        said["keep_hours"] = said["keep_hours"] or None
    if arguments["network"]:
        said["networks"] = tuple(arguments["network"])
    if arguments["user"] is not None:
        said["user_name"] = arguments["user"]
    if arguments["secret_file"] is not None:
        said["secret"] = site.vault.lock(_secret(arguments["secret_file"]))
    return said


def _secret(path: Path) -> str:
    """Read a secret from where other users of the machine do not see it, unlike an argument."""
    text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    return text.strip()


def _rights(peer: Peer) -> list[str]:
    """Say what it may do when it calls; one without an AE title cannot call."""
    rights = (("store", peer.may_store), ("query", peer.may_query))
    return [word for word, may in rights if may and peer.ae_title]


def _address(peer: Peer) -> str:
    return peer.url if peer.kind == "dicomweb" else f"{peer.host}:{peer.port}"
