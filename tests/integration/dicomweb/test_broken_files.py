"""Broken and hostile files by STOW-RS: a true answer for each, and the site goes on."""

from pathlib import Path

import pytest
import requests

from kahua.testing import shared_data

DATA = shared_data()
FILES = sorted((DATA / "broken").iterdir()) if DATA else []

pytestmark = pytest.mark.skipif(DATA is None, reason="the folder shared/data is not here")

#: What cannot be filed at all; everything else has what filing needs, however odd.
UNFILED = {
    "no_series_uid.dcm",
    "no_study_uid.dcm",
    "only_preamble.dcm",
    "orig_MR_truncated.dcm",
    "orig_meta_missing_tsyntax.dcm",
    "orig_no_meta.dcm",
    "orig_rtplan_truncated.dcm",
    "preamble_then_garbage.dcm",
    "random_bytes.dcm",
    "text_named.dcm",
    "truncated_header.dcm",
    "truncated_pixels.dcm",
    "zero_bytes.dcm",
}


def send(address: str, token: str, file: Path, project: str = "brain") -> requests.Response:
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + file.read_bytes() + b"\r\n--b--\r\n"
    return requests.post(
        f"{address}/dicom-web/{project}/studies",
        data=body,
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": 'multipart/related; type="application/dicom"; boundary=b',
        },
        timeout=60,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_a_broken_file_gets_a_true_answer(address: str, token: str, file: Path) -> None:
    answer = send(address, token, file)
    if file.name in UNFILED:
        assert answer.status_code == 409
        (failure,) = answer.json()["00081198"]["Value"]
        assert failure["00081197"]["Value"] == [0xC000]
        assert len(failure["00080119"]["Value"][0]) > 20, "there is a sentence for people"
        return
    assert answer.status_code in (200, 409), answer.text
    reasons = [item["00081197"]["Value"][0] for item in answer.json().get("00081198", {}).get("Value", [])]
    assert reasons == ([] if answer.status_code == 200 else [0x0111]), "only another content under the same UID"
    for item in answer.json().get("00081199", {}).get("Value", []):
        check_readable(item["00081190"]["Value"][0], token)


def check_readable(url: str, token: str) -> None:
    """Whatever the pixels are, file and attributes come out, and a picture or a clear refusal."""
    headers = {"Authorization": f"Bearer {token}"}
    assert (
        requests.get(url, headers={**headers, "Accept": "application/dicom; transfer-syntax=*"}, timeout=60).status_code
        == 200
    )
    assert requests.get(f"{url}/metadata", headers=headers, timeout=60).status_code == 200
    drawn = requests.get(f"{url}/rendered", headers=headers, timeout=60)
    assert drawn.status_code in (200, 404, 422), drawn.text
