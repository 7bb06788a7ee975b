"""``kahua project confidentiality``: what a project decides about the identity of its patients."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import Context, JsonOption, YesOption, confirm, read_secret, say, show
from kahua.dicom import Kept
from kahua.errors import StateConflict
from kahua.site import project_id
from kahua.store import TABLE_COLUMNS, Policy, SealKeys, as_csv, find_report, policy_of, reports_of, table_of

app = typer.Typer(
    name="confidentiality", help="How a project's objects are de-identified, and when.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help="Name of the project.")]


@app.command("show")
def show_policy(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Show how the objects of a project are de-identified, and when."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        policy = policy_of(session, project_id(session, name))
    show([_described(policy)], as_json=as_json, empty="")


@app.command("set")
def set_policy(
    context: typer.Context,
    name: NameArgument,
    on_arrival: Annotated[
        bool | None, typer.Option(help="De-identify whatever comes in before it is stored, or do not.")
    ] = None,
    dates: Annotated[
        Literal["shift", "remove"] | None, typer.Option(help="Move all dates of a patient, or remove them.")
    ] = None,
    keep: Annotated[
        list[Kept], typer.Option(help="What may stay, instead of what may stay now; may be given many times.")
    ] = [],  # noqa: B006 - typer
    keep_nothing: Annotated[bool, typer.Option("--keep-nothing", help="Nothing may stay any longer.")] = False,
    suspicious_pixels: Annotated[
        Literal["hold", "flag"] | None,
        typer.Option(help="Hold back what may show a name in its pixels, or let it go with a warning."),
    ] = None,
    faces: Annotated[
        Literal["leave", "flag", "hold"] | None,
        typer.Option(help="Leave, flag or hold back what may show a face: nobody removes it."),
    ] = None,
) -> None:
    """Decide how the objects of a project are de-identified from now on; what is not named stays as it is."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, name)
        before = policy_of(session, identity)
        profile = before.profile.keeping(keep) if keep or keep_nothing else before.profile
        policy = Policy(
            on_arrival=before.on_arrival if on_arrival is None else on_arrival,
            profile=replace(
                profile,
                dates=dates or profile.dates,
                suspicious_pixels=suspicious_pixels or profile.suspicious_pixels,
                faces=faces or profile.faces,
            ),
        )
        datasets.change_policy(session, project_id=identity, actor=local_principal().name, policy=policy)
    say(f"Decided for {name}: {', '.join(f'{key} {value}' for key, value in _described(policy).items())}.")


@app.command("seal")
def seal_patients(
    context: typer.Context,
    name: NameArgument,
    passphrase_file: Annotated[
        Path, typer.Option(help="File with the passphrase, which the site does not keep; - reads standard input.")
    ],
) -> None:
    """Keep who is behind the pseudonyms of arrivals, sealed: only the passphrase opens it again."""
    options: Context = context.obj
    keys = SealKeys.new(read_secret(passphrase_file))
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, name)
        datasets.seal_patients(session, project_id=identity, actor=local_principal().name, keys=keys)


@app.command("forget")
def forget_patients(context: typer.Context, name: NameArgument, yes: YesOption = False) -> None:
    """Forget for good who is behind the pseudonyms of arrivals."""
    options: Context = context.obj
    confirm(f"Forget who the patients of {name} are? This cannot be undone.", yes=yes)
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, name)
        number = datasets.forget_patients(session, project_id=identity, actor=local_principal().name)
    say(f"{number} patients are forgotten.")


@app.command("reports")
def list_reports(
    context: typer.Context,
    name: NameArgument,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most reports.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what de-identification changed: exports, sendings, and arrivals day by day."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [
            {
                "id": row.id,
                "occasion": row.occasion,
                "subject": row.subject,
                "actor": row.actor,
                "started": row.started_at,
                "instances": row.instances,
                "left_out": row.left_out,
            }
            for row in reports_of(session, project_id(session, name), limit=limit)
        ]
    show(rows, as_json=as_json, empty="Nothing was de-identified in this project yet.")


@app.command("report")
def write_report(
    context: typer.Context,
    name: NameArgument,
    report: Annotated[str, typer.Argument(help="Id of the report.")],
    out: Annotated[Path | None, typer.Option(help="Write it as CSV to this file, which must not be there yet.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what one export, one sending or one day's arrivals changed."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        table = table_of(find_report(session, project_id(session, name), report))
    if out is None:
        show([dict(zip(TABLE_COLUMNS, row, strict=True)) for row in table], as_json=as_json, empty="Nothing was done.")
        return
    try:
        with out.open("xb") as file:
            file.write(as_csv(TABLE_COLUMNS, table))
    except FileExistsError:
        raise StateConflict(f"{out} is there already.", remedy="Name another file.") from None


def _described(policy: Policy) -> dict[str, object]:
    profile = policy.profile
    return {
        "on_arrival": "yes" if policy.on_arrival else "no",
        "dates": profile.dates,
        "keep": ", ".join(profile.kept) or "nothing",
        "suspicious_pixels": profile.suspicious_pixels,
        "faces": profile.faces,
    }
