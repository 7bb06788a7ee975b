"""DICOMweb of a project: what was stored comes out as it is, and what is not there says nothing."""

import email
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from pydicom import Dataset
from sqlalchemy import func, select

from kahua.access import Role
from kahua.database import deliver_events
from kahua.dicom import transfer_syntaxes
from kahua.store import Archive, QuarantineRow, SeriesRow
from kahua.store.dicomweb import query
from kahua.testing.factory import ct_series, mr_series, part10, picture
from kahua.testing.site import TestClient, add_person, program, temporary_site

pytestmark = pytest.mark.elsewhere

BASE = "/dicom-web/liver"
DICOM_PARTS = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTET_PARTS = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
JPEG_LS = transfer_syntaxes.JPEG_LS_LOSSLESS


@pytest.fixture
def site(tmp_path: Path, backends: dict[str, Any]) -> Iterator[Any]:
    site = temporary_site(tmp_path, **backends)
    add_person(site.database, "curator", liver=Role.CURATOR)
    add_person(site.database, "stranger", brain=Role.CURATOR)
    yield site
    site.close()


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "curator")


@pytest.fixture
def stranger(application: FastAPI) -> TestClient:
    return program(application, "stranger")


def stow(client: TestClient, *files: bytes, address: str = f"{BASE}/studies", boundary: str = "b0undary") -> Any:
    parts = b"".join(
        b"--" + boundary.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n" for file in files
    )
    return client.post(
        address,
        content=parts + f"--{boundary}--\r\n".encode(),
        headers={"Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}'},
    )


def study_of(instance: Dataset) -> str:
    return f"{BASE}/studies/{instance.StudyInstanceUID}"


def series_of(instance: Dataset) -> str:
    return f"{study_of(instance)}/series/{instance.SeriesInstanceUID}"


def address_of(instance: Dataset) -> str:
    return f"{series_of(instance)}/instances/{instance.SOPInstanceUID}"


def get(client: TestClient, address: str, accept: str = "*/*", **headers: str) -> Any:
    return client.get(address, headers={"Accept": accept, **headers})


def parts_of(answer: Any) -> list[tuple[str, bytes]]:
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content)
    assert message.is_multipart()
    assert not message.defects
    raw = answer.content.split(b"--" + str(message.get_boundary()).encode())[1:-1]
    bodies = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in raw]
    return [(str(part["Content-Type"]), body) for part, body in zip(message.get_payload(), bodies, strict=True)]


def reasons(answer: Any) -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json().get("00081198", {}).get("Value", [])]


def derive_all(site: Any) -> None:
    """Do what the worker does when series have come in."""
    deliver_events(site.database, site.derivation().subscriptions())


def test_a_file_comes_out_as_it_went_in(client: TestClient) -> None:
    (instance,) = ct_series(slices=1)
    assert stow(client, part10(instance)).status_code == 200
    answer = get(client, address_of(instance), "application/dicom")
    assert answer.content == part10(instance)
    assert answer.headers["content-type"].startswith("application/dicom")


@pytest.mark.parametrize("level", [study_of, series_of])
def test_a_series_and_a_study_come_out_whole(client: TestClient, level: Any) -> None:
    series = ct_series(slices=3)
    stow(client, *map(part10, series))
    parts = parts_of(get(client, level(series[0]), DICOM_PARTS))
    assert [body for _, body in parts] == [part10(instance) for instance in series]
    assert all("transfer-syntax=1.2.840.10008.1.2.1" in kind for kind, _ in parts)


def test_an_object_is_not_sent_in_a_syntax_that_the_client_cannot_read(client: TestClient) -> None:
    (instance,) = ct_series(slices=1)
    stow(client, part10(instance, JPEG_LS))
    lossy = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50'
    assert get(client, address_of(instance), lossy).status_code == 406
    assert get(client, address_of(instance), "text/html").status_code == 406
    assert parts_of(get(client, address_of(instance), DICOM_PARTS))[0][1] == part10(instance, JPEG_LS)


