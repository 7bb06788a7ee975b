"""A real PET/CT study goes in by C-STORE and comes out by WADO-RS, byte for byte."""

import io
from email.parser import BytesParser
from pathlib import Path

import pytest
from pydicom.filereader import read_file_meta_info

from kahua.dicom import read_file_meta
from kahua.testing import shared_data

from .peers import dcmtk
from .running import Client, RunningSite, wait_for

DATA = shared_data()

ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'

#: Transfer syntax (PS3.5 A) and the option with which ``storescu`` proposes it alone.
OPTIONS = {"1.2.840.10008.1.2": "-xi", "1.2.840.10008.1.2.1": "-xe", "1.2.840.10008.1.2.4.80": "-xt"}

pytestmark = pytest.mark.skipif(DATA is None, reason="the real study of the shared test data is not here")


def data_set(file: bytes) -> bytes:
    """Give what follows the File Meta Information, which each archive writes anew."""
    return file[read_file_meta(io.BytesIO(file)).data_offset :]


def test_a_real_study_comes_out_as_it_went_in(site: RunningSite, client: Client, tmp_path: Path) -> None:
    files = list((DATA or Path()).joinpath("petct_acrin").rglob("*.dcm"))
    sent = {read_file_meta_info(path).MediaStorageSOPInstanceUID: data_set(path.read_bytes()) for path in files}
    assert client.http.post("/api/projects", json={"name": "petct"}).status_code == 201
    mine = client.of_project("petct")
    for syntax, option in OPTIONS.items():
        folder = tmp_path / syntax
        folder.mkdir()
        for number, path in enumerate(files):
            if read_file_meta_info(path).TransferSyntaxUID == syntax:
                (folder / f"{number}.dcm").symlink_to(path)
        dcmtk("storescu", site, folder, "-R", option, called="kp-petct")

    series = wait_for(lambda: complete(mine, len(sent)), "all instances")
    assert sorted({item["modality"] for item in series}) == ["CT", "PT", "RTSTRUCT", "RWV", "SEG"]
    received: dict[str, bytes] = {}
    for item in series:
        address = f"/dicom-web/petct/studies/{item['study_uid']}/series/{item['series_uid']}"
        received |= instances(mine, address)
    assert received.keys() == sent.keys()
    assert [uid for uid, content in sent.items() if received[uid] != content] == []


def complete(client: Client, count: int) -> list[dict[str, object]]:
    """List the series of the project once they hold this many instances."""
    items = client.series()
    return items if sum(item["instance_count"] for item in items) == count else []


def instances(client: Client, address: str) -> dict[str, bytes]:
    """Fetch the data sets below an address, by SOP Instance UID."""
    answer = client.http.get(address, headers={"Accept": ANY_SYNTAX})
    assert answer.is_success, answer.text[:500]
    head = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n"
    parts = BytesParser().parsebytes(head + answer.content).get_payload()
    files = [part.get_payload(decode=True) for part in parts]
    return {read_file_meta(io.BytesIO(file)).media_sop_instance_uid: data_set(file) for file in files}
