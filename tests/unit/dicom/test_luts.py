"""Lookup tables are read as they are written, corrected where they lie, and refused where they make no sense."""

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_color_lut
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

from kahua.dicom.luts import read_palette, read_table
from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import read_frame
from kahua.errors import UndecodablePixels
from kahua.testing.factory import ct_series, mr_series, picture

#: 10, 20, then in 4 steps to 60, then these again, then a ramp to 255: PS3.3 C.7.9.2.
SEGMENTS = [0, 2, 10, 20, 1, 4, 60, 2, 2, 0, 0, 1, 3, 255]
WRITTEN_OUT = [10, 20, 30, 40, 50, 60, 10, 20, 30, 40, 50, 60, 125, 190, 255]


def table(entries: Any, descriptor: list[int]) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return item


def segmented(count: int, bits: int, data: bytes) -> Dataset:
    palette = Dataset()
    for colour in ("Red", "Green", "Blue"):
        setattr(palette, f"{colour}PaletteColorLookupTableDescriptor", [count, 0, bits])
        setattr(palette, f"Segmented{colour}PaletteColorLookupTableData", data)
    return palette


def test_a_segmented_palette_is_written_out() -> None:
    red, _, _ = read_palette(segmented(15, 16, np.asarray(SEGMENTS, "<u2").tobytes()))
    assert red.entries.tolist() == WRITTEN_OUT


def test_a_segmented_palette_of_bytes_is_written_out() -> None:
    data = bytes([*SEGMENTS[:7], 2, 2, 0, 0, 0, 0, 1, 3, 255, 0])
    red, _, _ = read_palette(segmented(15, 8, data))
    assert red.entries.tolist() == WRITTEN_OUT


def test_a_segmented_palette_gives_the_colours_that_pydicom_gives() -> None:
    words = np.asarray([0, 1, 500, 1, 100, 60000, 0, 3, 1, 2, 3, 1, 152, 65535], "<u2").tobytes()
    palette = segmented(256, 16, words)
    frame = np.arange(256, dtype=np.uint8).reshape(16, 16)
    palette.PixelRepresentation = 0
    palette.file_meta = FileMetaDataset()
    palette.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    expected = apply_color_lut(frame, palette) >> 8
    found = np.stack([each.eight_bits(frame) for each in read_palette(palette)], -1)
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        [1, 5, 9],  # a ramp that begins nowhere
        [0, 2, 1, 2, 2, 1, 4, 0],  # copies what is no segment
        [0, 1, 7, 2, 2, 0, 0],  # copies itself
        [0, 9999, 1, 2],
    ],
)
def test_a_segmented_palette_without_sense_is_refused(words: list[int]) -> None:
    with pytest.raises(UndecodablePixels, match="no usable palette"):
        read_palette(segmented(1000, 16, np.asarray(words, "<u2").tobytes()))


def test_a_segmented_palette_is_followed_no_further_than_its_count() -> None:
    bomb = np.asarray([0, 1, 0] + [1, 65535, 9] * 100_000, "<u2").tobytes()
    red, _, _ = read_palette(segmented(256, 16, bomb))
    assert len(red.entries) == 256


@pytest.mark.parametrize(
    ("entries", "claimed", "bits"),
    [([0, 255], 16, 8), ([0, 4095], 8, 12), ([0, 4095], 12, 12), ([0, 300], 16, 16), ([0, 65535], 0, 16)],
)
def test_bits_of_entries_are_corrected_where_they_cannot_be_true(entries: list[int], claimed: int, bits: int) -> None:
    assert read_table(table(entries, [2, 0, claimed])).bits == bits


def test_inputs_outside_take_the_ends_and_no_number_does_harm() -> None:
    found = read_table(table([5, 6, 7], [3, 10, 8])).values(np.array([-1e30, 9, 11.9, 12, 1e30, np.nan, np.inf]))
    assert found.tolist() == [5, 5, 6, 7, 7, 5, 7]


def test_a_table_with_fewer_entries_than_it_says_is_refused() -> None:
    item = table([], [0, 10, 16])
    item["LUTData"].VR, item.LUTData = "US", [5, 6, 7]
    with pytest.raises(UndecodablePixels, match="3 entries where its descriptor says 65536"):
        read_table(item)


def group(keyword: str, **attributes: Any) -> Dataset:
    macro, item = Dataset(), Dataset()
    for name, value in attributes.items():
        setattr(macro, name, value)
    setattr(item, keyword, Items([macro]))
    return item


def test_each_frame_has_its_own_window_and_rescaling() -> None:
    frames = np.tile(np.array([[0, 100, 200, 300]], np.uint16), (2, 1, 1))
    instance = picture(frames)
    items = [
        group("FrameVOILUTSequence", WindowCenter="150", WindowWidth="301"),
        group("FrameVOILUTSequence", WindowCenter="150", WindowWidth="301", VOILUTFunction="LINEAR_EXACT"),
    ]
    items[1].update(group("PixelValueTransformationSequence", RescaleSlope="0.5", RescaleIntercept="0"))
    instance.PerFrameFunctionalGroupsSequence = Items(items)
    drawn = [frame_picture(read_frame(instance, number), instance, number=number)[0].tolist() for number in range(2)]
    assert drawn == [[0, 85, 170, 255], [0, 42, 85, 127]]


def test_padding_is_black_whatever_the_window_and_the_photometric_interpretation() -> None:
    frame = np.array([[63536, 63540, 1024, 3000]], np.uint16).astype(np.int16)
    instance = picture(frame, photometric="MONOCHROME1", WindowCenter="1000", WindowWidth="2000")
    instance.PixelPaddingValue, instance.PixelPaddingRangeLimit = -2000, -1990
    drawn = frame_picture(read_frame(instance, 0), instance)[0]
    assert drawn[:2].tolist() == [0, 0]
    assert drawn[2] > drawn[3]


def test_values_above_the_grey_ones_have_the_colours_of_a_supplemental_palette() -> None:
    attributes: dict[str, Any] = {}
    for colour, byte in (("Red", 255), ("Green", 0), ("Blue", 128)):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [2, 200, 8]
        attributes[f"{colour}PaletteColorLookupTableData"] = bytes([byte, byte])
    frame = np.array([[0, 100, 199, 200, 201]], np.uint8)
    window = {"WindowCenter": "128", "WindowWidth": "256"}
    drawn = frame_picture(frame, picture(frame, PixelPresentation="COLOR", **window, **attributes))[0]
    assert (np.ptp(drawn[:3].astype(int), axis=1) == 0).all()
    assert drawn[3:].tolist() == [[255, 0, 128]] * 2


def test_a_presentation_table_comes_last() -> None:
    instance = mr_series(WindowCenter="500", WindowWidth="1000")[2]
    plain = frame_picture(read_frame(instance, 0), instance).astype(int)
    instance.PresentationLUTSequence = Items([table(np.arange(256)[::-1], [256, 0, 8])])
    assert np.abs(255 - plain - frame_picture(read_frame(instance, 0), instance)).max() <= 1


def test_an_image_without_a_usable_table_says_so() -> None:
    instance = ct_series()[0]
    instance.ModalityLUTSequence = Items([Dataset()])
    with pytest.raises(UndecodablePixels, match="lookup table"):
        frame_picture(read_frame(instance, 0), instance)
