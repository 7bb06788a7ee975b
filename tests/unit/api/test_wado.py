"""WADO-RS and WADO-URI: in every form that is asked for, in part, at every level, and refused in words."""

import io
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image, ImageCms
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, encapsulate_extended

from kahua.dicom import transfer_syntaxes as syntaxes
from kahua.dicom.encoders import ENCODERS
from kahua.dicom.pixels import read_frame
from kahua.testing.factory import ct_series, part10, picture, segmentation
from kahua.testing.site import TestClient, program
from kahua.testing.states import presentation_state

from .test_dicomweb import BASE, DICOM_PARTS, address_of, derive_all, get, parts_of, series_of, stow, study_of

pytestmark = pytest.mark.elsewhere

OCTETS = "application/octet-stream"
LOSSLESS = [syntaxes.EXPLICIT_LITTLE_ENDIAN, *ENCODERS]
RANDOM = np.random.default_rng(1)

#: A palette of 256 colours.
PALETTE = {
    f"{colour}PaletteColorLookupTable{part}": value
    for colour in ("Red", "Green", "Blue")
    for part, value in (("Descriptor", [256, 0, 16]), ("Data", np.arange(256, dtype="<u2").tobytes()))
}


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return program(application, "curator")


@pytest.fixture
def image(client: TestClient) -> Dataset:
    (instance,) = ct_series(slices=1)
    stow(client, part10(instance))
    return instance


def uri(instance: Dataset, **parameters: object) -> str:
    asked = {
        "requestType": "WADO",
        "studyUID": instance.StudyInstanceUID,
        "seriesUID": instance.SeriesInstanceUID,
        "objectUID": instance.SOPInstanceUID,
        **parameters,
    }
    return f"{BASE}/wado?" + "&".join(f"{name}={value}" for name, value in asked.items())


def picture_of(answer: Any) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.elsewhere(also=False)
@pytest.mark.parametrize("stored", LOSSLESS)
@pytest.mark.parametrize("wanted", LOSSLESS)
@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.uint8])
def test_an_instance_comes_in_the_transfer_syntax_that_is_asked_for(
    client: TestClient, stored: str, wanted: str, kind: Any
) -> None:
    low = -1000 if kind is np.int16 else 0
    instance = picture(RANDOM.integers(low, 200, (2, 16, 24)).astype(kind), LossyImageCompression="01")
    stow(client, part10(instance, stored))
    answer = get(client, address_of(instance), f"application/dicom; transfer-syntax={wanted}")
    assert answer.headers["content-type"] == f"application/dicom; transfer-syntax={wanted}"
    sent = dcmread(io.BytesIO(answer.content))
    assert sent.file_meta.TransferSyntaxUID == wanted
    for number in range(2):
        np.testing.assert_array_equal(read_frame(sent, number), read_frame(instance, number))
    sent.pop("PixelData")
    expected = dcmread(io.BytesIO(part10(instance)))
    expected.pop("PixelData")
    assert sent == expected


def test_who_names_no_transfer_syntax_gets_an_uncompressed_one(client: TestClient) -> None:
    instance = picture(RANDOM.integers(0, 200, (16, 24), dtype=np.uint16))
    stow(client, part10(instance, syntaxes.JPEG_LS_LOSSLESS))
    answer = get(client, address_of(instance), "application/dicom")
    assert answer.headers["content-type"].endswith(syntaxes.EXPLICIT_LITTLE_ENDIAN)
    assert dcmread(io.BytesIO(answer.content)).PixelData == instance.PixelData


def test_as_stored_is_preferred_among_what_is_as_welcome(client: TestClient) -> None:
    instance = picture(RANDOM.integers(0, 200, (16, 24), dtype=np.uint16))
    file = part10(instance, syntaxes.JPEG_LS_LOSSLESS)
    stow(client, file)
    either = f"application/dicom; transfer-syntax={{}}, application/dicom; transfer-syntax={syntaxes.JPEG_LS_LOSSLESS}"
    assert get(client, address_of(instance), either.format(syntaxes.EXPLICIT_LITTLE_ENDIAN)).content == file