def test_metadata_point_to_pixels_that_can_be_retrieved(client: TestClient) -> None:
    series = ct_series(slices=2)
    stow(client, *map(part10, series))
    answer = get(client, f"{series_of(series[0])}/metadata", "application/dicom+json")
    assert answer.headers["content-type"] == "application/dicom+json"
    found = answer.json()
    assert [item["00080018"]["Value"][0] for item in found] == [instance.SOPInstanceUID for instance in series]
    assert found[0]["00281052"] == {"vr": "DS", "Value": [-1024]}
    uri = found[1]["7FE00010"]["BulkDataURI"]
    assert uri == f"http://localhost{address_of(series[1])}/bulkdata/7FE00010"
    bulk = get(client, uri, OCTET_PARTS)
    assert parts_of(bulk)[0][1] == series[1].PixelData


@pytest.mark.parametrize("address", [study_of, series_of, address_of])
def test_metadata_are_sent_compressed_to_who_asks_for_it(client: TestClient, address: Any) -> None:
    (instance,) = ct_series(slices=1)
    stow(client, part10(instance))
    plain = get(client, f"{address(instance)}/metadata", **{"Accept-Encoding": "identity"})
    packed = client.build_request("GET", f"{address(instance)}/metadata", headers={"Accept-Encoding": "gzip"})
    sent = client.send(packed, stream=True)
    assert sent.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in sent.headers["vary"].lower()
    assert json.loads(gzip.decompress(b"".join(sent.iter_raw()))) == plain.json()
    assert "content-encoding" not in plain.headers


def test_derived_metadata_are_those_built_on_request(client: TestClient, site: Any) -> None:
    series = ct_series(slices=2)
    stow(client, *map(part10, series))
    addresses = [f"{level(series[0])}/metadata" for level in (study_of, series_of, address_of)]
    built = [get(client, address).json() for address in addresses]
    derive_all(site)
    with site.database.read() as session:
        assert session.scalars(select(SeriesRow.metadata_key)).one() is not None
    assert [get(client, address).json() for address in addresses] == built


def test_a_preview_is_the_thumbnail_of_its_series(client: TestClient, site: Any) -> None:
    series = ct_series(slices=3)
    stow(client, *map(part10, series))
    assert get(client, f"{series_of(series[0])}/thumbnail").status_code == 404
    derive_all(site)
    answer = get(client, f"{series_of(series[0])}/thumbnail")
    assert Image.open(io.BytesIO(answer.content)).format == "WEBP"


def test_native_frames_are_cut_out_of_the_file(client: TestClient) -> None:
    frames = np.arange(3 * 4 * 6, dtype=np.uint16).reshape(3, 4, 6)
    instance = picture(frames)
    stow(client, part10(instance))
    parts = parts_of(get(client, f"{address_of(instance)}/frames/3,1", OCTET_PARTS))
    assert [body for _, body in parts] == [frames[2].tobytes(), frames[0].tobytes()]
    single = get(client, f"{address_of(instance)}/frames/2", "application/octet-stream")
    assert single.content == frames[1].tobytes()


@pytest.mark.parametrize("syntax", [JPEG_LS, transfer_syntaxes.RLE_LOSSLESS, transfer_syntaxes.JPEG_2000_LOSSLESS])
def test_compressed_frames_are_sent_as_stored_or_decoded(client: TestClient, syntax: str) -> None:
    frames = np.random.default_rng(1).integers(0, 4000, (3, 16, 24), dtype=np.uint16)
    instance = picture(frames)
    file = part10(instance, syntax)
    assert stow(client, file).status_code == 200
    kind, stored = parts_of(get(client, f"{address_of(instance)}/frames/2", OCTET_PARTS))[0]
    assert f"transfer-syntax={syntax}" in kind
    assert stored in file
    assert len(stored) < len(file) / 2
    decoded = get(client, f"{address_of(instance)}/frames/2", "application/octet-stream")
    assert decoded.content == frames[1].tobytes()


