"""A copy of a site that serves, taken as the documentation says, is a whole site again."""

import json
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from pydicom import Dataset

from kahua.testing.factory import ct_series

from .conftest import StartSite, client_of
from .peers import send
from .running import Client, RunningSite


def test_a_copy_of_a_site_that_serves_is_a_whole_site(start_site: StartSite, tmp_path: Path) -> None:
    site = start_site()
    client = client_of(site)
    before = [keep(site, client, f"before {number}") for number in range(3)]
    stop = threading.Event()

    def go_on() -> list[list[Dataset]]:
        kept: list[list[Dataset]] = []
        while not stop.is_set():
            kept.append(keep(site, client, f"meanwhile {len(kept)}"))
        return kept

    with ThreadPoolExecutor(1) as pool:
        meanwhile = pool.submit(go_on)
        try:
            back_up(site.folder, tmp_path / "backup")
        finally:
            stop.set()
        assert meanwhile.result()
    client.http.close()
    site.kill()

    shutil.rmtree(site.folder)
    shutil.copytree(tmp_path / "backup", site.folder)
    site.start()
    client = client.at(site)
    for series in before:
        assert_is_whole(client, series)
    assert site.kahua("doctor", "--mend").returncode == 0
    found = {finding["id"] for finding in json.loads(site.kahua("doctor", "--thorough", "--json").stdout)}
    assert {"objects", "objects-whole", "audit"} <= found
    keep(site, client, "afterwards")
    client.http.close()


def back_up(folder: Path, target: Path) -> None:
    """Copy the database first, then what lies beside it."""
    target.mkdir()
    serving, copy = sqlite3.connect(folder / "kahua.sqlite3"), sqlite3.connect(target / "kahua.sqlite3")
    with closing(serving), closing(copy):
        serving.backup(copy)
    shutil.copytree(folder / "objects", target / "objects")
    if (folder / "site.key").exists():  # it is made when the first secret is kept
        shutil.copy(folder / "site.key", target)


def keep(site: RunningSite, client: Client, name: str) -> list[Dataset]:
    series = ct_series(slices=3, seed=f"backup {name}", patient_id=name)
    send(site, series)
    client.wait_for_series(series[0].SeriesInstanceUID, instances=3)
    return series


def assert_is_whole(client: Client, series: list[Dataset]) -> None:
    address = f"/dicom-web/main/studies/{series[0].StudyInstanceUID}/series/{series[0].SeriesInstanceUID}"
    whole = client.http.get(address, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert whole.is_success, whole.text
    assert all(instance.PixelData in whole.content for instance in series)
