"""What is drawn without a process of its own looks as what such a process draws, and nothing odd is drawn so."""

import io
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom import Dataset

from kahua.dicom.file_meta import read_file_meta
from kahua.dicom.plain_image import read_plain_image
from kahua.dicom.scanner import scan
from kahua.dicom.transfer_syntaxes import EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN
from kahua.errors import KahuaError, UndecodablePixels
from kahua.store.dicomweb.retrieve import StoredInstance
from kahua.store.objects import DirectoryStore, content_key
from kahua.store.pictures import render
from kahua.store.pictures.painting import draw_stored
from kahua.store.pictures.plain import draw_plain
from kahua.store.pictures.wanted import Wanted
from kahua.testing.factory import ct_series, part10, picture
from kahua.waiting import WouldWait, at_once

SHARED = Path(__file__).parents[4] / "shared" / "data"

PLAIN = {
    "window": lambda: ct_series(rows=64, columns=48)[2],
    "several windows": lambda: ct_series(WindowCenter=["40", "300"], WindowWidth=["100", "2000"])[2],
    "sigmoid": lambda: ct_series(VOILUTFunction="SIGMOID")[2],
    "inverse": lambda: ct_series(PresentationLUTShape="INVERSE")[2],
    "monochrome 1": lambda: ct_series(PhotometricInterpretation="MONOCHROME1")[2],
    "padding": lambda: ct_series(PixelPaddingValue=24, PixelPaddingRangeLimit=30)[2],
    "no window": lambda: ct_series(WindowCenter=None, WindowWidth=None)[2],
    "signed": lambda: picture(np.arange(-99, 201, dtype=np.int16).reshape(10, 30), PixelPaddingValue=-3),
    "high bits": lambda: picture(np.arange(300, dtype=np.uint16).reshape(10, 30) * 200, BitsStored=12, HighBit=11),
    "stretched": lambda: ct_series(PixelSpacing=["2", "1"])[2],
    "aspect": lambda: picture(np.eye(20, dtype=np.uint8) * 255, PixelAspectRatio=[3, 1]),
    "red, green, blue": lambda: picture(np.arange(300, dtype=np.uint8).reshape(10, 10, 3), photometric="RGB"),
    "luminance": lambda: picture(np.full((9, 9, 3), 90, np.uint8), photometric="YBR_FULL"),
}

WANTED = {
    "whole": Wanted(frames=(1,), media_type="image/png"),
    "thumbnail": Wanted(frames=(1,), media_type="image/png", size=8),
    "viewport": Wanted(frames=(1,), media_type="image/png", viewport=(40, 70)),
    "region": Wanted(frames=(1,), media_type="image/png", region=(1, 2, -6, 5)),
    "window": Wanted(frames=(1,), media_type="image/png", window=(30, 90), function="LINEAR_EXACT"),
    "jpeg": Wanted(frames=(1,), media_type="image/jpeg", quality=60),
}


