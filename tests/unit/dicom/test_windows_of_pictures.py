"""What a picture shows where the image says little, or something of no use, of how it is to be seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence as Items

from kahua.dicom.greys import frame_window, telling_window
from kahua.dicom.pictures import frame_picture
from kahua.dicom.pixels import read_frame
from kahua.dicom.uptake import uptake_window
from kahua.errors import UndecodablePixels
from kahua.store.pictures.drawing import draw_series
from kahua.testing.factory import ct_series, part10, picture
from kahua.testing.states import item

SHARED = Path(__file__).parents[4] / "shared" / "data"


def air(**attributes: Any) -> Dataset:
    """Give a CT slice of air with a little noise."""
    image = ct_series(rows=64, columns=64)[0]
    noise = np.random.default_rng(1).integers(10, 90, (64, 64), dtype=np.uint16)
    image.PixelData = noise.tobytes()
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    return image


def test_of_several_windows_the_first_is_taken_in_which_something_is_to_be_seen() -> None:
    image = air(WindowCenter=["50", "-600"], WindowWidth=["350", "1200"])
    assert telling_window(read_frame(image, 0), image) == (-600, 1200)


def test_a_window_in_which_all_is_black_gives_way_to_one_that_fits() -> None:
    image = air(WindowCenter="50", WindowWidth="350")
    centre, width = telling_window(read_frame(image, 0), image) or (0, 0)
    assert -1024 <= centre - width / 2 <= centre + width / 2 <= -900


@pytest.mark.parametrize("attributes", [{"WindowCenter": None, "WindowWidth": None}, {"PixelData": b"\7\0" * 4096}])
def test_what_names_no_window_or_is_the_same_everywhere_is_left_alone(attributes: dict[str, Any]) -> None:
    image = air(**attributes)
    assert telling_window(read_frame(image, 0), image) is None


def test_a_preview_of_air_is_not_black(tmp_path: Path) -> None:
    for name in ("instances", "sources"):
        (tmp_path / name).mkdir()
    (tmp_path / "instances" / "0").write_bytes(part10(air(WindowCenter="50", WindowWidth="350")))
    assert draw_series(tmp_path)["state"] == "ready"
    assert np.asarray(Image.open(tmp_path / "preview.webp")).mean() > 60


def test_one_damaged_slice_does_not_hide_the_others(tmp_path: Path) -> None:
    for name in ("instances", "sources"):
        (tmp_path / name).mkdir()
    for number, image in enumerate(ct_series(slices=3)):
        if number == 1:
            image.Rows = 60_000
        (tmp_path / "instances" / str(number)).write_bytes(part10(image))
    found = draw_series(tmp_path)
    assert found["state"] == "ready"
    assert found["note"].startswith("1 of 3 images cannot be drawn: ")
    assert (tmp_path / "preview.webp").exists()


def test_a_series_of_damaged_slices_says_why(tmp_path: Path) -> None:
    for name in ("instances", "sources"):
        (tmp_path / name).mkdir()
    for number, image in enumerate(ct_series(slices=2, Rows=60_000)):
        (tmp_path / "instances" / str(number)).write_bytes(part10(image))
    with pytest.raises(UndecodablePixels, match="bytes"):
        draw_series(tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_corners_that_no_ray_went_through_do_not_darken_a_lossy_slice() -> None:
    lossy, lossless = (dcmread(SHARED / "transfer_syntaxes" / "wg04" / name) for name in ("CT1_J2KI", "CT1_JPLL"))
    centre, width = frame_window(read_frame(lossy, 0), lossy)
    other, _ = frame_window(read_frame(lossless, 0), lossless)
    assert centre == pytest.approx(other, abs=80)
    assert centre - width / 2 >= -1024


@pytest.mark.parametrize("high", [11, 13, 15])
def test_values_lie_where_high_bit_says(high: int) -> None:
    values = np.arange(300, dtype=np.uint16).reshape(10, 30) * 13
    noise = np.random.default_rng(1).integers(0, 1 << 16, values.shape, dtype=np.uint16)
    lowest = high - 11
    used = np.uint16(0xFFF << lowest)
    image = picture((values << lowest) | (noise & ~used), BitsStored=12, HighBit=high)
    np.testing.assert_array_equal(read_frame(image, 0), values)


def test_signed_values_lie_where_high_bit_says() -> None:
    values = np.arange(-150, 150, dtype=np.int16).reshape(10, 30)
    image = picture(values << 4, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(read_frame(image, 0), values)


@pytest.mark.filterwarnings("ignore:Expected explicit VR")
def test_red_green_and_blue_stay_so_in_a_jpeg_whose_marker_the_decoder_overlooks() -> None:
    path = get_testdata_file("SC_rgb_jpeg.dcm")
    if path is None:
        pytest.skip("pydicom's SC_rgb_jpeg.dcm is not here")
    image = dcmread(path)
    np.testing.assert_allclose(read_frame(image, 0), image.pixel_array, atol=2)


def tracer(**attributes: Any) -> Items:
    values = {
        "RadionuclideTotalDose": "400e6",
        "RadionuclideHalfLife": "6600",
        "RadiopharmaceuticalStartTime": "083000",
    }
    return Items([item(**{**values, **attributes})])


def activity(**attributes: Any) -> Dataset:
    """Give a slice of activity that was injected one half-life ago, of someone of 80 kg."""
    image = ct_series()[0]
    values = {
        "Modality": "PT",
        "Units": "BQML",
        "CorrectedImage": ["ATTN", "DECY", "SCAT"],
        "DecayCorrection": "START",
        "SeriesTime": "102000",
        "PatientWeight": "80",
        "RadiopharmaceuticalInformationSequence": tracer(),
    }
    for keyword, value in {**values, **attributes}.items():
        setattr(image, keyword, value)
    return image


def test_an_uptake_of_five_is_white() -> None:
    white = 5 * 200e6 / 80_000
    assert uptake_window(activity()) == pytest.approx((white / 2, white))
    assert uptake_window(activity(DecayCorrection="ADMIN")) == pytest.approx((white, 2 * white))
    assert uptake_window(activity(Units="GML")) == (2.5, 5)
    over_midnight = activity(
        SeriesTime="003000", RadiopharmaceuticalInformationSequence=tracer(RadiopharmaceuticalStartTime="224000.0")
    )
    assert uptake_window(over_midnight) == pytest.approx((white / 2, white))


@pytest.mark.parametrize(
    "attributes",
    [
        *({"Modality": "CT"}, {"Units": "CNTS"}, {"CorrectedImage": ["DECY"]}, {"DecayCorrection": "NONE"}),
        *({"PatientWeight": None}, {"PatientWeight": "0"}, {"RadiopharmaceuticalInformationSequence": []}),
        {"RadiopharmaceuticalInformationSequence": tracer(RadionuclideTotalDose="0")},
        {"RadiopharmaceuticalInformationSequence": tracer(RadionuclideHalfLife="0")},
    ],
)
def test_who_does_not_tell_the_uptake_has_no_such_window(attributes: dict[str, Any]) -> None:
    assert uptake_window(activity(**attributes)) is None


def test_a_thumbnail_of_a_large_image_is_like_the_mean_of_its_pixels() -> None:
    rows, columns = np.mgrid[0:640, 0:480]
    image = picture((rows * 3 + columns).astype(np.uint16), WindowCenter="1200", WindowWidth="2400")
    frame = read_frame(image, 0)
    small, whole = frame_picture(frame, image, size=64), frame_picture(frame, image)
    assert small.shape == (64, 48)
    mean = whole.reshape(64, 10, 48, 10).mean((1, 3))
    assert np.abs(small - mean).max() < 3


def test_a_region_is_as_bright_as_in_the_whole_picture() -> None:
    image = ct_series(rows=64, columns=64, WindowCenter=None, WindowWidth=None)[2]
    frame = read_frame(image, 0)
    part = frame_picture(frame, image, region=(10, 20, 30, 8))
    np.testing.assert_array_equal(part, frame_picture(frame, image)[20:28, 10:40])


def parametric_map(values: NDArray[Any], **attributes: Any) -> Dataset:
    """Give a map of fractions, as of diffusion or perfusion, with what its values mean in the real world."""
    image = picture(np.zeros(values.shape, np.uint16), SOPClassUID="1.2.840.10008.5.1.4.1.1.30", Modality="MR")
    del image.PixelData, image.HighBit, image.BitsStored, image.PixelRepresentation
    bits, keyword = (32, "FloatPixelData") if values.dtype == np.float32 else (64, "DoubleFloatPixelData")
    image.BitsAllocated = bits
    setattr(image, keyword, values.tobytes())
    meaning = item(RealWorldValueSlope=1e-3, RealWorldValueIntercept=0.0, LUTLabel="ADC", LUTExplanation="Diffusion")
    meaning.DoubleFloatRealWorldValueFirstValueMapped = float(np.nanmin(values))
    meaning.DoubleFloatRealWorldValueLastValueMapped = float(np.nanmax(values))
    image.RealWorldValueMappingSequence = Items([meaning])
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    return image


def ramp(kind: type[np.floating[Any]], most: float) -> NDArray[Any]:
    """Give values from 0 to the most, a row for each hundredth."""
    return np.repeat(np.linspace(0, most, 100)[:, None], 64, axis=1).astype(kind)


@pytest.mark.parametrize("most", [1e-9, 7e-4, 1.0, 1.5, 3e3, 1e12])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_parametric_map_is_grey_however_small_or_large_its_values_are(
    tmp_path: Path, kind: type[np.floating[Any]], most: float
) -> None:
    (tmp_path / "instances").mkdir()
    (tmp_path / "sources").mkdir()
    (tmp_path / "instances" / "map.dcm").write_bytes(part10(parametric_map(ramp(kind, most))))
    assert draw_series(tmp_path)["state"] == "ready"
    column = np.asarray(Image.open(tmp_path / "preview.webp").convert("L"), int)[:, 30]
    assert column[5] < 30
    assert 100 < column[50] < 155
    assert column[95] > 225


def test_a_window_of_fractions_is_no_step() -> None:
    """From 0 to 1, the standard's LINEAR would leave only black and white."""
    image = parametric_map(ramp(np.float32, 1.0), WindowCenter="0.5", WindowWidth="1")
    column = frame_picture(read_frame(image, 0), image)[:, 30].astype(int)
    np.testing.assert_allclose(column, np.linspace(0, 255, 100), atol=1)


def test_padding_and_what_is_no_number_do_not_darken_a_map() -> None:
    values = ramp(np.float32, 1e-3)
    values[:, :20], values[:, 20:25] = -9999, np.nan
    image = parametric_map(values, FloatPixelPaddingValue=-9999.0)
    shown = frame_picture(read_frame(image, 0), image).astype(int)
    assert (shown[:, :25] == 0).all()
    assert 100 < shown[50, 40] < 155


def test_a_map_of_whole_numbers_is_shown_by_its_stored_values() -> None:
    """A window that counts real-world values, as some write it, would show nothing of them."""
    stored = (ramp(np.float64, 1.0) * 4095).astype(np.uint16)
    meaning = item(RealWorldValueSlope=1e-6, RealWorldValueIntercept=0.0, LUTLabel="ADC")
    meaning.RealWorldValueFirstValueMapped, meaning.RealWorldValueLastValueMapped = 0, 4095
    image = picture(stored, RealWorldValueMappingSequence=Items([meaning]), WindowCenter="0.002", WindowWidth="0.004")
    column = frame_picture(read_frame(image, 0), image)[:, 30].astype(int)
    assert column[5] < 30
    assert 100 < column[50] < 155
    assert column[95] > 225
