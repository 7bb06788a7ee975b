import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset

from kahua.dicom import pixels, transfer_syntaxes
from kahua.dicom.pixels import frame_picture, frame_window, frames_at, open_image, read_frame, read_frames
from kahua.errors import UndecodablePixels
from kahua.testing import factory
from kahua.testing.compression import ENCODERS, native_frames

from .reading import shared, shared_files

NATIVE = sorted(transfer_syntaxes.NATIVE - {transfer_syntaxes.PRIVATE_GE})
LOSSLESS = sorted(set(ENCODERS) - {transfer_syntaxes.JPEG_BASELINE})
#: What cannot be shown, and why.
UNDECODABLE = {
    "bad_jpeg_stream": "damaged",
    "orig_JPEG2000-embedded-sequence-delimiter": "Rows and Columns",
    "orig_MR_truncated": "8130 bytes where 8192",
    "orig_badVR": "NumberOfFrames",
    "orig_meta_missing_tsyntax": "no Rows",
    "rows_60000": "512 x 512 pixels, but Rows and Columns say 60000 x 512",
    "truncated_pixels": "261051 bytes where 524288",
}


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data), force=True)


@pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS])
def test_pixels_come_back_from_every_syntax(syntax: str) -> None:
    instance = factory.ct_series()[2]
    frame = read_frame(read(factory.part10(instance, syntax)), 0)
    assert np.array_equal(frame, native_frames(instance)[0])


@pytest.mark.parametrize("syntax", [*NATIVE, transfer_syntaxes.RLE_LOSSLESS, transfer_syntaxes.JPEG_LS_LOSSLESS])
def test_frames_come_in_order(syntax: str) -> None:
    frames = np.arange(3 * 5 * 7, dtype=np.uint8).reshape(3, 5, 7)
    read_back = list(read_frames(read(factory.part10(factory.picture(frames), syntax))))
    assert np.array_equal(np.stack(read_back), frames)


@pytest.mark.parametrize("syntax", [*NATIVE, transfer_syntaxes.RLE_LOSSLESS, transfer_syntaxes.JPEG_2000_LOSSLESS])
def test_colours_come_back(syntax: str) -> None:
    frame = np.random.default_rng(1).integers(0, 255, (6, 5, 3), dtype=np.uint8)
    instance = factory.picture(frame, photometric="RGB")
    assert np.array_equal(read_frame(read(factory.part10(instance, syntax)), 0), frame)


def test_lossy_pixels_are_close() -> None:
    frame = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    found = read_frame(read(factory.part10(factory.picture(frame), transfer_syntaxes.JPEG_BASELINE)), 0)
    assert np.abs(found.astype(int) - frame).max() <= 4


def test_signed_values_keep_their_sign() -> None:
    frame = np.array([[-5, 3], [-2048, 2047]], dtype=np.int16)
    assert np.array_equal(read_frame(factory.picture(frame), 0), frame)
    assert np.array_equal(
        read_frame(factory.picture(frame & 0xFFF, BitsStored=12, HighBit=11, PixelRepresentation=1), 0), frame
    )


def test_bits_beyond_those_stored_do_not_count() -> None:
    frame = np.array([[0xF123, 0x0FFF]], dtype=np.uint16)
    assert read_frame(factory.picture(frame, BitsStored=12, HighBit=11), 0).tolist() == [[0x123, 0xFFF]]


def test_old_ge_pixels_are_swapped() -> None:
    frame = np.array([[1, 258]], dtype=np.uint16)
    instance = factory.picture(frame, PixelData=frame.byteswap().tobytes())
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = pydicom.uid.UID(transfer_syntaxes.PRIVATE_GE)
    assert np.array_equal(read_frame(instance, 0), frame)


def test_colour_planes_are_put_together() -> None:
    frame = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    instance = factory.picture(
        frame, photometric="RGB", PlanarConfiguration=1, PixelData=np.moveaxis(frame, -1, 0).tobytes()
    )
    assert np.array_equal(read_frame(instance, 0), frame)


