"""The disk of a site is full or fails while it works: each thing ends with a clear word, and goes on afterwards."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import Dataset

from kahua.testing.factory import CT_IMAGE_STORAGE, ct_series, data_set_bytes, mr_series, part10

from .conftest import STARTED, client_of, install
from .disks import Disk
from .peers import associate, send, store_bytes
from .running import Client, RunningSite, wait_for

OUT_OF_RESOURCES = 0xA700


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with Disk.new(tmp_path) as disk:
        yield disk


@pytest.fixture
def small(disk: Disk, packages: tuple[Path, str]) -> Iterator[RunningSite]:
    """Start a site that keeps everything on the small disk, and uses all of it."""
    settings = {"KAHUA_MIN_FREE_BYTES": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1"}
    site = RunningSite(disk.folder / "data", settings | {"PIP_FIND_LINKS": str(packages[0])})
    STARTED.append(site)
    yield site.start()
    STARTED.remove(site)
    site.stop()


@pytest.fixture
def worker(small: RunningSite) -> Iterator[Client]:
    client = client_of(small)
    yield client
    client.http.close()


def c_store(site: RunningSite, instance: Dataset) -> int | None:
    association = associate(site, CT_IMAGE_STORAGE)
    try:
        return store_bytes(association, CT_IMAGE_STORAGE, instance.SOPInstanceUID, data_set_bytes(instance))
    finally:
        association.release()


def stow(client: Client, instance: Dataset) -> httpx.Response:
    headers = {"Content-Type": "application/dicom"}
    return client.http.post("/dicom-web/main/studies", content=part10(instance), headers=headers)


def address_of(instance: Dataset) -> str:
    return f"/dicom-web/main/studies/{instance.StudyInstanceUID}/series/{instance.SeriesInstanceUID}"


def is_whole(client: Client, series: list[Dataset]) -> bool:
    """Tell whether every byte of a series' pixels is given."""
    answer = client.http.get(address_of(series[0]), headers={"Accept": 'multipart/related; type="application/dicom"'})
    return answer.is_success and all(instance.PixelData in answer.content for instance in series)


def test_a_disk_that_nobody_can_write_any_more_costs_no_image(
    small: RunningSite, worker: Client, disk: Disk, tmp_path: Path
) -> None:
    series = ct_series(slices=8, seed="read-only", rows=64, columns=64)
    kept, refused, large = series[:4], series[4:], ct_series(slices=1, rows=1200, columns=1200, seed="large")[0]
    send(small, kept)
    shown = worker.wait_for_series(kept[0].SeriesInstanceUID, preview=True, instances=len(kept))
    parts = small.parts()
    disk.fail()

    assert [c_store(small, each) for each in (refused[0], large)] == [OUT_OF_RESOURCES] * 2
    answers = [stow(worker, refused[1]), stow(worker, large), worker.upload("one.dcm", part10(refused[2]))]
    answers.append(worker.http.delete(address_of(kept[0])))
    answers.append(worker.http.get("/api/projects/main/exports", params={"series": shown["id"]}))
    assert [answer.status_code for answer in answers] == [503] * 5, [answer.text for answer in answers]
    assert worker.http.get("/readyz").status_code == 503
    assert worker.http.get("/healthz").is_success
    for command in (("doctor",), ("rebuild",), ("export", tmp_path / "out.zip", "--series", shown["id"])):
        said = small.kahua(*command)
        assert said.returncode == 1, command
        assert len(said.stderr.strip().splitlines()) == 1, said.stderr
        assert "cannot be" in said.stderr, said.stderr
    assert not list(tmp_path.glob("out.zip*"))
    assert is_whole(worker, kept)
    assert len(worker.series()) == 1
    assert worker.http.get(f"{address_of(kept[0])}/rendered", headers={"Accept": "image/jpeg"}).is_success
    assert small.parts() == parts

    worker.http.close()
    small.stop()
    disk.mend()
    client = worker.at(small.start())
    assert [c_store(small, each) for each in refused] == [0] * len(refused)
    client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=len(series))
    assert is_whole(client, series)
    assert small.kahua("doctor", "--thorough").returncode == 0
    client.http.close()


