"""Frames drawn after the standard, compared with what DCMTK draws of the same file: no pixel differs by more than 1."""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence as Items

from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import read_frame
from kahua.testing import shared_data
from kahua.testing.factory import ct_series, mr_series, part10, picture

pytestmark = pytest.mark.skipif(shutil.which("dcmj2pnm") is None, reason="DCMTK's dcmj2pnm is not installed")


def peer(tmp_path: Path, instance: Dataset, *options: str) -> np.ndarray:
    """Draw the first frame with DCMTK, without overlays."""
    file, out = tmp_path / "image.dcm", tmp_path / "image.pnm"
    file.write_bytes(part10(instance))
    done = subprocess.run(
        ["dcmj2pnm", "-O", *options, str(file), str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(out)).astype(int)


def ours(instance: Dataset, **arguments: Any) -> np.ndarray:
    dataset = dcmread(io.BytesIO(part10(instance)))
    return frame_picture(read_frame(dataset, 0), dataset, **arguments).astype(int)


def differ(found: np.ndarray, expected: np.ndarray) -> int:
    assert found.shape == expected.shape
    return int(np.abs(found - expected).max())


def lut(entries: np.ndarray, *, first: int = 0, bits: int = 16, kind: str = "") -> Items:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) & 0xFFFF, first & 0xFFFF, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    if kind:
        item.ModalityLUTType = kind
    return Items([item])


#: Falls and rises, so that no window could do the same.
WAVE = np.rint(32767 + 32767 * np.sin(np.arange(3000) / 200))


@pytest.mark.parametrize(
    ("attributes", "options"),
    [
        ({}, ["+Wi", "1"]),
        ({"RescaleSlope": "2.5"}, ["+Wi", "1"]),
        ({"WindowCenter": ["40", "300"], "WindowWidth": ["400", "1500"]}, ["+Wi", "1"]),
        ({"WindowWidth": "1"}, ["+Wi", "1"]),
        ({"PhotometricInterpretation": "MONOCHROME1"}, ["+Wi", "1"]),
        ({"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}, ["+Wi", "1"]),
        ({"PhotometricInterpretation": "MONOCHROME2", "PresentationLUTShape": "IDENTITY"}, ["+Wi", "1"]),
        ({"VOILUTFunction": "SIGMOID"}, ["+Wi", "1", "+Wfs"]),
        ({"BitsStored": 12, "HighBit": 11}, ["+Wi", "1"]),
    ],
)
def test_windows(tmp_path: Path, attributes: dict[str, Any], options: list[str]) -> None:
    instance = ct_series(rows=64, columns=64, **attributes)[2]
    assert differ(ours(instance), peer(tmp_path, instance, *options)) <= 1


@pytest.mark.parametrize("function", ["LINEAR", "SIGMOID"])
def test_a_window_that_is_asked_for(tmp_path: Path, function: Any) -> None:
    instance = ct_series(rows=64, columns=64)[2]
    option = {"LINEAR": "+Wfl", "SIGMOID": "+Wfs"}[function]
    expected = peer(tmp_path, instance, "+Ww", "60", "120", option)
    assert differ(ours(instance, window=(60, 120), function=function), expected) <= 1


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_table_in_place_of_a_window(tmp_path: Path, bits: int, photometric: str) -> None:
    entries = WAVE.astype(int) >> (16 - bits)
    instance = mr_series(rows=64, columns=64, PhotometricInterpretation=photometric)[2]
    instance.VOILUTSequence = lut(entries, bits=bits)
    assert differ(ours(instance), peer(tmp_path, instance, "+Wl", "1")) <= 1


def test_a_table_that_begins_below_zero(tmp_path: Path) -> None:
    instance = ct_series(rows=64, columns=64)[2]
    del instance.WindowCenter, instance.WindowWidth
    instance.VOILUTSequence = lut(WAVE, first=-1024)
    instance.VOILUTSequence[0]["LUTDescriptor"].VR = "SS"
    instance.VOILUTSequence[0].LUTDescriptor = [len(WAVE), -1024, 16]
    assert differ(ours(instance), peer(tmp_path, instance, "+Wl", "1")) <= 1


def test_a_table_of_the_modality_before_a_window(tmp_path: Path) -> None:
    instance = mr_series(rows=64, columns=64, WindowCenter="20000", WindowWidth="30000")[2]
    instance.ModalityLUTSequence = lut(WAVE, kind="US")
    assert differ(ours(instance), peer(tmp_path, instance, "+Wi", "1")) <= 1


def test_both_tables(tmp_path: Path) -> None:
    instance = mr_series(rows=64, columns=64)[2]
    instance.ModalityLUTSequence = lut(np.arange(3000)[::-1], bits=12, kind="US")
    instance.VOILUTSequence = lut(WAVE)
    assert differ(ours(instance), peer(tmp_path, instance, "+Wl", "1")) <= 1


def coloured(count: int, bits: int, **data: bytes) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for colour in ("Red", "Green", "Blue"):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [count & 0xFFFF, 0, bits]
        attributes[f"{colour}PaletteColorLookupTableData"] = data[colour]
    return attributes


def test_a_palette(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype="<u2") * 257
    attributes = coloured(256, 16, Red=ramp.tobytes(), Green=ramp[::-1].tobytes(), Blue=(ramp // 2).tobytes())
    frame = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    instance = picture(frame, photometric="PALETTE COLOR", **attributes)
    assert differ(ours(instance), peer(tmp_path, instance)) <= 1


@pytest.mark.parametrize(("photometric", "most"), [("RGB", 0), ("YBR_FULL", 2)])
def test_colours(tmp_path: Path, photometric: str, most: int) -> None:
    pixels = np.random.default_rng(5).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    instance = picture(pixels, photometric=photometric)
    assert differ(ours(instance), peer(tmp_path, instance)) <= most, "DCMTK cuts off where we round"


@pytest.mark.parametrize(
    "name", ["dcmqi_ct3slice/01", "mr_brain_ge/cor_t1/0005", "petct_acrin/ct/0060", "mr_prostatex/t2_tse_tra/0009"]
)
def test_real_images_with_the_window_that_they_name(tmp_path: Path, name: str) -> None:
    folder = shared_data()
    if folder is None:
        pytest.skip("no ../shared/data")
    dataset = dcmread(folder / f"{name}.dcm")
    frame = read_frame(dataset, 0)
    del dataset.PixelData
    dataset.add_new("PixelData", "OW", frame.tobytes())
    assert differ(ours(dataset), peer(tmp_path, dataset, "+Wi", "1")) <= 1