def test_a_series_comes_in_the_transfer_syntax_that_is_asked_for(client: TestClient) -> None:
    series = ct_series(slices=2)
    stow(client, *map(part10, series))
    accept = f'multipart/related; type="application/dicom"; transfer-syntax={syntaxes.JPEG_2000_LOSSLESS}'
    parts = parts_of(get(client, series_of(series[0]), accept))
    assert [kind.split("=")[1] for kind, _ in parts] == [syntaxes.JPEG_2000_LOSSLESS] * 2
    assert {dcmread(io.BytesIO(body)).SOPInstanceUID for _, body in parts} == {each.SOPInstanceUID for each in series}


def test_what_cannot_be_rewritten_is_refused_in_words(client: TestClient) -> None:
    instance = picture(RANDOM.integers(0, 200, (16, 24), dtype=np.uint16))
    file = bytearray(part10(instance, syntaxes.JPEG_LS_LOSSLESS))
    start = file.index(b"\xff\xd8\xff") + 3
    file[start : start + 60] = b"\x55" * 60
    stow(client, bytes(file))
    answer = get(client, address_of(instance), "application/dicom")
    assert (answer.status_code, answer.json()["code"]) == (422, "undecodable-pixels")


def test_a_whole_series_says_how_long_it_is(client: TestClient) -> None:
    series = ct_series(slices=3)
    stow(client, *map(part10, series))
    answer = get(client, series_of(series[0]), DICOM_PARTS)
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("level", [study_of, series_of, address_of])
def test_instances_come_as_an_archive(client: TestClient, level: Any) -> None:
    series = ct_series(slices=2)
    stow(client, *map(part10, series))
    answer = get(client, level(series[0]), "application/zip")
    assert answer.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        stored = [archive.read(name) for name in archive.namelist()]
    assert stored == [part10(instance) for instance in series][: len(stored)]
    assert archive.namelist()[0] == "series-0001/000001.dcm"


def test_the_query_parameter_accept_counts_more_than_the_header(client: TestClient, image: Dataset) -> None:
    address = f"{address_of(image)}?accept=application/zip"
    assert get(client, address, "application/dicom").headers["content-type"] == "application/zip"


@pytest.mark.parametrize(
    ("wanted", "start", "end"), [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None)]
)
@pytest.mark.parametrize("suffix", ["", "/bulkdata/7FE00010"])
def test_a_part_of_an_object_can_be_asked_for(
    client: TestClient, image: Dataset, suffix: str, wanted: str, start: int, end: int | None
) -> None:
    accept = OCTETS if suffix else "application/dicom"
    whole = get(client, address_of(image) + suffix, accept)
    answer = get(client, address_of(image) + suffix, accept, Range=wanted)
    assert answer.status_code == 206
    assert answer.content == whole.content[start:end]
    begin, length = start % len(whole.content), len(answer.content)
    assert answer.headers["content-range"] == f"bytes {begin}-{begin + length - 1}/{len(whole.content)}"