@pytest.mark.parametrize(
    ("frame", "status"), [("0", 404), ("4", 404), ("x", 400), ("1,", 400), ("-1", 400), ("٣", 400)]
)
def test_frames_that_are_not_there_are_refused(client: TestClient, frame: str, status: int) -> None:
    instance = picture(np.zeros((3, 4, 6), np.uint8))
    stow(client, part10(instance))
    answer = get(client, f"{address_of(instance)}/frames/{frame}", OCTET_PARTS)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("accept", ["application/octet-stream", 'multipart/related; type="application/octet-stream"'])
def test_pixels_that_cannot_be_decoded_are_a_clear_answer(client: TestClient, accept: str) -> None:
    instance = picture(np.random.default_rng(1).integers(0, 4000, (16, 24), dtype=np.uint16))
    file = bytearray(part10(instance, JPEG_LS))
    start = file.index(b"\xff\xd8\xff") + 3
    file[start : start + 60] = b"\x55" * 60
    stow(client, bytes(file))
    answer = get(client, f"{address_of(instance)}/frames/1", accept)
    assert (answer.status_code, answer.json()["code"]) == (422, "undecodable-pixels")
    assert get(client, f"{address_of(instance)}/rendered").status_code == 422
    assert get(client, f"{address_of(instance)}/frames/1", OCTET_PARTS).status_code == 200


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_a_picture_is_drawn_in_the_wanted_format(client: TestClient, kind: str) -> None:
    (instance,) = ct_series(slices=1)
    stow(client, part10(instance))
    answer = get(client, f"{address_of(instance)}/rendered", f"image/{kind}")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size, answer.headers["content-type"]) == (kind.upper(), (32, 32), f"image/{kind}")
    assert get(client, f"{address_of(instance)}/rendered", "image/bmp").status_code == 406


def test_a_window_changes_the_picture(client: TestClient) -> None:
    (instance,) = ct_series(slices=1)
    stow(client, part10(instance))
    pictures = {
        window: get(client, f"{address_of(instance)}/rendered?window={window}", "image/png").content
        for window in ("40,400,linear", "40,4000,linear")
    }
    assert len(set(pictures.values())) == 2


@pytest.mark.parametrize("window", ["40", "a,b", "40,0,linear", "nan,nan,linear", "inf,1,linear", "1,1e999,linear"])
def test_a_window_without_meaning_is_refused(client: TestClient, window: str) -> None:
    (instance,) = ct_series(slices=1)
    stow(client, part10(instance))
    assert get(client, f"{address_of(instance)}/rendered?window={window}").status_code == 400


def test_a_thumbnail_is_small(client: TestClient) -> None:
    instance = picture(np.random.default_rng(1).integers(0, 255, (300, 600), dtype=np.uint8))
    stow(client, part10(instance))
    image = Image.open(io.BytesIO(get(client, f"{address_of(instance)}/thumbnail").content))
    assert image.size == (128, 64)


