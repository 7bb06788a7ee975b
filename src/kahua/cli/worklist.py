"""``kahua worklist``: what the worklist of a department says is to be done."""

from typing import Annotated

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, show
from kahua.site import project_id
from kahua.store import find_peer
from kahua.store.remote.worklist import StepQuery


def worklist(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the peer that has the worklist.")],
    date: Annotated[str, typer.Option(help="Date or range, such as 20240101-20240131.")] = "",
    modality: Annotated[str, typer.Option(help="Modality of the step, such as CT.")] = "",
    station: Annotated[str, typer.Option(help="AE title of the station that is to do it.")] = "",
    patient_id: Annotated[str, typer.Option(help="Patient ID.")] = "",
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Show the scheduled procedure steps of a modality worklist, by C-FIND."""
    options: Context = context.obj
    query = StepQuery(date=date, modality=modality, station=station, patient_id=patient_id)
    with options.site() as site:
        with site.database.write() as session:
            peer = find_peer(session, project_id(session, project), name)
            datasets.note_search(
                session, actor=local_principal().name, project_id=peer.project_id, name=name, query=query
            )
        rows: list[dict[str, object]] = [dict(vars(step)) for step in site.calls.worklist(peer, query)]
    show(rows, as_json=as_json, empty="Nothing that matches is scheduled.")
