"""Hostile text in every attribute and name, through every door: data, never a path, a command, a page or a log line."""

import io
import socket
import warnings
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page
from pydicom import Dataset, dcmread
from pydicom.config import disable_value_validation

from kahua.store.dimse import pdu
from kahua.store.dimse.pdu import ProposedContext
from kahua.testing.factory import CT_IMAGE_STORAGE, ct_series, data_set_bytes, part10

from .peers import associate, store_bytes
from .running import Client, RunningSite, wait_for

#: What text may try to be.
TEXTS = {
    "path": "../../../../escaped",
    "absolute": "/var/escaped",
    "drive": "C:/../escaped.",
    "shell": "$(touch escaped);`touch escaped`#f #p|&",
    "page": "<img src=x onerror=window.escaped=1>",
    "script": "</script><script>window.escaped=1</script>",
    "line": "name\r\nlevel=error escaped=yes\x1b[31m",
    "formula": "=cmd|' /C calc'!A0",
    "template": "{{7*7}} %s ${jndi:ldap://127.0.0.1/a}",
    "statement": "'; DROP TABLE series; --",
    "direction": "\u202egnp.exe\u2066 ⠀",
}

#: Attributes of free text in which it stands.
ATTRIBUTES = (
    "PatientID",
    "PatientName",
    "StudyDescription",
    "SeriesDescription",
    "AccessionNumber",
    "StudyID",
    "InstitutionName",
    "Manufacturer",
    "ProtocolName",
)


def hostile_file(name: str) -> bytes:
    """Make an image that has a hostile text wherever it may."""
    (instance,) = ct_series(slices=1, seed=f"hostile {name}")
    instance.SpecificCharacterSet = "ISO_IR 192"
    with disable_value_validation(), warnings.catch_warnings(action="ignore"):
        for keyword in ATTRIBUTES:
            setattr(instance, keyword, TEXTS[name])
        return part10(instance)


def read(file: bytes) -> Dataset:
    """Read a file whose values break every rule, and keep them."""
    with disable_value_validation(), warnings.catch_warnings(action="ignore"):
        instance = dcmread(io.BytesIO(file))
        instance.decode()
        return instance


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def everything_said(site: RunningSite) -> str:
    return "".join(path.read_text(errors="replace") for path in (site.folder / "logs").glob("*.log"))


@pytest.fixture(scope="module")
def hostile(site: RunningSite, client: Client) -> Client:
    """Bring every text in by every door, each into a project of its own; give the last one."""
    for door in ("upload", "zip", "stow", "cstore"):
        assert client.http.post("/api/projects", json={"name": f"text-{door}"}).status_code == 201
    for name, text in TEXTS.items():
        file = hostile_file(name)
        answer = client.of_project("text-upload").upload(f"{text}.dcm", file)
        assert answer.json()["accepted"] == 1, answer.text
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr(f"{name}'; touch escaped.dcm", file)
        answer = client.of_project("text-zip").upload("archive.zip", archive.getvalue())
        assert answer.json()["accepted"] == 1, answer.text
        answer = client.http.post(
            "/dicom-web/text-stow/studies", content=file, headers={"Content-Type": "application/dicom"}
        )
        assert answer.status_code == 200, answer.text
        instance = read(file)
        association = associate(site, CT_IMAGE_STORAGE, called="kp-text-cstore")
        status = store_bytes(association, CT_IMAGE_STORAGE, instance.SOPInstanceUID, data_set_bytes(instance))
        association.release()
        assert status == 0
    return client.of_project("text-cstore")


@pytest.mark.parametrize("name", TEXTS)
def test_text_comes_back_as_it_was(hostile: Client, name: str) -> None:
    wanted = read(hostile_file(name))
    found = hostile.wait_for_series(wanted.SeriesInstanceUID, preview=True)
    assert found["description"] == wanted.SeriesDescription
    assert found["patient_id"] == wanted.PatientID
    assert found["preview"]["state"] == "ready"


@pytest.mark.parametrize("name", TEXTS)
def test_xml_holds_it_as_text(hostile: Client, name: str) -> None:
    wanted = read(hostile_file(name))
    item = hostile.wait_for_series(wanted.SeriesInstanceUID)
    address = f"/dicom-web/{hostile.project}/studies/{item['study_uid']}/series/{item['series_uid']}/metadata"
    answer = hostile.http.get(address, headers={"Accept": 'multipart/related; type="application/dicom+xml"'})
    document = answer.content[answer.content.index(b"<?xml") : answer.content.rindex(b">\r\n--") + 1]
    root = ElementTree.fromstring(document)  # noqa: S314 - the answer is ours
    found = root.find("{*}DicomAttribute[@keyword='StudyDescription']/{*}Value")
    assert found is not None
    assert found.text == wanted.StudyDescription.replace("\x1b", "\ufffd")


