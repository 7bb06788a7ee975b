"""Erasing a study of 500 instances while others come in, beside Orthanc's deletion: `make bench NAME=erase`."""

import argparse
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import Samples, print_table, print_verdict
from kahua.settings import Settings
from kahua.site import build_site, project_id
from kahua.store import Subject
from web_sides import OURS, PEER, Side, both, can_run, conditions, ct_slices, fill, multipart, wait_until_derived

NAME = "erase"
GOAL_SECONDS = 5.0
GOAL_TEXT = f"under {GOAL_SECONDS:.0f} s while others come in"
INSTANCES = 500

#: Instances of each request of the one who sends meanwhile.
PACKAGE = 5


def main() -> None:
    """Measure, and print the table and the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if not can_run(NAME, GOAL_TEXT):
        return
    figures = {OURS: Samples(), PEER: Samples()}
    sent = {OURS: Samples(), PEER: Samples()}
    with tempfile.TemporaryDirectory(prefix="kahua-erase-") as folder, both(Path(folder)) as sides:
        for number in range(options.repeats):
            study = ct_slices(INSTANCES, seed=f"erase-{number}")
            for name, side in sides.items():
                fill([side], study)
                with sending(side, f"{name}-{number}") as count:
                    begin = time.perf_counter()
                    erase(side, f"erase-{number}")
                    figures[name].add(time.perf_counter() - begin)
                sent[name].add(count[0])
                if side.name == OURS:
                    wait_until_derived(side)
    report(figures, sent, options.repeats)


def erase(side: Side, patient: str) -> None:
    """Erase the study of a patient: ours with all that was derived, and its proof; Orthanc's patient."""
    if side.name == OURS:
        site = build_site(Settings(data_dir=side.folder))
        try:
            with site.database.read() as session:
                project = project_id(session, site.settings.default_project)
            site.erasures().erase(project, Subject(kind="patient", identifier=patient), actor="benchmark")
        finally:
            site.close()
        return
    connection = http.client.HTTPConnection("127.0.0.1", side.port, timeout=600)
    connection.request("POST", "/tools/lookup", patient)
    found = json.loads(connection.getresponse().read())
    (path,) = [one["Path"] for one in found if one["Type"] == "Patient"]
    connection.request("DELETE", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"Orthanc answers with {answer.status}.")


@contextmanager
def sending(side: Side, seed: str) -> Iterator[list[int]]:
    """Let somebody else send for the time of a block; count the instances that were taken."""
    taken, stop = [0], threading.Event()
    packages = [multipart(ct_slices(PACKAGE, seed=f"{seed}-{number}")) for number in range(20)]
    other = Side(name=side.name, pid=side.pid, port=side.port, root=side.root, folder=side.folder, headers=side.headers)

    def send() -> None:
        for package in packages * 1000:
            if stop.is_set():
                return
            other.store(package)
            taken[0] += PACKAGE

    thread = threading.Thread(target=send)
    thread.start()
    time.sleep(0.5)
    before = taken[0]
    try:
        yield taken
    finally:
        taken[0] -= before
        stop.set()
        thread.join()


def report(figures: dict[str, Samples], sent: dict[str, Samples], repeats: int) -> None:
    """Print the table, and as the last line what it comes to."""
    conditions()
    print(f"{INSTANCES} CT instances of 0.5 MB, {repeats} repeats in turn; another one sends all the time")
    print_table(
        ["", "seconds", "slowest", "instances taken meanwhile"],
        [[name, one.median, one.best(), sent[name].median] for name, one in figures.items()],
    )
    ours, ratio = figures[OURS], figures[PEER].median / figures[OURS].median
    print_verdict(
        NAME,
        figure=f"{ours.best():.1f} s at most, {ratio:.1f} times as fast as Orthanc",
        goal=GOAL_TEXT,
        met=ours.best() < GOAL_SECONDS,
    )


if __name__ == "__main__":
    main()
