"""``kahua send`` and ``kahua delivery``: send series to peers, and see what went where."""

from typing import Annotated

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, say, show, show_json
from kahua.site import project_id
from kahua.store import find_peer
from kahua.store.remote.deliveries import (
    MAX_SERIES,
    DeliveryProgress,
    find_delivery,
    items_of_delivery,
    list_deliveries,
    progress_of,
)

app = typer.Typer(name="delivery", help="What is sent to peers.", no_args_is_help=True)

DeliveryArgument = Annotated[str, typer.Argument(help="Id of the delivery.")]


def send(
    context: typer.Context,
    peer: Annotated[str, typer.Option(help="Name of the peer.")],
    series: Annotated[list[str], typer.Option(help="Id of a series; many times.")] = [],  # noqa: B006 - typer
    study: Annotated[str | None, typer.Option(help="Study Instance UID.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Name of a dataset.")] = None,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Have series sent to a peer, de-identified unless it takes them as stored; the worker does it."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        delivery = datasets.start_delivery(
            session,
            peer=find_peer(session, project_id(session, project), peer),
            actor=local_principal().name,
            series=series,
            study_uid=study,
            dataset=dataset,
        )
    say(delivery.id)


@app.command("list")
def list_all(context: typer.Context, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False) -> None:
    """List deliveries, newest first."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [_row(progress) for progress in list_deliveries(session, project_id(session, project), limit=100)]
    show(rows, as_json=as_json, empty="Nothing was sent yet: `kahua send --peer PEER --series ID`.")


@app.command("show")
def show_one(
    context: typer.Context,
    delivery: DeliveryArgument,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Show how far a delivery is, and what became of each series."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        row = find_delivery(session, project_id(session, project), delivery)
        progress = progress_of(session, row)
        items = [
            {
                "series": item.series_id,
                "state": item.state,
                "attempts": item.attempts,
                "sent": item.sent,
                "failed": item.failed,
                "held_back": item.held_back,
                "note": item.note,
            }
            for item in items_of_delivery(session, row, limit=MAX_SERIES)
        ]
    if as_json:
        show_json({**_row(progress), "items": items})
        return
    show([_row(progress)], as_json=False, empty="")
    show(items, as_json=False, empty="")


@app.command()
def cancel(context: typer.Context, delivery: DeliveryArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """End a delivery; what has gone is gone."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        datasets.cancel_delivery(session, project_id=identity, actor=local_principal().name, delivery_id=delivery)


def _row(progress: DeliveryProgress) -> dict[str, object]:
    delivery = progress.delivery
    return {
        "id": delivery.id,
        "peer": delivery.peer_name,
        "state": delivery.state,
        "series": ", ".join(f"{count} {state}" for state, count in sorted(progress.items.items())),
        "sent": progress.sent,
        "failed": progress.failed,
        "held_back": progress.held_back,
        "deidentified": delivery.profile is not None,
        "by": delivery.created_by,
        "created": delivery.created_at,
        "finished": delivery.finished_at,
    }
