"""A browser sends a file; the answer says what became of everything in it."""

import errno
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from fastapi import FastAPI

from kahua.access import Role
from kahua.api import create_application
from kahua.store import Archive
from kahua.testing.factory import ct_series, part10
from kahua.testing.site import TestClient, add_person, browser, temporary_site

pytestmark = pytest.mark.elsewhere


@pytest.fixture
def site(tmp_path: Path, backends: dict[str, Any]) -> Iterator[Any]:
    site = temporary_site(tmp_path, **backends, max_archive_bytes=1_000_000)
    add_person(site.database, "curator", liver=Role.CURATOR)
    add_person(site.database, "viewer", liver=Role.VIEWER)
    yield site
    assert list(site.archive.staging.folder.iterdir()) == []
    site.close()


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return browser(application, "curator")


def upload(client: TestClient, content: bytes, filename: str = "file", **options: str) -> Any:
    return client.post("/api/projects/liver/uploads", params={"filename": filename, **options}, content=content)


def packed(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_is_taken_apart_and_told_of(client: TestClient) -> None:
    first, second = ct_series(slices=2)
    content = packed({"a/1": part10(first), "a/2": part10(second)[:-30], "readme.txt": b"hi"})
    report = upload(client, content).json()
    assert (report["accepted"], report["duplicates"], report["skipped"]) == (1, 0, 1)
    assert len(report["series"]) == 1
    (refused,) = report["refused"]
    assert (refused["name"], refused["code"]) == ("a/2", "unreadable-dicom")
    assert upload(client, content).json()["duplicates"] == 1


def test_a_single_instance_is_known_by_its_content(client: TestClient) -> None:
    report = upload(client, part10(ct_series(slices=1)[0]), "holiday.jpg").json()
    assert (report["accepted"], report["refused"]) == (1, [])


def test_a_volume_becomes_a_series(client: TestClient) -> None:
    image = nibabel.Nifti1Image(np.arange(60, dtype=np.int16).reshape(5, 4, 3), np.eye(4))
    report = upload(client, image.to_bytes(), "head.nii", modality="CT").json()
    assert (report["accepted"], len(report["series"])) == (3, 1)


def test_what_is_no_image_is_refused_under_its_name(client: TestClient) -> None:
    (refused,) = upload(client, b"\x7fELF" + bytes(500), "../<b>evil</b>").json()["refused"]
    assert (refused["name"], refused["code"]) == ("../<b>evil</b>", "unreadable-dicom")


def test_a_hostile_archive_is_refused_as_a_whole(client: TestClient) -> None:
    answer = upload(client, packed({"good": part10(ct_series(slices=1)[0]), "../../evil": b"1"}))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
    assert "evil" in answer.json()["detail"]
    assert client.get("/dicom-web/liver/studies").json() == []


def test_nothing_at_all_is_refused(client: TestClient) -> None:
    assert upload(client, b"").status_code == 400


def test_more_than_the_limit_is_cut_off(client: TestClient) -> None:
    assert upload(client, bytes(1_000_001)).status_code == 413


def test_a_full_disk_is_said_at_once(site: Any) -> None:
    full = site.settings.model_copy(update={"min_free_bytes": 10**18})
    archive = Archive.from_settings(full, database=site.database, objects=site.objects)
    client = browser(create_application(replace(site, archive=archive)), "curator")
    answer = upload(client, part10(ct_series(slices=1)[0]))
    assert (answer.status_code, answer.json()["code"]) == (507, "out-of-space")


def test_a_disk_that_has_no_place_for_one_more_folder_is_said(
    site: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder system may have bytes left and no inodes."""

    def full(path: object, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    add_person(site.database, "ada", is_administrator=True)
    administrator = browser(client.app, "ada")
    monkeypatch.setattr(os, "mkdir", full)
    for answer in (upload(client, b"x"), administrator.post("/api/extensions", content=b"x")):
        assert (answer.status_code, answer.json()["code"]) == (507, "out-of-space")


def test_a_viewer_may_not_upload(application: FastAPI) -> None:
    assert upload(browser(application, "viewer"), b"x").status_code == 403
