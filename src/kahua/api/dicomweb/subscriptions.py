"""Subscriptions to workitems, and the channel by which reports come (PS3.18 sections 11.10 to 11.13 and 8.10.4)."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response, WebSocket
from fastapi.concurrency import run_in_threadpool

from kahua.access import Permission, ProjectAccess, record
from kahua.api.dicomweb.service import PREFIX, base_url
from kahua.api.security import Access, SiteOfRequest
from kahua.errors import InvalidInput, KahuaError, ResourceBusy
from kahua.site import Site
from kahua.store.dicomweb.query import flag
from kahua.store.workitems import reports
from kahua.store.workitems.subscriptions import (
    FILTERED,
    GLOBAL,
    begin_channel,
    find_subscriber,
    is_newest,
    subscribe,
    subscribe_to_all,
    suspend,
    unsubscribe,
)

router = APIRouter(prefix=PREFIX, tags=["dicomweb"], include_in_schema=False)

#: Channels that are open at once in one process of the site.
MAX_CHANNELS = 64

#: Pause between two looks for reports of a channel, and reports that are sent at once.
POLL_SECONDS = 0.5
BATCH = 100

#: Who takes no report for this long is gone; and whether somebody still may listen is asked so often.
SEND_SECONDS = 30.0
CHECK_SECONDS = 60.0

#: Codes with which a channel is closed (RFC 6455 section 7.4.1).
NORMAL, UNSUPPORTED, REFUSED = 1000, 1003, 1008

#: Query parameters that are no conditions.
_OTHER = frozenset({"accept", "charset", "deletionlock", "filter"})

guard = Access(Permission.WORKITEM_READ)
Listener = Annotated[ProjectAccess, Depends(guard)]


@dataclass
class Channels:
    """The channels that are open in this process, by subscriber: of each one, the newest."""

    open: dict[str, object] = field(default_factory=dict)

    def begin(self, subscriber_id: str) -> object:
        """Note that a channel is opened, in the place of an older one of the same subscriber.

        Raises
        ------
        ResourceBusy
            Too many are open.
        """
        if len(self.open) >= MAX_CHANNELS and subscriber_id not in self.open:
            raise ResourceBusy("Too many channels are open.")
        mark = self.open[subscriber_id] = object()
        return mark

    def end(self, subscriber_id: str, mark: object) -> None:
        """Note that a channel is closed."""
        if self.open.get(subscriber_id) is mark:
            del self.open[subscriber_id]


@router.post("/workitems/{workitem}/subscribers/{subscriber}", operation_id="subscribe_to_workitem", status_code=201)
def subscribe_to_workitem(
    request: Request, workitem: str, subscriber: str, access: Listener, site: SiteOfRequest
) -> Response:
    """Subscribe an application to one workitem, to all, or to all that match."""
    query = request.query_params.multi_items()
    locked = any(name == "deletionlock" and flag(name, value) for name, value in query)
    user = access.principal.name
    with site.database.write() as session:
        if workitem in (GLOBAL, FILTERED):
            filters = list(_filters(query)) if workitem == FILTERED else []
            if workitem == FILTERED and not filters:
                raise InvalidInput("A filtered subscription names what is to match.", field="filter")
            subscribe_to_all(session, access.project_id, subscriber, user=user, locked=locked, filters=filters)
        else:
            subscribe(session, access.project_id, workitem, subscriber, user=user, locked=locked)
        record(
            session,
            actor=user,
            action="workitem.subscribed",
            subject=workitem,
            project_id=access.project_id,
            subscriber=subscriber[:16],
        )
    address = base_url(request, site, access)
    channel = f"ws{address.removeprefix('http')}/subscribers/{subscriber.strip()}"
    return Response(status_code=201, headers={"Content-Location": channel})


@router.delete("/workitems/{workitem}/subscribers/{subscriber}", operation_id="unsubscribe_from_workitem")
def unsubscribe_from_workitem(workitem: str, subscriber: str, access: Listener, site: SiteOfRequest) -> Response:
    """End a subscription; the end of that to all workitems ends every one."""
    with site.database.write() as session:
        unsubscribe(session, access.project_id, workitem, subscriber, user=access.principal.name)
    return Response(status_code=200)


@router.post("/workitems/{workitem}/subscribers/{subscriber}/suspend", operation_id="suspend_workitem_subscription")
def suspend_workitem_subscription(workitem: str, subscriber: str, access: Listener, site: SiteOfRequest) -> Response:
    """Subscribe an application to no more new workitems."""
    if workitem not in (GLOBAL, FILTERED):
        raise InvalidInput("Only a subscription to all workitems can be suspended.", dicom_status="C314")
    with site.database.write() as session:
        suspend(session, access.project_id, subscriber, user=access.principal.name)
    return Response(status_code=200)


@router.websocket("/subscribers/{subscriber}")
async def open_channel(websocket: WebSocket, subscriber: str, access: Listener, site: SiteOfRequest) -> None:
    """Send reports to a subscriber as they come; what came before waits until then."""
    subscriber_id = await run_in_threadpool(_subscriber_id, site, access, subscriber)
    channels: Channels = websocket.app.state.channels
    mark = channels.begin(subscriber_id)
    try:
        channel = await run_in_threadpool(_begin, site, access, subscriber)
        await websocket.accept()
        code = await _Channel(websocket, site, subscriber_id, channel).run()
        if code is not None:
            await websocket.close(code)
    finally:
        channels.end(subscriber_id, mark)


class _Channel:
    """One open channel."""

    def __init__(self, websocket: WebSocket, site: Site, subscriber_id: str, channel: str) -> None:
        self._websocket = websocket
        self._site = site
        self._subscriber_id = subscriber_id
        self._channel = channel

    async def run(self) -> int | None:
        """Send until there is a reason to close, and give its code; None if the other side is gone."""
        listening = asyncio.create_task(self._websocket.receive())
        check_at = asyncio.get_running_loop().time() + CHECK_SECONDS
        try:
            while (rows := await run_in_threadpool(self._waiting)) is not None:
                is_due = asyncio.get_running_loop().time() >= check_at
                if (rows or is_due) and not await run_in_threadpool(self._may_listen):
                    return REFUSED
                if is_due:
                    check_at += CHECK_SECONDS
                if not await self._send(rows):
                    return None
                await asyncio.wait({listening}, timeout=POLL_SECONDS)
                if listening.done():  # it has nothing to say: it left, or it is no subscriber
                    return UNSUPPORTED if listening.result()["type"] == "websocket.receive" else None
            return NORMAL
        finally:
            listening.cancel()

    async def _send(self, rows: Sequence[Any]) -> bool:
        """Send reports, and forget them when they were taken; whether the other side is still there."""
        try:
            for row in rows:
                await asyncio.wait_for(self._websocket.send_text(row.report.decode()), SEND_SECONDS)
        except (TimeoutError, RuntimeError, OSError):
            return False
        if rows:
            await run_in_threadpool(self._forget, [row.id for row in rows])
        return True

    def _waiting(self) -> Sequence[Any] | None:
        """Give the reports that wait; None if the subscriber has opened another channel, here or elsewhere."""
        with self._site.database.read() as session:
            if not is_newest(session, self._subscriber_id, self._channel):
                return None
            return reports.waiting(session, [self._subscriber_id], limit=BATCH)

    def _forget(self, ids: list[int]) -> None:
        with self._site.database.write() as session:
            reports.forget(session, ids)

    def _may_listen(self) -> bool:
        """Ask again what was asked at the opening: rights end, and so do tokens and subscriptions."""
        parts = self._websocket.path_params
        try:
            access = guard(self._websocket, parts["project"])
            return _subscriber_id(self._site, access, parts["subscriber"]) == self._subscriber_id
        except KahuaError:
            return False


def _subscriber_id(site: Site, access: ProjectAccess, subscriber: str) -> str:
    with site.database.read() as session:
        return find_subscriber(session, access.project_id, subscriber, user=access.principal.name).id


def _begin(site: Site, access: ProjectAccess, subscriber: str) -> str:
    with site.database.write() as session:
        return begin_channel(session, access.project_id, subscriber, user=access.principal.name)


def _filters(query: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Read conditions: of the parameter filter, with commas between, or each as a parameter of its own."""
    for name, value in query:
        if name == "filter":
            for condition in value.split(","):
                attribute, _, wanted = condition.partition("=")
                yield attribute.strip(), wanted
        elif name not in _OTHER:
            yield name, value
