"""PostgreSQL is restarted, or away for a while, while a site is busy: clean refusals, and all goes on by itself."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from pydicom import Dataset

from kahua.testing.factory import CT_IMAGE_STORAGE, ct_series, data_set_bytes, mr_series, part10
from kahua.testing.postgresql import PostgresServer, lacking, postgres_server

from .conftest import StartSite, client_of, install
from .peers import associate, send, store_bytes
from .running import Client, RunningSite, wait_for

OUT_OF_RESOURCES = 0xA700

#: Statuses with which HTTP may answer while the database is away.
OK, UNAVAILABLE = 200, 503

#: How long the database is away, in seconds.
AWAY = 30.0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Start a server of its own, which may be stopped."""
    if reason := lacking():
        pytest.skip(reason)
    with postgres_server() as server:
        yield server


class Busy:
    """Sends by C-STORE and by STOW-RS, and asks, all the time; what was acknowledged and what was answered is kept."""

    def __init__(self, site: RunningSite, client: Client) -> None:
        self.site, self._sender, self._asker = site, client.apart(), client.apart()
        self.acknowledged: set[str] = set()
        self.statuses: dict[str, Counter[int | None]] = {name: Counter() for name in ("store", "stow", "query")}
        self._stop = threading.Event()
        self._series = (ct_series(slices=8, seed=f"busy {number}") for number in count())
        self._lock = threading.Lock()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Do so for the time of a block; nothing may be stuck in the end."""
        with ThreadPoolExecutor(3) as pool:
            workers = [pool.submit(self._again_and_again, each) for each in (self._store, self._stow, self._query)]
            try:
                yield
            finally:
                self._stop.set()
            for worker in workers:
                worker.result(timeout=90)
        for client in (self._sender, self._asker):
            client.http.close()

    def _again_and_again(self, step: Callable[[], None]) -> None:
        while not self._stop.is_set():
            step()
            time.sleep(0.02)

    def _next(self) -> list[Dataset]:
        with self._lock:
            return next(self._series)

    def _store(self) -> None:
        association = associate(self.site, CT_IMAGE_STORAGE)
        if not association.is_established:  # refused for now: the database says whom the site lets in
            self.statuses["store"][None] += 1
            return
        for instance in self._next():
            status = store_bytes(association, CT_IMAGE_STORAGE, instance.SOPInstanceUID, data_set_bytes(instance))
            self.statuses["store"][status] += 1
            if status == 0:
                self.acknowledged.add(str(instance.SOPInstanceUID))
        association.release()

    def _stow(self) -> None:
        instance = self._next()[0]
        headers = {"Content-Type": "application/dicom"}
        answer = self._sender.http.post("/dicom-web/main/studies", content=part10(instance), headers=headers)
        self.statuses["stow"][answer.status_code] += 1
        if answer.is_success:
            self.acknowledged.add(str(instance.SOPInstanceUID))

    def _query(self) -> None:
        for path in ("/dicom-web/main/instances?limit=5", "/api/projects/main/series"):
            self.statuses["query"][self._asker.http.get(path).status_code] += 1


def uids_of(client: Client) -> set[str]:
    found: set[str] = set()
    while page := client.http.get("/dicom-web/main/instances", params={"limit": 1000, "offset": len(found)}):
        answer = page.json() if page.content else []
        found |= {item["00080018"]["Value"][0] for item in answer}
        if len(answer) < 1000:
            return found
    return found


@pytest.mark.parametrize("away", [0.0, AWAY], ids=["restarted", "away for a while"])
def test_a_site_that_is_busy_goes_on_after_the_database_was_away(
    start_site: StartSite, server: PostgresServer, packages: tuple[Path, str], away: float
) -> None:
    with server.database() as url:
        site = start_site(database_url=url)
        client = client_of(site)
        workflow = install(client, packages[1])
        images = mr_series(slices=4, seed="outage of the database")
        send(site, images)
        shown = client.wait_for_series(images[0].SeriesInstanceUID, preview=True, instances=4)
        run = client.post("runs", {"workflow": workflow, "series": [shown["id"]], "parameters": {"pause": 3}})
        web, receive = (site.parts()[name] for name in ("web", "receive"))
        busy = Busy(site, client)
        with busy.going_on():
            time.sleep(2)
            server.stop()
            stopped = time.monotonic()
            if away:
                wait_for(lambda: busy.statuses["query"][UNAVAILABLE] > 3, "the news of the outage")
                assert client.http.get("/healthz").is_success
                assert client.http.get("/readyz").status_code == UNAVAILABLE
                time.sleep(max(0.0, stopped + away - time.monotonic()))
            server.start()
            before = {name: statuses[OK if name != "store" else 0] for name, statuses in busy.statuses.items()}
            for name, successes in before.items():
                ok = OK if name != "store" else 0
                wait_for(lambda name=name, ok=ok, few=successes: busy.statuses[name][ok] > few + 5, name)
        assert set(busy.statuses["store"]) <= {0, OUT_OF_RESOURCES, None}, busy.statuses
        assert set(busy.statuses["stow"]) <= {OK, UNAVAILABLE}, busy.statuses
        assert set(busy.statuses["query"]) <= {OK, UNAVAILABLE}, busy.statuses
        assert busy.acknowledged <= uids_of(client)
        assert client.wait_for_run(run["id"])["state"] == "succeeded"
        assert (site.parts()["web"], site.parts()["receive"]) == (web, receive), "they went on"
        last = ct_series(slices=2, seed=f"after the outage {away}")
        send(site, last)
        client.wait_for_series(last[0].SeriesInstanceUID, preview=True, instances=2)
        assert client.get("quarantine")["items"] == []
        assert site.kahua("doctor", "--mend").returncode == 0
        client.http.close()
        site.stop()