def test_one_bit_frames_need_not_begin_at_a_byte() -> None:
    bits = np.random.default_rng(2).integers(0, 2, (3, 3, 5), dtype=np.uint8)
    instance = factory.picture(bits, BitsAllocated=1, BitsStored=1, HighBit=0)
    instance.PixelData = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    assert np.array_equal(np.stack(list(read_frames(instance))), bits)


def test_luminance_and_colour_differences_become_rgb() -> None:
    grey = np.full((2, 2, 3), 128, np.uint8)
    red = np.array([[[76, 85, 255]]], np.uint8)
    assert np.array_equal(read_frame(factory.picture(grey, photometric="YBR_FULL"), 0), grey)
    assert np.abs(read_frame(factory.picture(red, photometric="YBR_FULL"), 0).astype(int) - [254, 0, 0]).max() <= 1


@pytest.mark.parametrize(
    ("photometric", "red"), [("YBR_FULL_422", [76, 76, 85, 255]), ("YBR_PARTIAL_422", [81, 81, 90, 240])]
)
def test_neighbours_share_the_colour_of_red(photometric: str, red: list[int]) -> None:
    image = factory.picture(np.zeros((1, 2, 3), np.uint8), photometric=photometric, PixelData=bytes(red))
    assert np.abs(read_frame(image, 0).astype(int) - [254, 0, 0]).max() <= 2