def test_no_file_is_named_after_it(site: RunningSite, hostile: Client) -> None:
    assert hostile.series()
    names = files_below(site.folder)
    assert not [name for name in names if "escaped" in name or "PAT" in name]
    assert not (site.folder.parent / "escaped").exists()
    assert not Path("/var/escaped").exists()
    assert not Path("escaped").exists()


def test_no_log_holds_it(site: RunningSite, hostile: Client) -> None:
    assert hostile.series()
    log = everything_said(site)
    assert "escaped" not in log
    assert "\x1b" not in log
    assert all(line.startswith("timestamp=") for line in log.splitlines())


def test_a_calling_title_is_one_value_of_one_line(site: RunningSite) -> None:
    request = pdu.encode_associate_request(
        called="kp-nobody",
        calling="a\nlevel=error\x1b",
        contexts=[ProposedContext(id=1, abstract_syntax="1.2.840.10008.1.1", transfer_syntaxes=("1.2.840.10008.1.2",))],
        max_pdu_bytes=16_384,
        implementation_class_uid="1.2.3",
        implementation_version="EVIL",
    )
    with socket.create_connection(("127.0.0.1", site.dicom_port), timeout=30) as connection:
        connection.sendall(request)
        assert connection.recv(1) == b"\x03"
    wait_for(lambda: r"a\\x0alevel=error\\x1b" in everything_said(site), "a line about the rejection")
    assert not [line for line in everything_said(site).splitlines() if line.startswith("level")]


def test_it_is_found_by_its_words(hostile: Client) -> None:
    assert [item["patient_id"] for item in hostile.series(q='"DROP TABLE"')] == [TEXTS["statement"]]
    answer = hostile.http.get(f"/dicom-web/{hostile.project}/studies", params={"PatientID": TEXTS["statement"]})
    assert len(answer.json()) == 1


def test_nothing_of_it_runs_in_the_browser(site: RunningSite, hostile: Client, signed_in: Page) -> None:
    for name in ("page", "script"):
        wanted = read(hostile_file(name))
        item = hostile.wait_for_series(wanted.SeriesInstanceUID)
        signed_in.goto(f"{site.url}/projects/{hostile.project}/datasets")
        signed_in.get_by_text(TEXTS[name]).first.wait_for()
        signed_in.goto(f"{site.url}/projects/{hostile.project}/series/{item['id']}")
        signed_in.get_by_text(TEXTS[name]).first.wait_for()
        assert signed_in.evaluate("window.escaped") is None
        assert signed_in.locator("img[src=x]").count() == 0


@pytest.mark.parametrize(
    "start", [b"MZ\x90\x00", b"\x7fELF", b"PK\x03\x04", b"%PDF-1.7", b"<html><script>", b"II*\x00", b"#!/bin/sh\n"]
)
def test_a_file_of_two_faces_keeps_one(client: Client, start: bytes) -> None:
    (instance,) = ct_series(slices=1, seed=f"faces {start!r}")
    file = start.ljust(128, b"\x90") + part10(instance)[128:]
    answer = client.http.post("/dicom-web/main/studies", content=file, headers={"Content-Type": "application/dicom"})
    assert answer.status_code == 200, answer.text
    item = client.wait_for_series(instance.SeriesInstanceUID)
    address = f"/dicom-web/main/studies/{item['study_uid']}/series/{item['series_uid']}/instances"
    kept = client.http.get(f"{address}/{instance.SOPInstanceUID}", headers={"Accept": "application/dicom"})
    assert kept.headers["content-type"].startswith("application/dicom")
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert kept.content[:132] == bytes(128) + b"DICM"


def test_two_patients_under_one_study_are_never_merged(client: Client) -> None:
    both = []
    for patient in ("ONE", "OTHER"):
        (instance,) = ct_series(slices=1, seed="shared study", patient_id=patient)
        instance.SOPInstanceUID = f"{instance.StudyInstanceUID[:40]}.{len(both) + 1}"
        assert client.upload(f"{patient}.dcm", part10(instance)).json()["accepted"] == 1
        both.append(instance)
    found = client.series(q=f"SeriesInstanceUID:{both[0].SeriesInstanceUID}")
    assert sorted(item["patient_id"] for item in found) == ["ONE", "OTHER"]
    assert [item["instance_count"] for item in found] == [1, 1]
