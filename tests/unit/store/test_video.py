"""Videos are seen: frames at even distances, any frame, and a stream that a browser plays."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from kahua.errors import UndecodablePixels
from kahua.store.pictures import video
from kahua.store.pictures.video import draw_video, open_film, video_frame, write_mp4
from kahua.testing.films import STREAMS, film

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "video.dcm"
    path.write_bytes(content)
    return path


def bar(picture: np.ndarray) -> float:
    """Give where the bar begins, as a share of the width."""
    bright = np.flatnonzero(picture[picture.shape[0] // 2, :, 1] > 150)
    return float(bright[0]) / picture.shape[1]


@pytest.mark.parametrize("stream", sorted(STREAMS))
def test_frames_at_even_distances_are_drawn_of_every_kind_of_stream(tmp_path: Path, stream: str) -> None:
    drawn = draw_video(written(tmp_path, film(stream)), most=16)
    assert len(drawn.pictures) == 16
    assert drawn.pictures[0].shape == (96, 128, 3)
    places = [bar(picture) for picture in drawn.pictures]
    assert places == sorted(places)
    assert places[-1] - places[0] > 0.8


def test_a_stream_in_pieces_is_put_together(tmp_path: Path) -> None:
    path = written(tmp_path, film("h264-ts", fragments=5))
    assert len(open_film(path).spans) == 5
    assert len(draw_video(path, most=16).pictures) == 16


@pytest.mark.parametrize("number", [0, 10, 31])
def test_any_frame_is_decoded(tmp_path: Path, number: int) -> None:
    path = written(tmp_path, film("h264-mp4"))
    assert abs(bar(video_frame(path, number)) - number / 32) < 0.04
    assert video_frame(path, number, size=64).shape == (48, 64, 3)


def test_of_a_long_video_those_frames_are_drawn_that_stand_for_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "_MOST_DECODED", 10)
    drawn = draw_video(written(tmp_path, film("mpeg2", frames=64)), most=4)
    assert 2 <= len(drawn.pictures) <= 4


def test_what_is_no_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UndecodablePixels):
        video_frame(written(tmp_path, film()), 32)


@pytest.mark.parametrize("stream", ["h264-bare", "h264-ts", "h264-mp4", "hevc-ts"])
def test_a_stream_becomes_a_file_that_plays(tmp_path: Path, stream: str) -> None:
    out = tmp_path / "out.mp4"
    write_mp4(written(tmp_path, film(stream)), out)
    probe = ["ffmpeg", "-v", "info", "-i", str(out), "-f", "null", "-"]
    said = subprocess.run(probe, capture_output=True, text=True, check=True).stderr
    assert "frame=   32" in said
    assert "128x96" in said


@pytest.mark.parametrize(
    "damage", [b"\0\0", b"not a video at all" * 50, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n" * 9]
)
def test_what_is_no_video_is_refused_in_words(tmp_path: Path, damage: bytes) -> None:
    content = film()
    head = content[: content.index(b"\xe0\x7f\x10\x00OB") + 12]
    path = written(tmp_path, head + encapsulate([damage + b"\0" * (len(damage) % 2)]))
    with pytest.raises(UndecodablePixels, match="damaged"):
        draw_video(path, most=16)


def test_a_truncated_video_shows_what_is_there(tmp_path: Path) -> None:
    content = film("h264-ts", frames=64)
    drawn = draw_video(written(tmp_path, content[: len(content) - 2000]), most=16)
    assert 1 <= len(drawn.pictures) <= 16


def test_without_ffmpeg_a_page_says_what_it_is_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "_program", lambda: None)
    path = written(tmp_path, film())
    drawn = draw_video(path, most=16)
    assert len(drawn.pictures) == 1
    assert drawn.pictures[0].max() > 200
    assert "Install ffmpeg" in drawn.note
    with pytest.raises(UndecodablePixels, match="Install ffmpeg"):
        video_frame(path, 0)
