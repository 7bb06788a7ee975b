"""``kahua pull``: fetch studies and series from peers."""

from pathlib import Path
from typing import Annotated

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.orders import add_commands
from kahua.cli.output import DEFAULT_PROJECT, Context, ProjectOption, say
from kahua.errors import InvalidInput
from kahua.site import project_id
from kahua.store import find_peer
from kahua.store.remote.pulls import PULLS, PullTerms
from kahua.store.remote.tables import PullItemRow
from kahua.store.remote.wishes import Wish, wishes_of_table

app = typer.Typer(name="pull", help="Fetch studies and series from peers.", no_args_is_help=True)


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


def _described(item: PullItemRow) -> dict[str, object]:
    return {
        "study_uid": item.study_uid,
        "series_uid": item.series_uid,
        "patient_id": item.patient_id,
        "accession": item.accession_number,
        "received": item.received,
        "expected": item.expected,
    }


add_commands(app, PULLS, _described, empty="Nothing was pulled yet: `kahua pull start PEER`.")


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
