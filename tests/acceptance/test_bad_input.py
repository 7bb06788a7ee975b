"""Bad input through every door: a true answer, a readable reason in quarantine, and nothing else disturbed."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
import pytest

from kahua.testing.factory import ct_series, data_set_bytes
from kahua.testing.sender import Sender, store_message

from .broken import as_data_set, made_here, of_the_shared_data
from .conftest import StartSite, client_of
from .peers import associate, store_bytes
from .running import Client, RunningSite

VERIFICATION = "1.2.840.10008.1.1"

#: Refusals that are certain, whatever the door.
REFUSED = {
    "same_sop_uid_other_pixels": "sop-instance-conflict",
    "random_bytes": "unreadable-dicom",
    "text": "unreadable-dicom",
    "preamble_then_garbage": "unreadable-dicom",
    "truncated_in_the_pixels": "unreadable-dicom",
    "truncated_in_the_header": "unreadable-dicom",
    "no_StudyInstanceUID": "missing-attribute",
    "no_SeriesInstanceUID": "missing-attribute",
    "no_SOPInstanceUID": "missing-attribute",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a door said to a file."""

    accepted: bool
    #: Whether the answer, as such, is one that the door may give.
    true: bool
    words: str


def by_c_store(site: RunningSite, project: str, name: str, file: bytes) -> Answer:
    """Send the data set over an association of its own, and see that the association outlives it."""
    sent = as_data_set(file)
    if not sent.data:
        return Answer(accepted=False, true=True, words="nothing to send")
    association = associate(site, sent.sop_class_uid, syntax=sent.transfer_syntax_uid, called=f"kp-{project}")
    assert association.is_established, name
    status = store_bytes(association, sent.sop_class_uid, sent.sop_instance_uid, sent.data)
    association.release()
    assert status is not None, f"{name}: the association did not outlive it"
    known = status == 0 or status >> 8 in (0xA9, 0xC0, 0x01)
    return Answer(accepted=status == 0, true=known, words=f"{status:#06x}")


def by_stow(client: Client, file: bytes) -> Answer:
    """Post the file to STOW-RS."""
    body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--edge--\r\n"
    answer = client.http.post(
        f"/dicom-web/{client.project}/studies",
        content=body,
        headers={
            "Content-Type": 'multipart/related; type="application/dicom"; boundary=edge',
            "Accept": "application/dicom+json",
        },
    )
    report = answer.json()
    stored = len(report.get("00081199", {}).get("Value", []))
    failed = len(report.get("00081198", {}).get("Value", [])) + len(report.get("0008119A", {}).get("Value", []))
    true = (answer.status_code, stored, failed) in {(200, 1, 0), (409, 0, 1)}
    return Answer(accepted=answer.status_code == 200, true=true, words=f"{answer.status_code} {answer.text}")


def by_upload(client: Client, name: str, file: bytes) -> Answer:
    """Upload the file as the browser does."""
    answer = client.upload(f"{name}.dcm", file)
    report = answer.json()
    if not file:
        return Answer(accepted=False, true=report["code"] == "invalid-input", words=answer.text)
    count = report["accepted"] + report["duplicates"], len(report["refused"])
    return Answer(accepted=count == (1, 0), true=count in {(1, 0), (0, 1)}, words=answer.text)


Door = Callable[[RunningSite, Client, str, bytes], Answer]
DOORS: dict[str, Door] = {
    "cstore": lambda site, client, name, file: by_c_store(site, client.project, name, file),
    "stow": lambda _site, client, _name, file: by_stow(client, file),
    "upload": lambda _site, client, name, file: by_upload(client, name, file),
}


def in_project(client: Client, name: str) -> Client:
    """Make an empty project, and a client of it on the same connection."""
    assert client.http.post("/api/projects", json={"name": name}).status_code == 201
    return client.of_project(name)


@pytest.mark.parametrize("door", DOORS)
def test_every_broken_file_gets_a_true_answer_and_its_reason_is_kept(
    site: RunningSite, client: Client, door: str
) -> None:
    at_door = in_project(client, f"bad-{door}")
    wrong = [
        complaint
        for name, file in made_here().items()
        for complaint in complaints_about(site, at_door, door, name, file)
    ]
    for number, (name, file) in enumerate(of_the_shared_data().items()):  # many of them have the same UID
        alone = in_project(client, f"bad-{door}-{number}")
        wrong += complaints_about(site, alone, door, name, file)
    assert wrong == []
    assert_undisturbed(site, at_door)


def complaints_about(site: RunningSite, client: Client, door: str, name: str, file: bytes) -> list[str]:
    """Bring in a file, and say everything in which the answer or the quarantine is not as it must be."""
    before = quarantine(client)
    answer = DOORS[door](site, client, name, file)
    new = [entry for entry in quarantine(client) if entry not in before]
    found = [] if answer.true else [f"the answer cannot be true: {answer.words}"]
    kept = not answer.accepted and (bool(file) or door == "stow")
    if len(new) != kept:
        found.append(f"{len(new)} entries in quarantine after {answer.words}")
    found += [
        f"no sentence: {entry['reason']!r}" for entry in new if not re.fullmatch(r"[A-Z].{15,}\.", entry["reason"])
    ]
    if name == "good" and not answer.accepted:
        found.append(f"a good file is refused: {answer.words}")
    codes = [entry["reason_code"] for entry in new]
    if REFUSED.get(name) not in (None, *codes):
        found.append(f"kept as {codes}, not {REFUSED[name]}")
    return [f"{name}: {complaint}" for complaint in found]


def quarantine(client: Client) -> list[dict[str, Any]]:
    """List what the project has refused."""
    items: list[dict[str, Any]] = client.get("quarantine", limit=1000)["items"]
    return items


