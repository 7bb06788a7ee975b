"""The clock of the machine leaps ahead, back, and into yesterday: nothing is lost, nothing goes too early."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kahua.testing.factory import ct_series

from .conftest import client_of
from .peers import send
from .running import Client, RunningSite, wait_for

#: Puts the clock of a process ahead by the seconds in a file; the clock that nobody sets goes on, as on a real machine.
SET_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long ahead(void) {
    char *name = getenv("SET_CLOCK");
    FILE *file = name ? fopen(name, "r") : NULL;
    long seconds = 0;
    if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *moment) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, moment);
    if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) moment->tv_sec += ahead();
    return status;
}

time_t time(time_t *place) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    return place ? (*place = moment.tv_sec) : moment.tv_sec;
}

int gettimeofday(struct timeval *place, void *zone) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    place->tv_sec = moment.tv_sec;
    place->tv_usec = moment.tv_nsec / 1000;
    return 0;
}
"""


@dataclass(frozen=True)
class Machine:
    """A site on a machine whose clock can be set while it runs."""

    site: RunningSite
    clock: Path

    def set_clock(self, *, days: int) -> None:
        """Let the clock be so far ahead."""
        ready = self.clock.with_suffix(".ready")
        ready.write_text(f"{days * 86_400}\n")
        ready.rename(self.clock)

    def restart(self, client: Client) -> Client:
        """Start the site again, as people do when something seems odd."""
        self.site.stop()
        return client.at(self.site.start())


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs cc")
    source, library, clock = (tmp_path / name for name in ("clock.c", "clock.so", "clock"))
    source.write_text(SET_CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    clock.write_text("0\n")
    site = RunningSite(tmp_path / "data", {"LD_PRELOAD": str(library), "SET_CLOCK": str(clock)}).start()
    yield Machine(site, clock)
    site.stop()


@pytest.fixture
def client(machine: Machine) -> Iterator[Client]:
    client = client_of(machine.site)
    yield client
    client.http.close()


def test_a_year_ahead_and_back_loses_nothing(machine: Machine, client: Client) -> None:
    before, meanwhile, after = (ct_series(slices=2, seed=f"clock {when}") for when in range(3))
    send(machine.site, before)
    client.wait_for_series(before[0].SeriesInstanceUID, preview=True, instances=2)
    machine.set_clock(days=400)
    assert client.http.get("/api/me").status_code == 401  # the token is too old, as the clock says
    send(machine.site, meanwhile)
    machine.set_clock(days=0)
    assert client.http.get("/api/me").status_code == 200
    client = machine.restart(client)  # what fell due in a year is taken up when the worker starts, or within minutes
    send(machine.site, after)
    for series in (before, meanwhile, after):
        client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=2)
    client.http.close()
    assert "audit log is whole" in machine.site.kahua("doctor").stdout


def test_a_day_back_disturbs_nobody(machine: Machine, client: Client) -> None:
    today, yesterday = (ct_series(slices=2, seed=f"clock back {when}") for when in range(2))
    send(machine.site, today)
    shown = client.wait_for_series(today[0].SeriesInstanceUID, preview=True, instances=2)
    machine.set_clock(days=-1)
    assert client.http.get("/api/me").status_code == 200
    send(machine.site, yesterday)
    client.wait_for_series(yesterday[0].SeriesInstanceUID, preview=True, instances=2)
    client.http.delete(f"/api/projects/main/series/{shown['id']}").raise_for_status()
    (item,) = client.get("trash")["items"]
    client.post(f"trash/{item['id']}/restore")
    client.wait_for_series(today[0].SeriesInstanceUID, instances=2)
    assert "audit log is whole" in machine.site.kahua("doctor").stdout


@pytest.mark.parametrize("days", [400, -400])
def test_a_clock_that_is_wrong_at_the_start_removes_nothing_for_good(
    machine: Machine, client: Client, days: int
) -> None:
    kept, deleted, meanwhile = (ct_series(slices=2, seed=f"wrong {when} {days}") for when in range(3))
    for series in (kept, deleted):
        send(machine.site, series)
    shown = client.wait_for_series(deleted[0].SeriesInstanceUID, preview=True, instances=2)
    client.http.delete(f"/api/projects/main/series/{shown['id']}").raise_for_status()
    machine.set_clock(days=days)
    client = machine.restart(client)
    send(machine.site, meanwhile)
    if days > 0:
        log = machine.site.folder / "logs" / "work.log"
        wait_for(lambda: "nothing is removed for its age" in log.read_text(), "the doubt")
        assert client.http.get("/api/me").status_code == 401  # tokens end by the clock
    else:
        client.wait_for_series(meanwhile[0].SeriesInstanceUID, preview=True, instances=2)
    machine.set_clock(days=0)
    client = machine.restart(client)
    (item,) = client.get("trash")["items"]
    client.post(f"trash/{item['id']}/restore")
    for series in (kept, deleted, meanwhile):
        client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=2)
    assert "audit log is whole" in machine.site.kahua("doctor").stdout
    client.http.close()
