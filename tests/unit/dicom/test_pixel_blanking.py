"""Areas into which a device writes are blank afterwards, and nothing else has changed."""

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from kahua.dicom import Area, PixelTemplate, transfer_syntaxes
from kahua.dicom.deidentification import Changes, deidentify
from kahua.dicom.pixels import read_frames
from kahua.dicom.profile import Profile
from kahua.dicom.pseudonyms import Pseudonyms
from kahua.errors import UndecodablePixels
from kahua.testing.factory import part10, picture

KEY = hashlib.sha256(b"a key of the tests").digest()
BANNER = PixelTemplate(
    name="banner",
    modality="us",
    manufacturer="ACME  Ultrasound",
    rows=40,
    columns=48,
    areas=(Area(left=0, top=0, width=48, height=8), Area(left=40, top=30, width=20, height=20)),
)


def scan(*, frames: int = 1, colour: bool = False, dtype: str = "u1", **attributes: Any) -> Dataset:
    shape = (frames, 40, 48, 3)[: 4 if colour else 3]
    pixels = np.random.default_rng(7).integers(1, 200, shape).astype(dtype)
    given = {"Modality": "US", "Manufacturer": "Acme Ultrasound", **attributes}
    return picture(pixels if frames > 1 else pixels[0], photometric="RGB" if colour else "MONOCHROME2", **given)


def blanked(data: bytes, *templates: PixelTemplate, **options: str) -> tuple[bytes, Changes]:
    target = io.BytesIO()
    changes = deidentify(
        io.BytesIO(data),
        target,
        pseudonyms=Pseudonyms(key=KEY),
        subject="id\n1",
        profile=Profile(**options),
        templates=templates,
    )
    return target.getvalue(), changes


def frames_of(data: bytes) -> list[np.ndarray]:
    return list(read_frames(dcmread(io.BytesIO(data))))


SYNTAXES = [
    transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN,
    transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN,
    transfer_syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN,
    transfer_syntaxes.EXPLICIT_BIG_ENDIAN,
    transfer_syntaxes.JPEG_BASELINE,
    transfer_syntaxes.JPEG_LOSSLESS_SV1,
    transfer_syntaxes.JPEG_LS_LOSSLESS,
    transfer_syntaxes.JPEG_2000_LOSSLESS,
    transfer_syntaxes.HTJ2K_LOSSLESS,
    transfer_syntaxes.JPEG_XL_LOSSLESS,
    transfer_syntaxes.RLE_LOSSLESS,
]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("frames", "colour"), [(1, False), (3, False), (1, True), (3, True)])
def test_areas_are_blank_and_the_rest_is_as_before(syntax: str, *, frames: int, colour: bool) -> None:
    if colour and syntax == transfer_syntaxes.JPEG_LOSSLESS_SV1:
        pytest.skip("The test's encoder of this syntax writes no colour.")
    data = part10(scan(frames=frames, colour=colour), syntax)
    result, changes = blanked(data, BANNER)
    before, after = frames_of(data), frames_of(result)
    assert len(after) == frames
    for old, new in zip(before, after, strict=True):
        assert not new[:8].any()
        assert not new[30:, 40:].any()
        assert np.array_equal(new[8:30], old[8:30])
        assert np.array_equal(new[8:, :40], old[8:, :40])
    assert changes.pixel_risk == changes.held == ""


def test_deep_and_signed_pixels_are_blanked() -> None:
    for dtype in ("u2", "i2"):
        for syntax in (transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN, transfer_syntaxes.JPEG_2000_LOSSLESS):
            data = part10(scan(dtype=dtype), syntax)
            (old,), (new,) = frames_of(data), frames_of(blanked(data, BANNER)[0])
            assert not new[:8].any()
            assert np.array_equal(new[8:30], old[8:30])


def test_planes_of_colour_are_blanked_each() -> None:
    image = scan(colour=True)
    frame = np.frombuffer(image.PixelData, np.uint8).reshape(40, 48, 3)
    image.PlanarConfiguration, image.PixelData = 1, np.ascontiguousarray(np.moveaxis(frame, 2, 0)).tobytes()
    (new,) = frames_of(blanked(part10(image), BANNER)[0])
    assert not new[:8].any()
    assert np.array_equal(new[8:30], frame[8:30])


def test_object_says_that_its_pixels_were_cleaned() -> None:
    result = dcmread(io.BytesIO(blanked(part10(scan()), BANNER)[0]))
    assert "113101" in {item.CodeValue for item in result.DeidentificationMethodCodeSequence}
    assert (result.PatientIdentityRemoved, result.BurnedInAnnotation) == ("YES", "NO")
    assert "areas blanked" in result.DeidentificationMethod


@pytest.mark.parametrize(
    "attributes",
    [{"Manufacturer": "Acme"}, {"Modality": "XA"}, {"Manufacturer": ""}],
)
def test_template_of_another_device_changes_nothing(attributes: dict[str, str]) -> None:
    data = part10(scan(**attributes))
    result, changes = blanked(data, BANNER)
    assert np.array_equal(frames_of(result)[0], frames_of(data)[0])
    assert changes.held


def test_one_of_several_software_versions_is_enough() -> None:
    template = PixelTemplate(
        name="v2", modality="US", model="M1", software="2.0", rows=40, columns=48, areas=BANNER.areas
    )
    image = scan(ManufacturerModelName="m1", SoftwareVersions=["1.0", "2.0"])
    assert not frames_of(blanked(part10(image), template)[0])[0][:8].any()


def test_overlay_within_blanked_pixels_is_still_suspicious() -> None:
    image = scan()
    image.add_new(0x60000102, "US", 7)
    assert blanked(part10(image), BANNER)[1].held


def test_damaged_frames_are_refused() -> None:
    data = part10(scan(), transfer_syntaxes.JPEG_LS_LOSSLESS)
    at = data.rindex(b"\xff\xd8")
    with pytest.raises(UndecodablePixels):
        blanked(data[: at + 30] + bytes(len(data) - at - 38) + data[-8:], BANNER)


def test_pixels_that_nobody_can_blank_are_refused() -> None:
    with pytest.raises(UndecodablePixels):
        blanked(part10(scan(BitsAllocated=1)), BANNER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"areas": ()},
        {"rows": 0},
        {"modality": ""},
        {"manufacturer": ""},
    ],
)
def test_template_without_limits_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="A template names"):
        PixelTemplate(**{**vars(BANNER), **wrong})
    with pytest.raises(ValueError, match="An area lies"):
        Area(left=-1, top=0, width=1, height=1)
