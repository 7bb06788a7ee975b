"""What is shown of pulls and of deliveries alike: how far they are, item by item, as JSON and as a table."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Query, Response
from pydantic import BaseModel

from kahua.access import ProjectAccess
from kahua.api.schemas import Page
from kahua.datasets import FoundSeries, some_series
from kahua.site import Site
from kahua.store import as_csv
from kahua.store.remote.orders import Item, Order, Orders, Progress

Shown = TypeVar("Shown", bound=BaseModel)

After = Annotated[int, Query(ge=0, description="`id` of the last item of the page before.")]

#: Items that are read at once for a table.
BATCH = 1000

#: Answer of a route that gives a table.
CSV: dict[int | str, dict[str, object]] = {200: {"content": {"text/csv": {}}}}


class OrderProgressItem(BaseModel):
    """How far an order is."""

    id: str
    peer: str
    #: `active`, `done` or `cancelled`.
    state: str
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    #: Items by state: `waiting`, `done`, `failed`, `cancelled`.
    items: dict[str, int]


class OrderedSeries(BaseModel):
    """A series of this site that an order is about, as people know it."""

    id: str
    modality: str
    description: str
    patient_id: str
    patient_name: str


class OrderItem(BaseModel):
    """A part of an order."""

    id: int
    #: `waiting`, `done`, `failed` or `cancelled`.
    state: str
    attempts: int
    #: When it is tried next, if it waits.
    not_before: datetime
    #: What went wrong last, or what is odd.
    note: str
    finished_at: datetime | None
    #: The series that are sent, or that came; those that are still there.
    series: list[OrderedSeries] = []


ShownItem = TypeVar("ShownItem", bound=OrderItem)


def told(progress: Progress[Order]) -> dict[str, object]:
    """Give what is told of every order."""
    order = progress.order
    return {
        "id": order.id,
        "peer": order.peer_name,
        "state": order.state,
        "created_by": order.created_by,
        "created_at": order.created_at,
        "finished_at": order.finished_at,
        "items": progress.items,
        **progress.instances,
    }


def page_of_orders(
    site: Site,
    may: ProjectAccess,
    orders: Orders[Order, Item],
    show: Callable[[Progress[Order]], Shown],
    *,
    limit: int,
    cursor: str | None,
) -> Page[Shown]:
    """Give a page of orders, newest first."""
    with site.database.read() as session:
        before = orders.find(session, may.project_id, cursor) if cursor else None
        found = orders.page(session, may.project_id, limit=limit + 1, before=before)
    return Page(
        items=[show(progress) for progress in found[:limit]],
        next_cursor=found[limit - 1].order.id if len(found) > limit else None,
    )


def page_of_items(
    site: Site,
    may: ProjectAccess,
    orders: Orders[Order, Item],
    order_id: str,
    model: type[ShownItem],
    *,
    limit: int,
    after: int,
) -> Page[ShownItem]:
    """Give a page of the items of an order, as they were put in."""
    with site.database.read() as session:
        order = orders.find(session, may.project_id, order_id)
        rows = orders.items(session, order, limit=limit + 1, after=after)
        shown = [model.model_validate(row, from_attributes=True) for row in rows[:limit]]
        here = some_series(session, may.project_id, [id_ for row in rows[:limit] for id_ in row.series_here])
    for item, row in zip(shown, rows, strict=False):
        item.series = [_ordered(here[id_]) for id_ in row.series_here if id_ in here]
    return Page(items=shown, next_cursor=str(rows[limit - 1].id) if len(rows) > limit else None)


def _ordered(found: FoundSeries) -> OrderedSeries:
    return OrderedSeries(
        id=found.series.id,
        modality=found.series.modality,
        description=found.series.description,
        patient_id=found.study.patient_id,
        patient_name=found.study.patient_name,
    )


def table_of_items(
    site: Site, may: ProjectAccess, orders: Orders[Order, Item], order_id: str, model: type[ShownItem]
) -> Response:
    """Give all items of an order as a table."""
    names = [name for name in model.model_fields if name != "series"]
    items = _all_items(site, may, orders, order_id, model)
    rows = [[getattr(item, name) for name in names] for item in items]
    headers = {
        "Content-Disposition": f'attachment; filename="{orders.word}-{order_id}.csv"',
        "Cache-Control": "no-store",
    }
    return Response(as_csv(names, rows), media_type="text/csv", headers=headers)


def _all_items(
    site: Site, may: ProjectAccess, orders: Orders[Order, Item], order_id: str, model: type[ShownItem]
) -> Iterator[ShownItem]:
    after = 0
    while True:
        page = page_of_items(site, may, orders, order_id, model, limit=BATCH, after=after)
        yield from page.items
        if page.next_cursor is None:
            return
        after = int(page.next_cursor)
