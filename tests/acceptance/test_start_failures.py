"""What keeps a site from starting is said in one sentence, and the command ends with status 1."""

import os
import socket
from pathlib import Path

import pytest

from .broken import made_here
from .conftest import StartSite, client_of
from .peers import associate, store_bytes
from .running import RunningSite


def refused(site: RunningSite, *arguments: object) -> str:
    """Start a site that must not start, and give its one sentence."""
    result = site.kahua("up", *arguments)
    assert (result.returncode, result.stdout) == (1, ""), result
    (sentence,) = result.stderr.strip().splitlines()
    assert sentence.endswith((".", "`"))
    return sentence


@pytest.mark.parametrize("option", ["--port", "--dicom-port"])
def test_a_port_in_use_is_named(tmp_path: Path, option: str) -> None:
    other = {"--port": "--dicom-port", "--dicom-port": "--port"}[option]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert str(port) in refused(RunningSite(tmp_path / "data"), option, port, other, 0)


def test_a_second_site_on_the_same_folder_is_refused(site: RunningSite) -> None:
    assert "already running" in refused(site, "--port", 0, "--dicom-port", 0)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("this is no folder")
    place = tmp_path / "file" / "data"
    assert str(place) in refused(RunningSite(place), "--port", 0, "--dicom-port", 0)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_is_read_only_is_named(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir(mode=0o500)
    assert str(place) in refused(RunningSite(place), "--port", 0, "--dicom-port", 0)


def test_a_full_disk_refuses_at_every_door_and_keeps_nothing(start_site: StartSite) -> None:
    site = start_site(min_free_bytes=10**18)
    client = client_of(site)
    file = made_here()["good"]
    stow = client.http.post(
        "/dicom-web/main/studies",
        content=b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--edge--\r\n",
        headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=edge'},
    )
    upload = client.upload("good.dcm", file)
    assert (stow.status_code, upload.status_code) == (507, 507), (stow.text, upload.text)
    assert {stow.json()["code"], upload.json()["code"]} == {"out-of-space"}

    from .broken import as_data_set

    sent = as_data_set(file)
    association = associate(site, sent.sop_class_uid)
    assert store_bytes(association, sent.sop_class_uid, sent.sop_instance_uid, sent.data) == 0xA700
    association.release()
    assert client.series() == []
    assert client.get("quarantine")["items"] == []
    assert [path for path in (site.folder / "objects").rglob("*") if path.is_file()] == []
    client.http.close()
