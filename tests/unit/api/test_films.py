"""A video is a picture to who wants one, and a film that plays to who wants that."""

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from PIL import Image
from pydicom import dcmread
from sqlalchemy import select

from kahua.store import InstanceRow
from kahua.store.pictures.films import film_key
from kahua.store.pictures.instances import Studio
from kahua.store.pictures.video import write_mp4
from kahua.testing.films import film
from kahua.testing.site import TestClient, program

from .test_dicomweb import BASE, address_of, derive_all, get, stow

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "curator")


def kept(client: TestClient, stream: str) -> tuple[str, bytes]:
    """Store a video; give the address of the instance and the file."""
    content = film(stream)
    stow(client, content)
    return address_of(dcmread(io.BytesIO(content), stop_before_pixels=True)), content


def stream_of(content: bytes) -> bytes:
    """Give the stream of a file, the only fragment after the offset table."""
    pixels = content.index(b"\xe0\x7f\x10\x00OB") + 12
    table = int.from_bytes(content[pixels + 4 : pixels + 8], "little")
    item = pixels + 8 + table
    return content[item + 8 : item + 8 + int.from_bytes(content[item + 4 : item + 8], "little")]


@pytest.mark.parametrize("accept", ["video/mp4", "video/*", "video/mp4, image/jpeg;q=0.5"])
def test_what_is_stored_as_mp4_is_sent_as_it_is_in_ranges_too(client: TestClient, accept: str) -> None:
    address, content = kept(client, "h264-mp4")
    answer = get(client, f"{address}/rendered", accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.content == stream_of(content)
    part = client.get(f"{address}/rendered", headers={"Accept": accept, "Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")


@pytest.mark.parametrize("stream", ["h264-bare", "h264-ts", "hevc-ts"])
def test_other_streams_are_put_into_mp4(client: TestClient, tmp_path: Path, stream: str) -> None:
    address, content = kept(client, stream)
    answer = get(client, f"{address}/rendered?accept=video/mp4", "*/*")
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.content[4:8] == b"ftyp"
    file = tmp_path / "video.dcm"
    file.write_bytes(content)
    write_mp4(file, tmp_path / "same.mp4")
    assert answer.content == (tmp_path / "same.mp4").read_bytes()


def test_a_film_is_made_once_for_all_its_ranges_and_goes_with_what_is_collected(
    client: TestClient, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _ = kept(client, "h264-ts")
    whole = get(client, f"{address}/rendered", "video/mp4")
    before = set(site.objects.keys())
    with monkeypatch.context() as patch:
        patch.setattr(Studio, "played", None)  # it would be needed to make the film again
        part = client.get(f"{address}/rendered", headers={"Accept": "video/mp4", "Range": "bytes=4-99"})
        assert (part.status_code, part.content) == (206, whole.content[4:100])
        known = {"Accept": "video/mp4", "If-None-Match": whole.headers["etag"]}
        assert client.get(f"{address}/rendered", headers=known).status_code == 304
    site.archive.collect()
    assert before - set(site.objects.keys()) == {film_key(content_key_of(site))}
    assert get(client, f"{address}/rendered", "video/mp4").content == whole.content


def content_key_of(site: Any) -> str:
    """Give the key of the only stored object."""
    with site.database.read() as session:
        return str(session.scalars(select(InstanceRow.object_key)).one())


def test_mpeg2_is_sent_as_it_is_and_never_as_mp4(client: TestClient) -> None:
    address, content = kept(client, "mpeg2")
    assert get(client, f"{address}/rendered", "video/mpeg").content == stream_of(content)
    refused = get(client, f"{address}/rendered", "video/mp4")
    assert refused.status_code == 406
    assert "video/mpeg" in refused.text


def test_who_wants_anything_gets_the_first_frame(client: TestClient) -> None:
    address, _ = kept(client, "h264-ts")
    for path in ("rendered", "thumbnail", "frames/5/rendered"):
        answer = get(client, f"{address}/{path}", "*/*")
        assert answer.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.content)).size == (128, 96)


def test_an_element_that_plays_gets_the_video_though_it_accepts_anything(client: TestClient) -> None:
    address, content = kept(client, "h264-mp4")
    answer = client.get(f"{address}/rendered", headers={"Accept": "*/*", "Sec-Fetch-Dest": "video"})
    assert (answer.headers["content-type"], answer.content) == ("video/mp4", stream_of(content))


@pytest.mark.parametrize("accept", ["*/*", "video/mp4", "image/png", "text/plain"])
def test_caches_are_told_that_the_answer_depends_on_who_plays_it(client: TestClient, accept: str) -> None:
    address, _ = kept(client, "h264-mp4")
    series = address.rsplit("/instances/")[0]
    for place in (address, series):
        answer = get(client, f"{place}/rendered", accept)
        assert {"accept", "sec-fetch-dest"} <= {each.strip() for each in answer.headers["vary"].lower().split(",")}


def test_a_series_with_a_video_plays(client: TestClient, site: Any) -> None:
    address, content = kept(client, "h264-mp4")
    series = address.rsplit("/instances/")[0]
    assert get(client, f"{series}/rendered", "video/mp4").content == stream_of(content)
    derive_all(site)
    assert Image.open(io.BytesIO(get(client, f"{series}/thumbnail", "image/webp").content)).size == (128, 96)
    assert get(client, f"{BASE}/studies/1.2.3/rendered", "video/mp4").status_code == 404


@pytest.mark.parametrize(("stream", "plays"), [("h264-mp4", True), ("mpeg2", False)])
def test_a_series_of_videos_is_played_by_the_browser_or_pictured_and_never_in_the_viewer(
    client: TestClient, stream: str, plays: bool
) -> None:
    kept(client, stream)
    (item,) = client.get("/api/projects/liver/series").json()["items"]
    series = client.get(f"/api/projects/liver/series/{item['id']}").json()
    assert (series["viewer_url"], bool(series["film_url"])) == (None, plays)
