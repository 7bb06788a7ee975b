"""What `kahua pull` and `kahua delivery` have in common: list, show, cancel, retry."""

from collections.abc import Callable
from typing import Annotated

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, show, show_json
from kahua.site import project_id
from kahua.store.remote.orders import Item, Order, Orders, Progress

#: Orders that a list shows.
SHOWN = 100

#: Items that are shown of one.
MOST_ITEMS = 100_000

Fact = Callable[[Item], dict[str, object]]


def add_commands(app: typer.Typer, orders: Orders[Order, Item], describe: Fact[Item], *, empty: str) -> None:
    """Give a noun the commands that all orders have."""
    named = Annotated[str, typer.Argument(metavar=orders.word.upper(), help=f"Id of the {orders.word}.")]

    @app.command("list", help=f"List what there is of the kind {orders.word}, newest first.")
    def list_all(context: typer.Context, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False) -> None:
        options: Context = context.obj
        with options.site() as site, site.database.read() as session:
            rows = [_row(progress) for progress in orders.page(session, project_id(session, project), limit=SHOWN)]
        show(rows, as_json=as_json, empty=empty)

    @app.command("show", help=f"Show how far a {orders.word} is, and what became of each series.")
    def show_one(
        context: typer.Context, order: named, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False
    ) -> None:
        options: Context = context.obj
        with options.site() as site, site.database.read() as session:
            row = orders.find(session, project_id(session, project), order)
            progress = orders.progress(session, row)
            items = [
                {**describe(item), "state": item.state, "attempts": item.attempts, "note": item.note}
                for item in orders.items(session, row, limit=MOST_ITEMS)
            ]
        if as_json:
            show_json({**_row(progress), "items": items})
            return
        show([_row(progress)], as_json=False, empty="")
        show(items, as_json=False, empty="")

    @app.command(help=f"End a {orders.word}; what has come or gone stays so.")
    def cancel(context: typer.Context, order: named, project: ProjectOption = DEFAULT_PROJECT) -> None:
        _change(context, order, project, datasets.cancel_order)

    @app.command(help=f"Try again what failed, or was cancelled, of a {orders.word}.")
    def retry(context: typer.Context, order: named, project: ProjectOption = DEFAULT_PROJECT) -> None:
        _change(context, order, project, datasets.retry_order)

    def _change(context: typer.Context, order: str, project: str, change: Callable[..., object]) -> None:
        options: Context = context.obj
        with options.site() as site, site.database.write() as session:
            identity = project_id(session, project)
            change(session, orders, project_id=identity, actor=local_principal().name, order_id=order)


def _row(progress: Progress[Order]) -> dict[str, object]:
    order = progress.order
    return {
        "id": order.id,
        "peer": order.peer_name,
        "state": order.state,
        "series": ", ".join(f"{count} {state}" for state, count in sorted(progress.items.items())),
        **progress.instances,
        "by": order.created_by,
        "created": order.created_at,
        "finished": order.finished_at,
    }
