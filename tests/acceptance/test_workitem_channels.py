"""Reports of workitems over a real WebSocket: to who subscribed, and to nobody else."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from kahua.dicom import new_uid
from kahua.testing.postgresql import PostgresServer
from kahua.testing.s3 import S3Server
from kahua.testing.workitems import new_workitem, performed, state, words

from .conftest import StartSite, client_of
from .running import Client, RunningSite

UPS = "/dicom-web/main/workitems"
GLOBAL = "1.2.840.10008.5.1.4.34.5"
FILTERED = "1.2.840.10008.5.1.4.34.5.1"

STATE_REPORT, CANCEL_REQUESTED, PROGRESS, SITE_STATUS, ASSIGNED = 1, 2, 3, 4, 5


def subscribe(client: Client, target: str, title: str, **query: str) -> str:
    """Subscribe, and give the address of the channel."""
    answer = client.http.post(f"{UPS}/{target}/subscribers/{title}", params=query)
    assert answer.status_code == 201, answer.text
    return answer.headers["Content-Location"]


@contextmanager
def channel(client: Client, address: str, **headers: str) -> Iterator[ClientConnection]:
    own = {"Authorization": client.http.headers["Authorization"]} | headers
    with connect(address, additional_headers=own) as connection:
        yield connection


def next_report(connection: ClientConnection) -> tuple[int, str, dict[str, Any]]:
    """Give kind, workitem and content of the next report that is not about the site."""
    while True:
        report = json.loads(connection.recv(timeout=30))
        (kind,) = report["00001002"]["Value"]
        if kind != SITE_STATUS:
            return kind, report["00001000"]["Value"][0], report


def create(client: Client, **changes: Any) -> str:
    uid = new_uid()
    assert client.http.post(f"{UPS}?{uid}", json=new_workitem(**changes)).status_code == 201
    return uid


def test_a_subscriber_hears_the_whole_way_of_a_workitem_also_what_came_while_it_was_away(client: Client) -> None:
    uid, lock = create(client), new_uid()
    address = subscribe(client, uid, "WATCHER")
    assert address.startswith("ws://")
    client.http.put(f"{UPS}/{uid}/state", json=state("IN PROGRESS", lock))
    with channel(client, address) as connection:
        reports = [next_report(connection) for _ in range(2)]
        assert [(kind, about, report["00741000"]["Value"]) for kind, about, report in reports] == [
            (STATE_REPORT, uid, ["SCHEDULED"]),
            (STATE_REPORT, uid, ["IN PROGRESS"]),
        ]
        progress = {"00741002": {"vr": "SQ", "Value": [{"00741004": words("DS", 50)}]}}
        client.http.post(f"{UPS}/{uid}?{lock}", json=progress)
        kind, _, report = next_report(connection)
        assert (kind, report["00741002"]["Value"][0]["00741004"]["Value"]) == (PROGRESS, [50])
        wish = {"00741238": words("LT", "Wrong patient")}
        assert client.http.post(f"{UPS}/{uid}/cancelrequest", json=wish).status_code == 202
        kind, _, report = next_report(connection)
        assert (kind, report["00741238"]["Value"]) == (CANCEL_REQUESTED, ["Wrong patient"])
        client.http.post(f"{UPS}/{uid}?{lock}", json=performed())
        client.http.put(f"{UPS}/{uid}/state", json=state("COMPLETED", lock))
        assert next_report(connection)[2]["00741000"]["Value"] == ["COMPLETED"]
    with channel(client, address) as connection, pytest.raises(TimeoutError):
        connection.recv(timeout=2)  # nothing comes twice
    assert client.http.delete(f"{UPS}/{uid}/subscribers/WATCHER").status_code == 200


def test_all_or_those_that_match_are_subscribed_until_it_is_suspended(client: Client) -> None:
    everything = subscribe(client, GLOBAL, "ALL")
    some = subscribe(client, FILTERED, "SOME", filter="ScheduledProcedureStepPriority=HIGH")
    low, high = create(client), create(client, t00741200=words("CS", "HIGH"))
    with channel(client, everything) as all_of_them, channel(client, some) as those:
        assert [next_report(all_of_them)[1] for _ in range(2)] == [low, high]
        assert next_report(those)[1] == high
        for target, title in ((GLOBAL, "ALL"), (FILTERED, "SOME")):
            assert client.http.post(f"{UPS}/{target}/subscribers/{title}/suspend").status_code == 200
        create(client, t00741200=words("CS", "HIGH"))
        client.http.post(f"{UPS}/{high}/cancelrequest")
        for connection in (all_of_them, those):
            assert [next_report(connection)[1] for _ in range(2)] == [high, high]
    for target, title in ((GLOBAL, "ALL"), (FILTERED, "SOME")):
        assert client.http.delete(f"{UPS}/{target}/subscribers/{title}").status_code == 200
        assert client.http.delete(f"{UPS}/{target}/subscribers/{title}").status_code == 404


def test_who_may_not_listen_is_not_let_in(client: Client, site: Any) -> None:
    address = subscribe(client, create(client), "MINE")
    with pytest.raises(InvalidStatus), connect(address):
        pass
    with pytest.raises(InvalidStatus), connect(address, additional_headers={"Authorization": "Bearer nonsense"}):
        pass
    with pytest.raises(InvalidStatus), channel(client, address, Origin="https://evil.example"):
        pass
    with pytest.raises(InvalidStatus), channel(client, address.replace("MINE", "NOBODY")):
        pass
    with pytest.raises(InvalidStatus), channel(client, address.replace("/main/", "/nosuch/")):
        pass
    with pytest.raises(InvalidStatus), channel(client, f"ws{site.url.removeprefix('http')}/api/me"):
        pass
    assert client.http.get(UPS).is_success


def test_the_title_of_another_user_cannot_be_taken(client: Client, site: Any) -> None:
    subscribe(client, GLOBAL, "OWNED")
    said = site.kahua("user", "add", "eve", "--administrator")
    assert said.returncode == 0, said.stderr
    token = site.kahua("user", "token", "eve", "--label", "test").stdout.strip()
    with httpx.Client(base_url=site.url, headers={"Authorization": f"Bearer {token}"}) as eve:
        assert eve.post(f"{UPS}/{GLOBAL}/subscribers/OWNED").status_code == 403
        assert eve.delete(f"{UPS}/{GLOBAL}/subscribers/OWNED").status_code == 403
    client.http.delete(f"{UPS}/{GLOBAL}/subscribers/OWNED")


def test_who_talks_instead_of_listening_is_cut_off_and_the_newest_channel_counts(client: Client) -> None:
    address = subscribe(client, create(client), "TALKER")
    with channel(client, address) as first:
        next_report(first)
        with channel(client, address) as second:
            with pytest.raises(ConnectionClosed) as closed:
                first.recv(timeout=30)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1000
            second.send("x" * 100_000)
            with pytest.raises(ConnectionClosed) as closed:
                second.recv(timeout=30)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1003


@pytest.mark.parametrize(
    "flood",
    [
        b"\x82\xff" + (1 << 62).to_bytes(8, "big") + bytes(100_000),
        (b"\x02\xff" + (10_000_000).to_bytes(8, "big") + bytes(10_000_004)) * 5,
        b"\x02\x80" + bytes(4) + (b"\x00\x80" + bytes(4)) * 200_000 + b"\x80\x80" + bytes(4),
        b"\xff" * 1000,
    ],
    ids=["a length that lies", "large frames", "fragments of nothing", "no frames"],
)
def test_floods_on_a_channel_end_it_with_little_memory(client: Client, site: RunningSite, flood: bytes) -> None:
    web = psutil.Process(site.parts()["web"])
    address, before = subscribe(client, create(client), "FLOOD"), web.memory_info().rss
    with channel(client, address) as connection:
        next_report(connection)
        with suppress(OSError):  # it may be closed while it is still sent
            connection.socket.sendall(flood)
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=30)
    assert web.memory_info().rss - before < 50_000_000
    assert client.http.get(UPS).is_success


def test_no_more_channels_are_open_than_the_site_wants(client: Client) -> None:
    uid, refused = create(client), 0
    with ExitStack() as stack:
        for number in range(70):
            try:
                stack.enter_context(channel(client, subscribe(client, uid, f"CROWD{number}")))
            except InvalidStatus:
                refused += 1
        assert refused >= 6
        assert client.http.get(UPS).is_success
    for number in range(70):
        client.http.delete(f"{UPS}/{uid}/subscribers/CROWD{number}")


def test_a_site_with_open_channels_stops_and_tells_of_its_restart(start_site: StartSite) -> None:
    site = start_site()
    client = client_of(site)
    address = subscribe(client, GLOBAL, "PATIENT")
    with channel(client, address) as connection:
        site.stop()
        with pytest.raises(ConnectionClosed):
            list(connection)
    site.start()
    again = Client(site, client.http.headers["Authorization"].removeprefix("Bearer "))
    with channel(again, f"ws{site.url.removeprefix('http')}/dicom-web/main/subscribers/PATIENT") as connection:
        report = json.loads(connection.recv(timeout=30))
        assert report["00741242"]["Value"] == ["RESTARTED"]
    client.http.close()
    again.http.close()


@pytest.fixture
def two_parts(start_site: StartSite, postgresql: PostgresServer, s3: S3Server) -> Iterator[tuple[Client, Client]]:
    """Give the administrator at two web parts, each with a worker, of one site on PostgreSQL and S3."""
    with postgresql.database() as url:
        settings = {"database_url": url, **s3.settings()}
        parts = [start_site(**settings) for _ in range(2)]
        here = client_of(parts[0])
        there = Client(parts[1], here.http.headers["Authorization"].removeprefix("Bearer "))
        yield here, there
        for client in (here, there):
            client.http.close()
        for part in parts:
            part.stop()


def test_what_one_part_of_a_site_changes_is_told_on_a_channel_of_another(two_parts: tuple[Client, Client]) -> None:
    here, there = two_parts
    address, lock = subscribe(there, GLOBAL, "ELSEWHERE"), new_uid()
    with channel(there, address) as connection:
        uid = create(here)
        assert next_report(connection)[:2] == (STATE_REPORT, uid)
        assert here.http.put(f"{UPS}/{uid}/state", json=state("IN PROGRESS", lock)).is_success
        assert next_report(connection)[2]["00741000"]["Value"] == ["IN PROGRESS"]
        wish = {"00741238": words("LT", "Wrong patient")}
        assert there.http.post(f"{UPS}/{uid}/cancelrequest", json=wish).status_code == 202
        assert next_report(connection)[2]["00741238"]["Value"] == ["Wrong patient"]
        assert there.http.put(f"{UPS}/{uid}/state", json=state("CANCELED", new_uid())).status_code == 400
        assert there.http.post(f"{UPS}/{uid}?{lock}", json=performed()).is_success
        assert here.http.put(f"{UPS}/{uid}/state", json=state("CANCELED", lock)).is_success
        assert next_report(connection)[2]["00741000"]["Value"] == ["CANCELED"]
        idle = create(there)
        assert next_report(connection)[:2] == (STATE_REPORT, idle)
        assert here.http.post(f"{UPS}/{idle}/cancelrequest").status_code == 202
        kinds = [next_report(connection) for _ in range(2)]
        assert {about for _, about, _ in kinds} == {idle}
        with pytest.raises(TimeoutError):
            connection.recv(timeout=2)  # nothing comes twice, though two workers look
    other = f"ws{str(here.http.base_url).removeprefix('http').rstrip('/')}/dicom-web/main/subscribers/ELSEWHERE"
    with channel(there, address) as first, channel(here, other) as second:
        with pytest.raises(ConnectionClosed):
            first.recv(timeout=30)
        newest = create(there)
        assert next_report(second)[:2] == (STATE_REPORT, newest)
