"""What several people do to the same study at the same moment: each gets a true answer, and nothing is half."""

import io
import threading
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from kahua.testing.factory import ct_series, part10

from .conftest import StartSite, client_of
from .running import Client, RunningSite, wait_for

#: Answers that are true while others delete, restore and erase what one reads or writes: 202 stores a part of it.
TRUE_ANSWERS = {200, 202, 204, 404, 409, 503}


@pytest.fixture
def own_site(start_site: StartSite) -> RunningSite:
    return start_site()


def store(client: Client, files: list[bytes]) -> int:
    """Post files to STOW-RS, on a connection of its own."""
    parts = b"".join(b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n" for file in files)
    return httpx.post(
        f"{client.http.base_url}/dicom-web/{client.project}/studies",
        content=parts + b"--edge--\r\n",
        headers={
            "Authorization": client.http.headers["Authorization"],
            "Content-Type": 'multipart/related; type="application/dicom"; boundary=edge',
        },
        timeout=60,
    ).status_code


def test_of_many_bodies_under_one_uid_one_is_stored(own_site: RunningSite) -> None:
    client = client_of(own_site)
    instance = ct_series(slices=1, seed="one of many")[0]
    bodies = []
    for number in range(6):
        instance.StudyDescription = f"Body {number}"
        bodies.append([part10(instance)])
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = sorted(pool.map(lambda body: store(client, body), bodies))
    assert answers == [200, 409, 409, 409, 409, 409]
    assert len(client.get("quarantine")["items"]) == 5
    client.http.close()


def test_reading_writing_deleting_and_erasing_at_once_leaves_nothing_half(own_site: RunningSite) -> None:
    administrator = client_of(own_site)
    series = ct_series(slices=12, seed="wanted by all")
    files = [part10(instance) for instance in series]
    study = f"/dicom-web/main/studies/{series[0].StudyInstanceUID}"
    answers: Counter[int] = Counter()
    over = threading.Event()

    def read(client: Client) -> None:
        answer = client.http.get(study, headers={"Accept": "application/zip"})
        answers[answer.status_code] += 1
        if answer.status_code == 200:
            assert zipfile.ZipFile(io.BytesIO(answer.content)).testzip() is None

    def write(client: Client) -> None:
        answers[store(client, files)] += 1

    def delete(client: Client) -> None:
        answers[client.http.delete(study).status_code] += 1
        for item in client.get("trash")["items"]:
            answers[client.http.post(f"/api/projects/main/trash/{item['id']}/restore").status_code] += 1

    def again(act: Callable[[Client], None]) -> None:
        client = administrator.apart()
        while not over.is_set():
            act(client)
        client.http.close()

    with ThreadPoolExecutor(4) as pool:
        acts = [pool.submit(again, act) for act in (read, read, write, delete)]
        for _ in range(2):
            wait_for(lambda: {200, 204} <= set(answers), "what was stored and what was deleted")
            own_site.kahua("erase", "--study", series[0].StudyInstanceUID, "--yes")
        over.set()
        for act in acts:
            act.result()
    assert set(answers) <= TRUE_ANSWERS
    assert "Every instance has its file, and every file its row." in own_site.kahua("doctor").stdout
    administrator.http.close()