def stored(objects: DirectoryStore, content: bytes) -> StoredInstance:
    """Keep an object, and give what the index knows of it."""
    file = io.BytesIO(content)
    meta = read_file_meta(file)
    header = scan(
        file,
        offset=meta.data_offset,
        size=len(content) - meta.data_offset,
        transfer_syntax_uid=meta.transfer_syntax_uid,
    )
    key = content_key("test", [content])
    objects.put(key, [content])
    return StoredInstance(
        id=1,
        sop_instance_uid=header.sop_instance_uid,
        series_id="1",
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        object_key=key,
        size=len(content),
        data_offset=meta.data_offset,
        pixel_offset=header.pixel_offset,
        rows=header.rows,
        columns=header.columns,
        number_of_frames=header.number_of_frames,
        dicom_json=b"{}",
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def by_child(objects: DirectoryStore, instance: StoredInstance, wanted: Wanted) -> bytes:
    """Draw as the child does."""
    return render.do({**asdict(wanted), "task": "draw", "file": str(objects.path(instance.object_key)), "spans": None})


@pytest.fixture
def objects(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "objects", durability="none")


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("kind", PLAIN)
def test_a_plain_picture_is_that_of_the_child(objects: DirectoryStore, kind: str, wanted: str, implicit: bool) -> None:
    image = PLAIN[kind]()
    instance = stored(objects, part10(image, IMPLICIT_LITTLE_ENDIAN if implicit else EXPLICIT_LITTLE_ENDIAN))
    found = draw_plain(objects, instance, WANTED[wanted])
    assert found is not None
    assert found == by_child(objects, instance, WANTED[wanted])


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_all_plain_images_of_real_scanners_look_as_the_child_draws_them(objects: DirectoryStore) -> None:
    drawn = 0
    for path in sorted(SHARED.rglob("*"))[::7]:
        try:
            instance = stored(objects, path.read_bytes()) if path.is_file() else None
        except KahuaError:
            continue
        if instance is None or instance.pixel_offset is None:
            continue
        last = instance.number_of_frames or 1
        wanted = Wanted(frames=(last,), media_type="image/png", size=None if drawn % 4 else 100)
        found = draw_plain(objects, instance, wanted)
        if found is not None:
            drawn += 1
            assert found == by_child(objects, instance, wanted), path
    assert drawn > 50


def test_each_frame_is_found(objects: DirectoryStore) -> None:
    frames = np.arange(3, dtype=np.uint8)[:, None, None] * np.full((1, 8, 8), 100, np.uint8)
    image = picture(frames[0], NumberOfFrames=3, WindowCenter="128", WindowWidth="256")
    image.PixelData = frames.tobytes()
    instance = stored(objects, part10(image))
    for number in (1, 2, 3):
        found = draw_plain(objects, instance, Wanted(frames=(number,), media_type="image/png"))
        assert found is not None
        assert int(np.asarray(Image.open(io.BytesIO(found))).max()) == pytest.approx((number - 1) * 100, abs=1)


def tabled(image: Dataset) -> None:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [2, 0, 16], b"\0\0\xff\xff"
    image.VOILUTSequence = [item]


ODD: dict[str, Any] = {
    "table": tabled,
    "palette": lambda image: setattr(image, "PhotometricInterpretation", "PALETTE COLOR"),
    "shared colours": lambda image: setattr(image, "PhotometricInterpretation", "YBR_FULL_422"),
    "bits": lambda image: setattr(image, "BitsAllocated", 32),
    "large": lambda image: setattr(image, "Rows", 60000),
    "functional groups": lambda image: setattr(image, "SharedFunctionalGroupsSequence", [Dataset()]),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_is_left_to_the_child(objects: DirectoryStore, kind: str) -> None:
    image = ct_series(rows=8, columns=8)[0]
    instance = stored(objects, part10(image))
    ODD[kind](image)
    content = part10(image)  # as if the door had let it in
    key = content_key("odd", [content])
    objects.put(key, [content])
    odd = replace(instance, object_key=key, size=len(content), pixel_offset=len(content) - 128)
    assert draw_plain(objects, odd, Wanted(frames=(1,), media_type="image/png")) is None


def test_nothing_is_written_on_a_picture_here(objects: DirectoryStore) -> None:
    instance = stored(objects, part10(ct_series()[0]))
    wanted = Wanted(frames=(1,), media_type="image/png", annotation=("patient",))
    assert draw_plain(objects, instance, wanted) is None


@given(at=st.integers(0, 600), other=st.binary(min_size=1, max_size=8))
def test_damaged_headers_are_drawn_or_left_to_the_child(at: int, other: bytes) -> None:
    content = part10(ct_series(rows=8, columns=8)[0])
    start = read_file_meta(io.BytesIO(content)).data_offset
    head, pixels = content[start : len(content) - 140], content[-128:]
    at %= len(head)
    image = read_plain_image(head[:at] + other + head[at + len(other) :], EXPLICIT_LITTLE_ENDIAN)
    if image is not None and 0 < image.frame_bytes <= len(pixels):
        with suppress(UndecodablePixels):
            drawn = draw_stored(pixels[: image.frame_bytes], image, WANTED["viewport"])
            assert drawn is None or drawn.startswith(b"\x89PNG")


def test_nothing_is_drawn_where_nothing_may_wait(objects: DirectoryStore) -> None:
    instance = stored(objects, part10(ct_series()[0]))
    with at_once(), pytest.raises(WouldWait):
        draw_plain(objects, instance, WANTED["whole"])
