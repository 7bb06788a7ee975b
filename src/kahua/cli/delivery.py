"""``kahua send`` and ``kahua delivery``: send series to peers, and see what went where."""

from typing import Annotated

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.orders import add_commands
from kahua.cli.output import DEFAULT_PROJECT, Context, ProjectOption, say
from kahua.site import project_id
from kahua.store import find_peer
from kahua.store.remote.deliveries import DELIVERIES
from kahua.store.remote.tables import DeliveryItemRow

app = typer.Typer(name="delivery", help="What is sent to peers.", no_args_is_help=True)


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


def _described(item: DeliveryItemRow) -> dict[str, object]:
    return {"series": item.series_id, "sent": item.sent, "failed": item.failed, "held_back": item.held_back}


add_commands(app, DELIVERIES, _described, empty="Nothing was sent yet: `kahua send --peer PEER --series ID`.")