def assert_undisturbed(site: RunningSite, client: Client) -> None:
    """See that the good file is there as it was, and that everybody goes on serving."""
    sent = as_data_set(made_here()["good"])
    association = associate(site, VERIFICATION)
    assert association.send_c_echo().Status == 0
    association.release()
    found = client.http.get(f"/dicom-web/{client.project}/instances", params={"SOPInstanceUID": sent.sop_instance_uid})
    assert len(found.json()) == 1
    address = "/".join(found.json()[0]["00081190"]["Value"][0].split("/")[3:])
    answer = client.http.get(
        f"/{address}", headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    )
    assert answer.is_success, answer.text
    assert sent.data in answer.content
    assert client.http.get("/readyz").is_success


@pytest.mark.parametrize(
    "path",
    [
        "/api/projects/nothing/series",
        "/api/projects/main/series/nothing",
        "/api/projects/main/runs/nothing",
        "/api/projects/main/datasets/nothing",
        "/api/projects/main/files/nothing/content",
        "/api/projects/main/workflows/nothing/nothing",
        "/dicom-web/nothing/studies",
        "/dicom-web/main/studies/1.2.3/series/1.2.3/metadata",
        "/dicom-web/main/studies/1.2.3/series/1.2.3/instances/1.2.3",
        "/api/nothing",
        "/dicom-web/main/nothing",
    ],
)
def test_what_does_not_exist_is_not_found_and_a_stranger_learns_nothing(
    site: RunningSite, client: Client, path: str
) -> None:
    known = client.http.get(path)
    assert known.status_code == 404, known.text
    assert known.headers["content-type"] == "application/problem+json"
    assert known.json()["detail"].endswith(".")
    stranger = Client(site, None)
    refused, of_main = stranger.http.get(path), stranger.http.get(path.replace("nothing", "main"))
    wrong = stranger.http.get(path, headers={"Authorization": "Bearer kahua_wrong"})
    stranger.http.close()
    assert {refused.status_code, wrong.status_code} <= {401, 404}
    for answer in (refused, wrong, of_main):
        assert "Traceback" not in answer.text
        assert str(site.folder) not in answer.text
    if path.startswith("/api/projects/") or "/studies" in path:
        assert (refused.status_code, refused.json()["detail"]) == (401, of_main.json()["detail"])


def test_unknown_people_are_refused_in_the_same_words(site: RunningSite, ada: str) -> None:
    client = Client(site, None)
    unknown = client.http.post("/api/sign-in", json={"name": "nobody", "password": "not the password"})
    known = client.http.post("/api/sign-in", json={"name": ada, "password": "not the password"})
    client.http.close()
    assert unknown.status_code == known.status_code == 401
    assert unknown.json()["detail"] == known.json()["detail"]


def test_an_unknown_project_takes_no_association(site: RunningSite) -> None:
    association = associate(site, VERIFICATION, called="kp-nobody")
    assert not association.is_established


#: Broken objects that one process gets: so many before its memory is looked at, and after.
FIRST, MORE = 1000, 3000


def test_thousands_of_broken_objects_leave_memory_and_disk_as_they_were(start_site: StartSite) -> None:
    site = start_site(max_quarantine_bytes=100_000)
    client = client_of(site)
    receiver = psutil.Process(site.parts()["receive"])
    chance = random.Random(4)  # noqa: S311 - the same objects in each run
    good = ct_series(slices=2, rows=8, columns=8, seed="among broken ones")
    send_broken(site, chance, FIRST)
    before = receiver.memory_info().rss, receiver.num_fds()
    assert send_good(site, good[0]) == 0
    send_broken(site, chance, MORE)
    assert send_good(site, good[1]) == 0
    assert receiver.memory_info().rss - before[0] < 30_000_000
    assert receiver.num_fds() - before[1] < 10
    client.wait_for_series(good[0].SeriesInstanceUID, instances=2)
    objects = [path.stat().st_size for path in (site.folder / "objects").rglob("*") if path.is_file()]
    assert 90_000 < sum(objects) < 110_000  # the good ones are small
    assert "The quarantine is nearly full" in site.kahua("doctor").stdout
    assert client.http.get("/readyz").is_success
    client.http.close()


def send_good(site: RunningSite, instance: Any) -> int:
    with Sender(("127.0.0.1", site.dicom_port), called="kp-main") as sender:
        return sender.store(store_message(instance.SOPInstanceUID, data_set_bytes(instance)))


def send_broken(site: RunningSite, chance: random.Random, count: int) -> None:
    """Send objects of which each is broken in another way; each is refused, and the association outlives it."""
    whole = data_set_bytes(ct_series(slices=1, rows=8, columns=8, seed="to be broken")[0])
    with Sender(("127.0.0.1", site.dicom_port), called="kp-main") as sender:
        for _ in range(count):
            status = sender.store(store_message("1.2.3", broken(whole, chance)))
            assert status >> 8 in (0xA9, 0xC0, 0x01)


def broken(whole: bytes, chance: random.Random) -> bytes:
    """Cut it off, spoil some bytes at its beginning, or nest it without end; then no two are the same."""
    data = bytearray(whole)
    match chance.randrange(4):
        case 0:
            del data[chance.randrange(1, len(data) // 2) :]
        case 1:
            data[:8] = chance.randbytes(8)
        case 2:
            data = bytearray(b"\x08\0\x05\0SQ\0\0\xff\xff\xff\xff" * chance.randrange(50, 100))
        case _:
            data = bytearray(chance.randbytes(400))
    return bytes(data + chance.randbytes(2 + len(data) % 2))