def test_a_pull_that_finds_the_disk_full_goes_on_when_there_is_room(
    site: RunningSite, client: Client, small: RunningSite, worker: Client, disk: Disk, tmp_path: Path
) -> None:
    series = ct_series(slices=10, rows=1024, columns=1024, seed="pulled", patient_id="PULLED-FULL")
    send(site, series)
    client.wait_for_series(series[0].SeriesInstanceUID, instances=len(series))
    secret = tmp_path / "secret"
    secret.write_text(client.http.headers["Authorization"].removeprefix("Bearer "))
    said = small.kahua("peer", "add", "pacs", "--url", f"{site.url}/dicom-web/main", "--secret-file", secret)
    assert said.returncode == 0, said.stderr
    disk.fill(leave=6_000_000)
    pull = worker.post("pulls", {"peer": "pacs", "wishes": [{"patient_id": "PULLED-FULL"}]})

    def items() -> list[dict[str, Any]]:
        return list(worker.get(f"pulls/{pull['id']}/items")["items"])

    wait_for(lambda: any("disk is full" in item["note"] for item in items()), "the news of the full disk")
    assert "done" not in {item["state"] for item in items() if item["series_uid"]}
    assert list((small.folder / "staging").glob("pull-*")) == []
    disk.make_room()
    wait_for(lambda: worker.get(f"pulls/{pull['id']}")["state"] == "done", "the pull", seconds=120)
    assert is_whole(worker, series)
    assert small.kahua("doctor", "--thorough").returncode == 0


def test_an_export_that_finds_the_disk_full_does_not_look_whole(small: RunningSite, worker: Client, disk: Disk) -> None:
    series = ct_series(slices=6, rows=1024, columns=1024, seed="exported")
    send(small, series)
    shown = worker.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=len(series))
    wanted = {"series": shown["id"], "deidentify": "true"}
    disk.fill(leave=1_000_000)
    with suppress(httpx.RemoteProtocolError):  # what had begun breaks off
        assert worker.http.get("/api/projects/main/exports", params=wanted).status_code == 507
    out = disk.folder / "out.zip"
    said = small.kahua("export", out, "--series", shown["id"], "--as-stored")
    assert (said.returncode, len(said.stderr.strip().splitlines())) == (1, 1), said.stderr
    assert "No space left" in said.stderr or "disk is full" in said.stderr
    assert list(disk.folder.glob("out.zip*")) == []
    assert list((small.folder / "staging").glob("export-*")) == []

    disk.make_room()
    answer = worker.http.get("/api/projects/main/exports", params=wanted)
    assert answer.is_success, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert sum(name.endswith(".dcm") for name in archive.namelist()) == len(series)


def test_an_arrival_that_cannot_be_deidentified_for_want_of_room_may_come_again(
    small: RunningSite, worker: Client, disk: Disk
) -> None:
    assert small.kahua("project", "confidentiality", "set", "main", "--on-arrival").returncode == 0
    instance = ct_series(slices=1, rows=1024, columns=1024, seed="arriving")[0]
    disk.fill(leave=3_000_000)
    assert c_store(small, instance) == OUT_OF_RESOURCES
    assert worker.get("quarantine")["items"] == []
    disk.make_room()
    assert c_store(small, instance) == 0
    wait_for(lambda: worker.series(), "the series")


def test_a_rebuild_that_finds_the_disk_full_spoils_nothing(small: RunningSite, worker: Client, disk: Disk) -> None:
    series = ct_series(slices=4, rows=64, columns=64, seed="rebuilt")
    send(small, series)
    worker.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=len(series))
    disk.fill()
    said = small.kahua("rebuild")
    assert (said.returncode, len(said.stderr.strip().splitlines())) == (1, 1), said.stderr
    assert is_whole(worker, series)
    assert c_store(small, ct_series(slices=1, seed="too late")[0]) == OUT_OF_RESOURCES
    disk.make_room()
    said = small.kahua("rebuild")
    assert said.returncode == 0, said.stderr
    assert worker.wait_for_series(series[0].SeriesInstanceUID, preview=True)["preview"]["state"] == "ready"
    assert small.kahua("doctor", "--thorough").returncode == 0


def test_a_run_that_finds_the_disk_full_ends_in_words_and_is_resumed(
    small: RunningSite, worker: Client, packages: tuple[Path, str], disk: Disk
) -> None:
    series = mr_series(slices=4, rows=256, columns=256, seed="run on a full disk")
    send(small, series)
    shown = worker.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=len(series))
    run = worker.post(
        "runs", {"workflow": install(worker, packages[1]), "series": [shown["id"]], "parameters": {"pause": 4}}
    )
    wait_for(lambda: "running" in task_states(worker, run["id"]), "a task that runs")
    disk.fill()
    parts = small.parts()
    wait_for(lambda: stow(worker, ct_series(slices=1, seed="too late")[0]).status_code == 507, "a full disk")
    disk.make_room()
    ended = worker.wait_for_run(run["id"])
    if ended["state"] == "failed":
        worker.post(f"runs/{run['id']}/resume")
        ended = worker.wait_for_run(run["id"])
    assert ended["state"] == "succeeded", ended
    assert small.parts() == parts


def task_states(client: Client, run: str) -> set[str]:
    return {task["state"] for job in client.get(f"runs/{run}")["jobs"] for task in job["tasks"]}
