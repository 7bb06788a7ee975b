"""The child that draws reads only what it needs of a file, and misses nothing of it."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence as Items

from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import read_frame
from kahua.store.pictures import render
from kahua.store.pictures.wanted import Wanted
from kahua.testing.factory import ct_series, part10, picture


def table(entries: list[int], first: int = 0) -> Items:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, 16])
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    item.ModalityLUTType = "US"
    return Items([item])


def framed() -> Dataset:
    """Give an image of which the frame has a window of its own."""
    instance = picture(np.tile(np.arange(300, dtype=np.uint16), (20, 1)))
    voi, group = Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = "100", "50", "SIGMOID"
    group.FrameVOILUTSequence = Items([voi])
    instance.SharedFunctionalGroupsSequence = Items([group])
    return instance


def coloured(segmented: bool) -> Dataset:
    attributes: dict[str, Any] = {}
    for colour in ("Red", "Green", "Blue"):
        kind, data = ("Segmented", [0, 1, 9, 1, 255, 60000]) if segmented else ("", list(range(0, 65536, 256)))
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        attributes[f"{kind}{colour}PaletteColorLookupTableData"] = np.asarray(data, "<u2").tobytes()
    return picture(np.arange(256, dtype=np.uint8).reshape(16, 16), photometric="PALETTE COLOR", **attributes)


IMAGES = {
    "window": lambda: ct_series(rows=64, columns=64)[2],
    "sigmoid": lambda: ct_series(VOILUTFunction="SIGMOID")[2],
    "inverse": lambda: ct_series(PresentationLUTShape="INVERSE")[2],
    "monochrome 1": lambda: ct_series(PhotometricInterpretation="MONOCHROME1")[2],
    "padding": lambda: ct_series(PixelPaddingValue=24, PixelPaddingRangeLimit=30)[2],
    "modality": lambda: ct_series(ModalityLUTSequence=table(list(range(0, 6000, 2))))[2],
    "voi": lambda: ct_series(WindowCenter=None, WindowWidth=None, VOILUTSequence=table(list(range(3000)), 50))[2],
    "presentation": lambda: ct_series(PresentationLUTSequence=table([9, 60000]))[2],
    "signed": lambda: picture(np.arange(-99, 201, dtype=np.int16).reshape(10, 30)),
    "bits": lambda: picture(np.arange(300, dtype=np.uint16).reshape(10, 30) * 200, BitsStored=12, HighBit=11),
    "stretched": lambda: ct_series(PixelSpacing=["2", "1"])[2],
    "aspect": lambda: picture(np.eye(20, dtype=np.uint8) * 255, PixelAspectRatio=[3, 1]),
    "frame": framed,
    "palette": lambda: coloured(segmented=False),
    "segmented palette": lambda: coloured(segmented=True),
    "luminance": lambda: picture(np.full((9, 9, 3), 90, np.uint8), photometric="YBR_FULL"),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("is_cut_out", [True, False])
def test_a_picture_is_that_of_the_whole_image(tmp_path: Path, kind: str, is_cut_out: bool) -> None:
    content = part10(IMAGES[kind]())
    file = tmp_path / "image"
    file.write_bytes(content)
    whole = dcmread(io.BytesIO(content))
    length = len(whole.PixelData)
    job = {
        **asdict(Wanted(frames=(1,), media_type="image/png")),
        "task": "draw",
        "file": str(file),
        "spans": [[(len(content) - length, length)]] if is_cut_out else None,
    }
    found = np.asarray(Image.open(io.BytesIO(render.do(job))))
    np.testing.assert_array_equal(found, frame_picture(read_frame(whole, 0), whole))


@pytest.mark.parametrize("quality", [50, 95])
@pytest.mark.parametrize("shape", [(64, 64), (64, 64, 3)])
def test_a_jpeg_looks_like_the_picture(tmp_path: Path, shape: tuple[int, ...], quality: int) -> None:
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    pixels = ramp if len(shape) == 2 else np.stack([ramp, 255 - ramp, ramp // 2], -1)
    instance = picture(pixels, photometric="RGB" if len(shape) == 3 else "MONOCHROME2")
    instance.WindowCenter, instance.WindowWidth = "128", "256"
    file = tmp_path / "image"
    file.write_bytes(part10(instance))
    wanted = Wanted(frames=(1,), media_type="image/jpeg", quality=quality)
    answer = render.do({**asdict(wanted), "task": "draw", "file": str(file), "spans": None})
    found = Image.open(io.BytesIO(answer))
    assert (found.format, found.mode) == ("JPEG", "RGB" if len(shape) == 3 else "L")
    assert np.abs(np.asarray(found).astype(int) - pixels).mean() < 6


def test_a_plane_within_the_pixels_is_drawn_where_asked(tmp_path: Path) -> None:
    plane = np.tri(16).astype(np.uint16)
    image = picture(np.full((16, 16), 9, np.uint16) | plane << 14, BitsStored=12, HighBit=11)
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    for number, value in ((0x10, 16), (0x11, 16), (0x100, 16), (0x102, 14)):
        image.add_new((0x6000, number), "US", value)
    file = tmp_path / "image"
    file.write_bytes(part10(image))
    for annotation in ((), ("overlay",)):
        wanted = Wanted(frames=(1,), media_type="image/png", annotation=annotation)
        answer = render.do({**asdict(wanted), "task": "draw", "file": str(file), "spans": None})
        found = np.asarray(Image.open(io.BytesIO(answer)))
        assert np.array_equal(found == 255, plane * len(annotation) > 0)


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
def test_overlay_planes_are_drawn_where_asked(tmp_path: Path, photometric: str) -> None:
    shape = (16, 16) if photometric == "MONOCHROME2" else (16, 16, 3)
    image = picture(np.full(shape, 9, np.uint8), photometric=photometric, WindowCenter="128", WindowWidth="256")
    plane = np.tri(16)
    for number, vr, value in (
        *((0x10, "US", 16), (0x11, "US", 16), (0x40, "CS", "G"), (0x50, "SS", [1, 1]), (0x100, "US", 1)),
        (0x3000, "OW", np.packbits(plane.astype(np.uint8).reshape(-1), bitorder="little").tobytes()),
    ):
        image.add_new((0x6000, number), vr, value)
    file = tmp_path / "image"
    file.write_bytes(part10(image))
    for annotation in ((), ("overlay",)):
        wanted = Wanted(frames=(1,), media_type="image/png", annotation=annotation)
        answer = render.do({**asdict(wanted), "task": "draw", "file": str(file), "spans": None})
        found = np.asarray(Image.open(io.BytesIO(answer)))
        assert ((found == 255).reshape(16, 16, -1).all(-1) == (plane * len(annotation) > 0)).all()