def test_what_is_known_or_changed_or_not_there_of_an_object(client: TestClient, image: Dataset) -> None:
    address, accept = address_of(image), "application/dicom"
    tag = get(client, address, accept).headers["etag"]
    assert get(client, address, accept, **{"If-None-Match": tag}).status_code == 304
    assert get(client, address, accept, Range="bytes=99999999-").status_code == 416
    assert get(client, address, accept, **{"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    assert get(client, address, accept, **{"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200


def test_head_says_what_get_would_send(client: TestClient, image: Dataset) -> None:
    for suffix in ("", "/metadata", "/frames/1", "/rendered"):
        whole = get(client, address_of(image) + suffix)
        head = client.head(address_of(image) + suffix, headers={"Accept": "*/*"})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].split("boundary")[0] == whole.headers["content-type"].split("boundary")[0]
    assert client.head(series_of(image), headers={"Accept": DICOM_PARTS}).content == b""


def test_metadata_that_are_known_are_not_sent_again(client: TestClient, site: Any, image: Dataset) -> None:
    derive_all(site)
    tag = get(client, f"{series_of(image)}/metadata").headers["etag"]
    assert get(client, f"{series_of(image)}/metadata", **{"If-None-Match": tag}).status_code == 304
    assert get(client, f"{series_of(image)}/metadata", "text/html").status_code == 406


@pytest.mark.parametrize(
    ("syntax", "media"),
    [
        (syntaxes.JPEG_LS_LOSSLESS, "image/jls"),
        (syntaxes.JPEG_2000_LOSSLESS, "image/jp2"),
        (syntaxes.HTJ2K_LOSSLESS, "image/jphc"),
        (syntaxes.RLE_LOSSLESS, "image/dicom-rle"),
    ],
)
def test_a_compressed_frame_comes_as_the_picture_that_it_is(client: TestClient, syntax: str, media: str) -> None:
    instance = picture(RANDOM.integers(0, 4000, (2, 16, 24), dtype=np.uint16))
    file = part10(instance, syntax)
    stow(client, file)
    answer = get(client, f"{address_of(instance)}/frames/2", media)
    assert answer.headers["content-type"] == f"{media}; transfer-syntax={syntax}"
    assert answer.content in file
    assert get(client, f"{address_of(instance)}/frames/2", "image/jpeg").status_code == 406


@pytest.mark.parametrize("syntax", [syntaxes.IMPLICIT_LITTLE_ENDIAN, syntaxes.EXPLICIT_BIG_ENDIAN])
def test_native_frames_are_little_endian(client: TestClient, syntax: str) -> None:
    frames = RANDOM.integers(0, 4000, (2, 16, 24), dtype=np.uint16)
    instance = picture(frames)
    stow(client, part10(instance, syntax))
    answer = get(client, f"{address_of(instance)}/frames/2", OCTETS)
    assert answer.content == frames[1].tobytes()


def test_frames_of_what_is_deflated_are_those_within(client: TestClient) -> None:
    """A frame alone is not deflated, whatever is asked for: OHIF asks for any transfer syntax."""
    frames = RANDOM.integers(0, 4000, (2, 16, 24), dtype=np.uint16)
    instance = picture(frames)
    stow(client, part10(instance, syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN))
    for media in (OCTETS, f"{OCTETS}; transfer-syntax=*", "*/*"):
        answer = get(client, f"{address_of(instance)}/frames/2", media)
        assert frames[1].tobytes() in answer.content
        assert f"transfer-syntax={syntaxes.EXPLICIT_LITTLE_ENDIAN}" in str(answer.headers) + answer.text
    refused = get(client, f"{address_of(instance)}/frames/2", "image/jls")
    assert (refused.status_code, refused.text[-21:]) == (406, f"={syntaxes.EXPLICIT_LITTLE_ENDIAN}.")
    parts = parts_of(get(client, f"{series_of(instance)}/pixeldata", f'multipart/related; type="{OCTETS}"'))
    assert [body for _, body in parts] == [frame.tobytes() for frame in frames]


@pytest.mark.parametrize(
    "syntax", [syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN, syntaxes.EXPLICIT_BIG_ENDIAN, syntaxes.RLE_LOSSLESS]
)
def test_decoded_frames_are_what_the_metadata_say(client: TestClient, syntax: str) -> None:
    """Indices into a palette, luminance and colour differences, and planes are not turned into RGB in between."""
    colours = RANDOM.integers(0, 256, (16, 24, 3), dtype=np.uint8)
    palette = picture(colours[..., 0], photometric="PALETTE COLOR", seed="palette", **PALETTE)
    luminance = picture(colours, photometric="YBR_FULL", seed="luminance")
    planes = picture(colours, photometric="RGB", seed="planes")
    for instance, expected in ((palette, colours[..., 0]), (luminance, colours), (planes, np.moveaxis(colours, -1, 0))):
        file = dcmread(io.BytesIO(part10(instance, syntax)))
        if instance is planes:
            file.PlanarConfiguration = 1
            if syntax != syntaxes.RLE_LOSSLESS:
                file.PixelData = expected.tobytes()
        buffer = io.BytesIO()
        file.save_as(buffer)
        assert stow(client, buffer.getvalue()).status_code == 200
        assert get(client, f"{address_of(instance)}/frames/1", OCTETS).content == expected.tobytes()


def test_frames_of_single_bits_stay_bits(client: TestClient) -> None:
    bits = RANDOM.integers(0, 2, (16, 24), dtype=np.uint8)
    packed = np.packbits(bits, bitorder="little").tobytes()
    instance = picture(bits, BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=packed)
    stow(client, part10(instance, syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN))
    assert get(client, f"{address_of(instance)}/frames/1", OCTETS).content == packed


def encapsulated(frames: list[bytes], *, table: str) -> bytes:
    """Give the file of an image whose frames consist of several fragments each."""
    instance = picture(RANDOM.integers(0, 4000, (len(frames), 16, 24), dtype=np.uint16))
    if table == "extended":
        value, offsets, lengths = encapsulate_extended(frames)
        instance.ExtendedOffsetTable, instance.ExtendedOffsetTableLengths = offsets, lengths
    else:
        value = encapsulate(frames, fragments_per_frame=2, has_bot=table == "basic")
    dataset = dcmread(io.BytesIO(part10(instance)))
    dataset.add_new("PixelData", "OB", value)
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntaxes.JPEG_LS_LOSSLESS
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
def test_frames_of_several_fragments_are_told_apart(client: TestClient, table: str) -> None:
    pixels = RANDOM.integers(0, 4000, (3, 16, 24), dtype=np.uint16)
    coded = [bytes(ENCODERS[syntaxes.JPEG_LS_LOSSLESS](frame)) for frame in pixels]
    even = [frame + b"\0" * (len(frame) % 2) for frame in coded]
    file = encapsulated(even, table=table)
    instance = dcmread(io.BytesIO(file))
    assert stow(client, file).status_code == 200
    for number in (3, 1):
        answer = get(client, f"{address_of(instance)}/frames/{number}", OCTETS)
        assert answer.content == pixels[number - 1].tobytes()
        stored = get(client, f"{address_of(instance)}/frames/{number}", "image/jls")
        assert stored.content == even[number - 1]


@pytest.mark.parametrize("level", [study_of, series_of, address_of])
def test_all_pixels_and_all_bulk_data_come_with_their_addresses(client: TestClient, level: Any) -> None:
    series = ct_series(slices=2)
    stow(client, *map(part10, series))
    for resource, suffix in (("pixeldata", "frames/1"), ("bulkdata", "bulkdata/7FE00010")):
        answer = get(client, f"{level(series[0])}/{resource}", f'multipart/related; type="{OCTETS}"')
        bodies = [body for _, body in parts_of(answer)]
        assert bodies == [instance.PixelData for instance in series][: len(bodies)]
        assert f"Content-Location: http://localhost{address_of(series[0])}/{suffix}\r\n".encode() in answer.content


def test_compressed_pixels_are_found_where_the_metadata_point(client: TestClient) -> None:
    frames = RANDOM.integers(0, 4000, (2, 16, 24), dtype=np.uint16)
    instance = picture(frames)
    stow(client, part10(instance, syntaxes.RLE_LOSSLESS))
    (found,) = get(client, f"{address_of(instance)}/metadata").json()
    parts = parts_of(get(client, found["7FE00010"]["BulkDataURI"], f'multipart/related; type="{OCTETS}"'))
    assert [body for _, body in parts] == [frame.tobytes() for frame in frames]


@pytest.mark.parametrize("level", [study_of, series_of])
def test_a_study_and_a_series_are_rendered(client: TestClient, level: Any) -> None:
    series = ct_series(slices=3)
    stow(client, *map(part10, series))
    assert picture_of(get(client, f"{level(series[0])}/rendered", "image/jpeg")).size == (32, 32)
    parts = parts_of(get(client, f"{level(series[0])}/rendered", 'multipart/related; type="image/png"'))
    assert len(parts) == 3
    assert len({body for _, body in parts}) > 1
    assert {kind for kind, _ in parts} == {"image/png"}


def test_a_viewport_shows_a_region(client: TestClient) -> None:
    pixels = np.zeros((40, 60), np.uint8)
    pixels[:, 30:] = 255
    instance = picture(pixels, WindowCenter="127.5", WindowWidth="256")
    stow(client, part10(instance))
    address = f"{address_of(instance)}/rendered?viewport="
    whole = picture_of(get(client, f"{address}30,30", "image/png"))
    right = picture_of(get(client, f"{address}20,20,30,0,30,40", "image/png"))
    flipped = picture_of(get(client, f"{address}60,40,0,0,-60,40", "image/png"))
    assert whole.size == (30, 20)
    assert (right.size, right.getextrema()[0]) == ((15, 20), 255)
    assert flipped.getpixel((0, 0)) > flipped.getpixel((59, 0))


def test_functions_of_a_window_differ(client: TestClient, image: Dataset) -> None:
    pictures = {
        get(client, f"{address_of(image)}/rendered?window=40,80,{name}", "image/png").content
        for name in ("linear", "linear-exact", "sigmoid")
    }
    assert len(pictures) == 3


def test_quality_annotation_and_profile_are_heeded_or_warned_of(client: TestClient, image: Dataset) -> None:
    address = f"{address_of(image)}/rendered"
    plain = get(client, f"{address}?viewport=400,400", "image/png").content
    low, high = (get(client, f"{address}?quality={quality}", "image/jpeg").content for quality in (5, 95))
    assert len(low) < len(high)
    assert get(client, f"{address}?viewport=400,400&annotation=patient", "image/png").content != plain
    assert get(client, f"{address}?iccprofile=adobergb").headers["warning"].startswith("299 ")


def redder() -> bytes:
    """Give an ICC profile in which the same numbers mean another colour."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("media", ["image/jpeg", "image/png", "image/webp"])
def test_colours_come_with_the_profile_that_is_asked_for(client: TestClient, media: str) -> None:
    pixels = np.zeros((16, 16, 3), np.uint8) + np.array([200, 40, 40], np.uint8)
    profile = redder()
    image = picture(pixels, photometric="RGB", ICCProfile=profile)
    stow(client, part10(image))
    address = f"{address_of(image)}/rendered?iccprofile="
    none, own, srgb = (picture_of(get(client, f"{address}{kind}", media)) for kind in ("no", "yes", "srgb"))
    assert "icc_profile" not in none.info
    assert own.info["icc_profile"] == profile
    assert srgb.info["icc_profile"] not in (None, profile)
    assert none.getpixel((8, 8)) == own.getpixel((8, 8))
    red, green, _ = srgb.convert("RGB").getpixel((8, 8))
    assert green > red


def test_a_damaged_profile_is_told_of(client: TestClient) -> None:
    image = picture(np.zeros((16, 16, 3), np.uint8), photometric="RGB", ICCProfile=b"damaged " * 20)
    stow(client, part10(image))
    answer = get(client, f"{address_of(image)}/rendered?iccprofile=srgb", "image/jpeg")
    assert answer.status_code >= 400
    assert "ICC profile" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "quality=0",
        "quality=x",
        "viewport=0,1",
        "viewport=1",
        "viewport=9,9,9,9,0,0",
        "annotation=x",
        "window=1,2,cubic",
        "iccprofile=cmyk",
    ],
)
def test_impossible_wishes_for_a_picture_are_refused(client: TestClient, image: Dataset, query: str) -> None:
    answer = get(client, f"{address_of(image)}/rendered?{query}", "image/jpeg")
    assert (answer.status_code, answer.json()["field"]) == (400, query.split("=")[0])


def test_several_frames_are_an_animation_or_several_pictures(client: TestClient) -> None:
    instance = picture(RANDOM.integers(0, 255, (3, 16, 24), dtype=np.uint8))
    stow(client, part10(instance))
    assert picture_of(get(client, f"{address_of(instance)}/rendered", "image/gif")).n_frames == 3
    assert picture_of(get(client, f"{address_of(instance)}/frames/2/rendered", "image/gif")).format == "GIF"
    parts = parts_of(get(client, f"{address_of(instance)}/frames/1,3/rendered", 'multipart/related; type="image/jpeg"'))
    assert len(parts) == 2
    third = picture_of(get(client, f"{address_of(instance)}/frames/3/thumbnail", "image/png"))
    assert third.size == (24, 16)


def test_a_frame_is_drawn_whatever_its_place(client: TestClient) -> None:
    pixels = np.stack([np.full((8, 8), value, np.uint8) for value in (0, 100, 200)])
    instance = picture(pixels, WindowCenter="127.5", WindowWidth="256")
    stow(client, part10(instance, syntaxes.JPEG_LS_LOSSLESS))
    drawn = [
        picture_of(get(client, f"{address_of(instance)}/frames/{number}/rendered", "image/png")).getextrema()[0]
        for number in (1, 2, 3)
    ]
    assert drawn == [0, 100, 200]


def test_thumbnails_of_study_and_series_are_the_preview(client: TestClient, site: Any) -> None:
    series = ct_series(slices=3)
    stow(client, *map(part10, series))
    derive_all(site)
    for level in (study_of, series_of):
        answer = get(client, f"{level(series[0])}/thumbnail")
        assert picture_of(answer).format == "WEBP"
        again = get(client, f"{level(series[0])}/thumbnail", **{"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        small = get(client, f"{level(series[0])}/thumbnail?viewport=16,16", "image/jpeg")
        assert (picture_of(small).format, picture_of(small).size) == ("JPEG", (16, 16))
        assert small.headers["etag"] != answer.headers["etag"]


def test_who_reads_no_webp_sees_a_segmentation_on_its_image(client: TestClient, site: Any) -> None:
    series = ct_series(slices=3)
    drawn = segmentation(series)
    stow(client, *map(part10, [*series, drawn]))
    derive_all(site)
    found = picture_of(get(client, f"{series_of(drawn)}/thumbnail", "image/jpeg"))
    assert np.ptp(np.asarray(found.convert("RGB")).astype(int), axis=2).max() > 30


def test_the_thumbnail_of_what_has_no_pixels_is_the_preview_of_its_series(client: TestClient, site: Any) -> None:
    series = ct_series(slices=1)
    state = presentation_state(series)
    stow(client, *map(part10, [*series, state]))
    derive_all(site)
    for media in ("image/webp", "image/png"):
        small = picture_of(get(client, f"{address_of(state)}/thumbnail", media))
        assert small.format == media.removeprefix("image/").upper()


def test_an_object_is_found_by_uri(client: TestClient, image: Dataset) -> None:
    answer = client.get(uri(image, contentType="application/dicom"))
    assert answer.content == part10(image)
    assert picture_of(client.get(uri(image))).format == "JPEG"
    small = picture_of(client.get(uri(image, contentType="image/png", rows=16, windowCenter=40, windowWidth=80)))
    assert (small.format, small.size) == ("PNG", (16, 16))
    packed = client.get(uri(image, contentType="application/dicom", transferSyntax=syntaxes.RLE_LOSSLESS))
    assert dcmread(io.BytesIO(packed.content)).file_meta.TransferSyntaxUID == syntaxes.RLE_LOSSLESS


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"requestType": "QIDO"}, 400),
        ({"studyUID": ""}, 400),
        ({"objectUID": "1.2.3"}, 404),
        ({"anonymize": "yes"}, 403),
        ({"frameNumber": "9"}, 404),
        ({"frameNumber": "1", "contentType": "application/dicom"}, 400),
        ({"windowCenter": "1"}, 400),
        ({"contentType": "text/html"}, 406),
        ({"region": "0,0,1,1"}, 400),
        ({"contentType": "application/dicom", "transferSyntax": "1.2.840.10008.1.2.4.50"}, 406),
    ],
)
def test_a_request_by_uri_is_refused_in_words(
    client: TestClient, image: Dataset, parameters: dict[str, str], status: int
) -> None:
    assert client.get(uri(image, **parameters)).status_code == status


def test_a_stranger_learns_nothing_by_uri(application: FastAPI, image: Dataset) -> None:
    stranger = program(application, "stranger")
    assert stranger.get(uri(image)).status_code == 404
    there = stranger.get(uri(image).replace(BASE, "/dicom-web/brain"))
    assert there.json()["detail"] == "There is no such study, series or instance in this project."