def test_a_narrow_range_reaches_from_black_to_white() -> None:
    ends = bytes([16, 235, 128, 128])
    image = factory.picture(np.zeros((1, 2, 3), np.uint8), photometric="YBR_PARTIAL_422", PixelData=ends)
    assert read_frame(image, 0).tolist() == [[[0, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_420", "HSV"])
def test_colours_that_are_not_read_are_refused_by_name(photometric: str) -> None:
    with pytest.raises(UndecodablePixels, match=photometric):
        read_frame(factory.picture(np.zeros((2, 2, 3), np.uint8), photometric=photometric), 0)


def test_a_palette_gives_colours() -> None:
    table = np.arange(256, dtype="<u2") << 8
    attributes: dict[str, Any] = {}
    for colour in ("Red", "Green", "Blue"):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        attributes[f"{colour}PaletteColorLookupTableData"] = (table if colour != "Blue" else table[::-1]).tobytes()
    frame = np.array([[0, 7, 255]], np.uint8)
    found = read_frame(factory.picture(frame, photometric="PALETTE COLOR", **attributes), 0)
    assert found.tolist() == [[[0, 0, 255], [7, 7, 248], [255, 255, 0]]]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Rows": 0}, "no Rows"),
        ({"Rows": 65535, "Columns": 65535}, "larger than is decoded"),
        ({"Rows": 33}, "bytes where"),
        ({"BitsAllocated": 12}, "12 bits"),
        ({"SamplesPerPixel": 7}, "7 samples"),
        ({"NumberOfFrames": 2}, "0 bytes where"),
    ],
)
def test_claims_that_do_not_fit_are_refused(attributes: dict[str, int], reason: str) -> None:
    with pytest.raises(UndecodablePixels, match=reason):
        list(read_frames(factory.ct_series(**attributes)[0]))


@pytest.mark.parametrize("syntax", sorted(LOSSLESS))
def test_a_compressed_frame_of_another_size_is_refused(syntax: str) -> None:
    instance = read(factory.part10(factory.ct_series()[0], syntax))
    instance.Rows = 60000
    with pytest.raises(UndecodablePixels):
        read_frame(instance, 0)


@pytest.mark.parametrize("syntax", sorted(LOSSLESS))
def test_a_damaged_frame_is_refused_or_has_its_size(syntax: str) -> None:
    data = bytearray(factory.part10(factory.ct_series()[0], syntax))
    for place in range(len(data) - 200, len(data) - 9, 3):
        data[place] ^= 0x55
    with contextlib.suppress(UndecodablePixels):
        assert read_frame(read(bytes(data)), 0).shape == (32, 32)


@shared
@pytest.mark.parametrize(
    "path", shared_files("broken", "transfer_syntaxes", "dx_umlaut_htj2k", "dcmqi_ct3slice"), ids=lambda path: path.stem
)
def test_real_pixels_equal_those_of_pydicom(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom remarks on odd files
        instance = pydicom.dcmread(path, force=True)
        if "PixelData" not in instance:
            return
        if path.stem in UNDECODABLE:
            with pytest.raises(UndecodablePixels, match=UNDECODABLE[path.stem]):
                list(read_frames(instance))
            return
        frames = np.stack(list(read_frames(instance)))
        assert frame_picture(frames[0], instance, size=64).dtype == np.uint8
        try:
            expected = instance.pixel_array
        except RuntimeError:
            return  # no decoder of pydicom is installed that reads it
        if instance.PhotometricInterpretation != "PALETTE COLOR":
            assert np.array_equal(frames.squeeze(), expected.squeeze())


def test_the_window_of_the_image_is_used() -> None:
    instance = factory.ct_series()[2]
    instance.WindowCenter, instance.WindowWidth = ["40", "300"], ["400", "1500"]
    assert frame_window(read_frame(instance, 0), instance) == (40, 400)
    picture = frame_picture(read_frame(instance, 0), instance)
    brain = picture[16, 10]
    assert (picture[0, 0], picture.max()) == (0, 255)
    assert 120 <= brain <= 132


def test_without_a_window_the_body_is_shown() -> None:
    instance = factory.mr_series()[2]
    frame = read_frame(instance, 0)
    centre, width = frame_window(frame, instance)
    assert centre - width / 2 == frame.min()
    assert 600 < centre + width / 2 <= frame.max()


def test_padding_does_not_darken_the_picture() -> None:
    instance = factory.ct_series(PixelPaddingValue=0)[2]
    del instance.WindowCenter
    frame = read_frame(instance, 0).copy()
    frame[:4] = 0
    centre, width = frame_window(frame, instance)
    assert centre - width / 2 == pytest.approx(-1004, abs=10)


def test_inverse_greys_are_turned() -> None:
    frame = np.array([[0, 255]], np.uint8)
    instance = factory.picture(frame, photometric="MONOCHROME1")
    assert frame_picture(frame, instance, window=(127.5, 255)).tolist() == [[255, 0]]


def test_a_picture_has_square_pixels() -> None:
    frame = np.zeros((10, 20), np.uint8)
    instance = factory.picture(frame, PixelSpacing=["3", "1"])
    assert frame_picture(frame, instance).shape == (30, 20)
    assert frame_picture(frame, instance, size=15).shape == (15, 10)


def test_a_flat_frame_is_a_picture() -> None:
    for value in (0, 7):
        frame = np.full((4, 4), value, np.uint8)
        assert frame_picture(frame, factory.picture(frame)).shape == (4, 4)


@pytest.mark.parametrize("syntax", [*NATIVE, transfer_syntaxes.JPEG_LS_LOSSLESS])
def test_pixels_that_stay_in_their_file_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: str
) -> None:
    monkeypatch.setattr(pixels, "MAPPED_BYTES", 1)
    frames = np.arange(4 * 6 * 8, dtype=np.uint8).reshape(4, 6, 8)
    file = tmp_path / "image"
    file.write_bytes(factory.part10(factory.picture(frames), syntax))
    image = open_image(file)
    little = {transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN, transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN}
    assert isinstance(image.PixelData, memoryview) == (syntax in little)
    assert np.array_equal(list(read_frames(image)), frames)
    chosen = dict(frames_at(image, [3, 1]))
    assert list(chosen) == [1, 3]
    assert np.array_equal(chosen[3], frames[3])


def test_damaged_pixels_are_not_taken_from_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "MAPPED_BYTES", 1)
    file = tmp_path / "image"
    file.write_bytes(factory.part10(factory.ct_series()[0])[:-100])
    with pytest.raises(UndecodablePixels):
        read_frame(open_image(file), 0)
