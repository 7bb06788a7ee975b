"""``kahua pull``: fetch studies and series from peers."""

from pathlib import Path
from typing import Annotated

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, say, show, show_json
from kahua.errors import InvalidInput
from kahua.site import project_id
from kahua.store import find_peer
from kahua.store.remote.pulls import PullProgress, PullTerms, find_pull, items_of_pull, list_pulls, progress_of
from kahua.store.remote.wishes import Wish, wishes_of_table

app = typer.Typer(name="pull", help="Fetch studies and series from peers.", no_args_is_help=True)

PullArgument = Annotated[str, typer.Argument(help="Id of the pull.")]


@app.command()
def start(
    context: typer.Context,
    peer: Annotated[str, typer.Argument(help="Name of the peer.")],
    study: Annotated[list[str], typer.Option(help="Study Instance UID; many times.")] = [],  # noqa: B006 - typer
    series: Annotated[list[str], typer.Option(help="STUDY/SERIES, two UIDs; many times.")] = [],  # noqa: B006
    accession: Annotated[list[str], typer.Option(help="Accession number; many times.")] = [],  # noqa: B006
    patient_id: Annotated[list[str], typer.Option(help="Patient ID; many times.")] = [],  # noqa: B006
    table: Annotated[
        Path | None,
        typer.Option(
            help="CSV file; its first line names PatientID, AccessionNumber, StudyInstanceUID, SeriesInstanceUID."
        ),
    ] = None,
    rate: Annotated[int, typer.Option(min=0, help="Instances a minute, on average; 0 is as fast as it goes.")] = 0,
    window: Annotated[
        list[str],
        typer.Option(help="Time of the day in which series may begin, such as 19:00-06:00; many times."),
    ] = [],  # noqa: B006
    keep_hours: Annotated[
        int | None, typer.Option(min=1, help="Leave the images at the peer after so many hours.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Add the series to this dataset.")] = None,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Have studies or series fetched; the worker does it, and goes on after whatever stops it."""
    options: Context = context.obj
    wishes = [
        *(Wish(study_uid=uid) for uid in study),
        *(_series(text) for text in series),
        *(Wish(accession_number=number) for number in accession),
        *(Wish(patient_id=each) for each in patient_id),
        *(wishes_of_table(_text(table)) if table else ()),
    ]
    terms = PullTerms(rate=rate, windows=tuple(window), keep_hours=keep_hours, dataset=dataset)
    with options.site() as site, site.database.write() as session:
        pull = datasets.start_pull(
            session,
            peer=find_peer(session, project_id(session, project), peer),
            actor=local_principal().name,
            wishes=wishes,
            terms=terms,
        )
    say(pull.id)


@app.command("list")
def list_all(context: typer.Context, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False) -> None:
    """List pulls, newest first."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [_row(progress) for progress in list_pulls(session, project_id(session, project), limit=100)]
    show(rows, as_json=as_json, empty="Nothing was pulled yet: `kahua pull start PEER`.")


@app.command("show")
def show_one(
    context: typer.Context, pull: PullArgument, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False
) -> None:
    """Show how far a pull is, and what became of each series."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        row = find_pull(session, project_id(session, project), pull)
        progress = progress_of(session, row)
        items = [
            {
                "study_uid": item.study_uid,
                "series_uid": item.series_uid,
                "patient_id": item.patient_id,
                "accession": item.accession_number,
                "state": item.state,
                "attempts": item.attempts,
                "received": item.received,
                "expected": item.expected,
                "note": item.note,
            }
            for item in items_of_pull(session, row, limit=100_000)
        ]
    if as_json:
        show_json({**_row(progress), "items": items})
        return
    show([_row(progress)], as_json=False, empty="")
    show(items, as_json=False, empty="")


@app.command()
def cancel(context: typer.Context, pull: PullArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """End a pull; what came stays."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        datasets.cancel_pull(session, project_id=identity, actor=local_principal().name, pull_id=pull)


def _row(progress: PullProgress) -> dict[str, object]:
    pull = progress.pull
    return {
        "id": pull.id,
        "peer": pull.peer_name,
        "state": pull.state,
        "series": ", ".join(f"{count} {state}" for state, count in sorted(progress.items.items())),
        "received": progress.received,
        "duplicates": progress.duplicates,
        "refused": progress.refused,
        "by": pull.created_by,
        "created": pull.created_at,
        "finished": pull.finished_at,
    }


def _series(text: str) -> Wish:
    study, slash, series = text.partition("/")
    if not slash:
        raise InvalidInput("A series is named as STUDY/SERIES, two UIDs.", field="series")
    return Wish(study_uid=study, series_uid=series)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as text in UTF-8.", field="table") from error