def test_unknown_and_foreign_look_the_same(client: TestClient, stranger: TestClient) -> None:
    (mine,) = ct_series(slices=1)
    stow(client, part10(mine))
    (other,) = mr_series(slices=1)
    brain = "/dicom-web/brain"
    for suffix in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail", "/bulkdata/7FE00010"):
        foreign, unknown = (
            get(stranger, address_of(instance).replace(BASE, brain) + suffix) for instance in (mine, other)
        )
        assert foreign.status_code == unknown.status_code == 404
        assert {**foreign.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    assert get(stranger, f"{brain}/studies").json() == []


def test_a_query_says_when_it_was_cut_short(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    stow(client, *map(part10, ct_series(slices=3)))
    monkeypatch.setattr(query, "MAX_LIMIT", 2)
    answer = get(client, f"{BASE}/instances")
    assert len(answer.json()) == 2
    assert answer.headers["warning"].startswith("299 ")
    assert "warning" not in get(client, f"{BASE}/series").headers


def test_a_query_for_an_unknown_attribute_is_refused_in_words(client: TestClient) -> None:
    answer = get(client, f"{BASE}/studies?Shoesize=44")
    assert (answer.status_code, answer.json()["field"]) == (400, "Shoesize")
    assert "PatientID" in answer.json()["remedy"]


def test_stored_instances_are_named_with_their_address(client: TestClient) -> None:
    (instance,) = ct_series(slices=1)
    (item,) = stow(client, part10(instance)).json()["00081199"]["Value"]
    assert item["00081150"]["Value"] == [instance.SOPClassUID]
    assert item["00081155"]["Value"] == [instance.SOPInstanceUID]
    assert item["00081190"]["Value"][0].endswith(address_of(instance))


def test_one_object_may_be_sent_without_parts(client: TestClient) -> None:
    (instance,) = ct_series(slices=1)
    answer = client.post(f"{BASE}/studies", content=part10(instance), headers={"Content-Type": "application/dicom"})
    assert answer.status_code == 200
    assert get(client, address_of(instance), "application/dicom").content == part10(instance)


def test_what_is_wrong_does_not_hinder_what_is_right(client: TestClient, site: Any) -> None:
    good, other = ct_series(slices=2)
    truncated = part10(other)[:-100]
    answer = stow(client, part10(good), truncated, b"no DICOM at all")
    assert answer.status_code == 202
    assert len(answer.json()["00081199"]["Value"]) == 1
    assert reasons(answer) == [0xC000, 0xC000]
    with site.database.read() as session:
        assert session.scalar(select(func.count()).select_from(QuarantineRow)) == 2


def test_a_request_of_which_nothing_could_be_stored_fails(client: TestClient) -> None:
    answer = stow(client, b"no DICOM at all")
    assert (answer.status_code, reasons(answer)) == (409, [0xC000])
    assert "00081199" not in answer.json()


def test_storing_again_is_fine_and_other_bytes_are_not(client: TestClient) -> None:
    (instance,) = ct_series(slices=1)
    assert [stow(client, part10(instance)).status_code for _ in range(2)] == [200, 200]
    (forged,) = ct_series(slices=1, StudyDescription="Forged")
    answer = stow(client, part10(forged))
    assert (answer.status_code, reasons(answer)) == (409, [0x0111])
    assert get(client, address_of(instance), "application/dicom").content == part10(instance)


def test_an_instance_of_another_study_than_the_address_is_not_stored(client: TestClient) -> None:
    (instance,) = ct_series(slices=1)
    answer = stow(client, part10(instance), address=f"{BASE}/studies/1.2.3")
    assert (answer.status_code, reasons(answer)) == (409, [0xA900])
    assert get(client, address_of(instance)).status_code == 404
    assert stow(client, part10(instance), address=study_of(instance)).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{}", 400),
        ("multipart/related", b"", 400),
        ("multipart/related; boundary=b", b"", 400),
        ("multipart/related; boundary=b", b"--b\r\nContent-Type: text/html\r\n\r\n<script>\r\n--b--\r\n", 400),
        ("multipart/related; boundary=b", b"--b\r\nContent-Type: application/dicom\r\n\r\ncut off", 400),
        ("multipart/related; boundary=b", b"--b\r\n" + b"X" * 20_000, 413),
        ("application/dicom", b"", 400),
    ],
)
def test_a_body_that_is_none_is_refused(
    client: TestClient, site: Any, content_type: str, body: bytes, status: int
) -> None:
    answer = client.post(f"{BASE}/studies", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert list(site.archive.staging.folder.iterdir()) == []
    assert get(client, f"{BASE}/studies").json() == []


def test_no_file_is_left_in_staging(client: TestClient, site: Any) -> None:
    stow(client, *map(part10, ct_series(slices=3)), b"bad")
    assert list(site.archive.staging.folder.iterdir()) == []


def test_a_full_disk_is_said_before_anything_is_kept(tmp_path: Path, application: FastAPI, client: TestClient) -> None:
    site = application.state.site
    full = site.settings.model_copy(update={"min_free_bytes": 10**18})
    archive = Archive.from_settings(full, database=site.database, objects=site.objects)
    application.state.site = replace(site, archive=archive)
    answer = stow(client, *map(part10, ct_series(slices=1)))
    assert (answer.status_code, answer.json()["code"]) == (507, "out-of-space")
    assert list((tmp_path / "staging").iterdir()) == []
