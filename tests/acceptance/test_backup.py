"""A copy of a site that serves, taken as the documentation says, is a whole site again."""

import json
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import Dataset
from sqlalchemy import select, update

from kahua.database import Database
from kahua.store import DirectoryStore, SeriesRow
from kahua.testing.factory import ct_series
from kahua.testing.postgresql import PostgresServer, program

from .conftest import StartSite, client_of
from .peers import send
from .running import Client, RunningSite


class Sqlite:
    """Rows in the data folder, copied by SQLite's own tool."""

    def settings(self) -> dict[str, str]:
        return {}

    def back_up(self, folder: Path, target: Path) -> None:
        serving, copy = sqlite3.connect(folder / "kahua.sqlite3"), sqlite3.connect(target / "kahua.sqlite3")
        with closing(serving), closing(copy):
            serving.backup(copy)

    def restore(self, backup: Path, folder: Path) -> None:
        shutil.copy(backup / "kahua.sqlite3", folder)


@dataclass
class Postgresql:
    """Rows in a database that is lost, and restored into another one."""

    urls: list[str] = field(default_factory=list)

    def settings(self) -> dict[str, str]:
        return {"database_url": self.urls[0]}

    def back_up(self, _folder: Path, target: Path) -> None:
        run("pg_dump", "--format=custom", f"--file={target / 'kahua.dump'}", self.urls[0])

    def restore(self, backup: Path, _folder: Path) -> None:
        del self.urls[0]
        run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={self.urls[0]}", backup / "kahua.dump")


Rows = Sqlite | Postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def rows(request: pytest.FixtureRequest) -> Iterator[Rows]:
    """Give what keeps the rows of a site."""
    if request.param == "sqlite":
        yield Sqlite()
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    with server.database() as first, server.database() as second:
        yield Postgresql([first, second])


def run(name: str, *arguments: object) -> None:
    """Run a program of PostgreSQL."""
    if not program(name):
        pytest.skip(f"needs {name} of PostgreSQL")
    subprocess.run([program(name), *map(str, arguments)], check=True)


def test_a_copy_of_a_site_that_serves_is_a_whole_site(start_site: StartSite, tmp_path: Path, rows: Rows) -> None:
    site = start_site(**rows.settings())
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
            back_up(rows, site.folder, tmp_path / "backup")
        finally:
            stop.set()
        assert meanwhile.result()
    client.http.close()
    site.kill()

    shutil.rmtree(site.folder)
    site.folder.mkdir()
    shutil.copytree(tmp_path / "backup" / "beside", site.folder, dirs_exist_ok=True)
    rows.restore(tmp_path / "backup", site.folder)
    site.settings |= {f"KAHUA_{name.upper()}": value for name, value in rows.settings().items()}
    site.start()
    client = client.at(site)
    for series in before:
        assert_is_whole(client, series)
    assert site.kahua("doctor", "--mend").returncode == 0
    found = {finding["id"] for finding in json.loads(site.kahua("doctor", "--thorough", "--json").stdout)}
    assert {"objects", "objects-whole", "audit"} <= found
    keep(site, client, "afterwards")

    count = throw_away(site, rows)
    assert {shown(client, series) for series in before} == {(False, False)}
    assert f"{count} series made again" in site.kahua("rebuild").stdout
    assert {shown(client, series) for series in before} == {(True, True)}
    assert site.kahua("doctor", "--thorough").returncode == 0
    client.http.close()


def back_up(rows: Rows, folder: Path, target: Path) -> None:
    """Copy the rows first, then what lies beside them."""
    target.mkdir()
    rows.back_up(folder, target)
    shutil.copytree(folder / "objects", target / "beside" / "objects")
    if (folder / "site.key").exists():  # it is made when the first secret is kept
        shutil.copy(folder / "site.key", target / "beside")


def throw_away(site: RunningSite, rows: Rows) -> int:
    """Delete the pictures, the metadata and the searched words of all series; tell how many there are."""
    database = Database(rows.urls[0]) if isinstance(rows, Postgresql) else Database.in_folder(site.folder)
    objects = DirectoryStore(site.folder / "objects")
    with database.write() as session:
        series = session.execute(select(SeriesRow.preview_key, SeriesRow.filmstrip_key, SeriesRow.metadata_key)).all()
        session.execute(update(SeriesRow).values(search_text=""))
    for key in {key for keys in series for key in keys if key}:
        objects.delete(key)
    database.close()
    return len(series)


def shown(client: Client, series: list[Dataset]) -> tuple[bool, bool]:
    """Tell whether a series has a picture, and whether it is found by its words."""
    (item,) = client.series(q=f"SeriesInstanceUID:{series[0].SeriesInstanceUID}")
    picture = client.http.get(f"/api/projects/main/series/{item['id']}/preview")
    return picture.is_success, item["id"] in [found["id"] for found in client.series(q=series[0].PatientID)]


def keep(site: RunningSite, client: Client, name: str) -> list[Dataset]:
    series = ct_series(slices=3, seed=f"backup {name}", patient_id=name)
    send(site, series)
    client.wait_for_series(series[0].SeriesInstanceUID, instances=3)
    return series


def assert_is_whole(client: Client, series: list[Dataset]) -> None:
    whole = client.http.get(address_of(series), headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert whole.is_success, whole.text
    assert all(instance.PixelData in whole.content for instance in series)


def address_of(series: list[Dataset]) -> str:
    return f"/dicom-web/main/studies/{series[0].StudyInstanceUID}/series/{series[0].SeriesInstanceUID}"
