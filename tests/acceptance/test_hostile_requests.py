"""Requests that make no sense, for objects that make none: a true answer each, and no error of the site."""

import struct
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pydicom import Dataset

from kahua.dicom import transfer_syntaxes, write_file_meta
from kahua.testing.factory import ct_series, data_set_bytes, part10

from .running import Client, RunningSite

EXPLICIT = transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN
LONG = "9" * 5000
PATHS = ["..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e", "1.2%0d%0aX:1", "1.2%00", "%ff%fe", "1.2%5c3", "*", "a" * 5000]
QUERIES = [
    *(f"PatientName={value}" for value in ("*a" * 2000, "*" + "?" * 5000, "%00", "%ff%fe", "%ed%a0%80")),
    *(f"StudyDate={value}" for value in ("-", "99999999", "20200101-20190101-", "20200101-99999999")),
    *(f"limit={value}" for value in ("-1", LONG, "x", "1&limit=2")),
    *(f"includefield={value}" for value in ("all,all", "00400275." * 500, "7FE00010")),
    f"InstanceNumber={LONG}",
    "00100010=x&PatientName=y",
    "PatientID='; DROP TABLE instances;--",
    "&".join(f"{0x00100000 + number:08x}=x" for number in range(1500)),
    *(f"q={value}" for value in ("(" * 2000, "a OR " * 2000, '"' * 1001, "NOT " * 1000, "[* TO *]")),
]
ACCEPTS = ["a/b," * 5000, f"image/jpeg;q={LONG}", "*/*;q=nan", ";;;;", '"', 'multipart/related; type="x']
RANGES = [f"bytes={','.join(['0-0'] * 3000)}", f"bytes=0-{LONG}", "bytes=5-1", "bytes=-0", "bytes=1-2" * 500]
FRAMES = [",".join(map(str, range(1, 10_001))), LONG, "0", "-1", "1,,2", "1-5"]
RENDERINGS = [f"viewport={LONG},1", "viewport=nan,nan", "viewport=0,0", "window=nan,1,linear", "quality=-1"]


@pytest.fixture
def instance(client: Client) -> str:
    """Address of an image."""
    image = ct_series(slices=1, seed="asked for hostilely")[0]
    assert store(client, part10(image)) == 200
    return address_of(image)


@pytest.fixture(autouse=True)
def no_error_is_logged(site: RunningSite) -> Iterator[None]:
    log = site.folder / "logs" / "web.log"
    before = log.stat().st_size
    yield
    assert "level=error" not in log.read_text(errors="replace")[before:]


def store(client: Client, file: bytes) -> int:
    body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--edge--\r\n"
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=edge'}
    return client.http.post("/dicom-web/main/studies", content=body, headers=headers).status_code


def address_of(image: Dataset) -> str:
    return (
        f"/dicom-web/main/studies/{image.StudyInstanceUID}/series/{image.SeriesInstanceUID}"
        f"/instances/{image.SOPInstanceUID}"
    )


def ask(client: Client, address: str, **headers: str) -> None:
    """Ask, and see that the answer is no failure of the site."""
    answer: httpx.Response = client.http.get(address, headers=headers)
    assert answer.status_code < 500, (address[:200], answer.text[:500])


def test_addresses_and_queries(client: Client, instance: str) -> None:
    for path in PATHS:
        for place in (
            "/dicom-web/main/studies",
            "/api/projects/main/series",
            f"{instance}/bulkdata",
            f"{instance}/frames",
        ):
            ask(client, f"{place}/{path}")
    for query in QUERIES:
        for level in ("/dicom-web/main/studies", "/dicom-web/main/instances", "/api/projects/main/series"):
            ask(client, f"{level}?{query}")


def test_headers_frames_and_renderings(client: Client, instance: str) -> None:
    for resource in ("", "/metadata", "/frames/1", "/rendered", "/bulkdata"):
        for accept in ACCEPTS:
            ask(client, instance + resource, Accept=accept)
        for wanted in RANGES:
            ask(client, instance + resource, Range=wanted)
    for frames in FRAMES:
        ask(client, f"{instance}/frames/{frames}")
    for rendering in RENDERINGS:
        ask(client, f"{instance}/rendered?{rendering}")


def lies(**attributes: Any) -> Callable[[Dataset], bytes]:
    """Say of the image what is not so."""

    def file(image: Dataset) -> bytes:
        for keyword, value in attributes.items():
            setattr(image, keyword, value)
        return part10(image)

    return file


def compressed(syntax: str, *frames: bytes, table: bytes = b"", size: int = 16) -> Callable[[Dataset], bytes]:
    """Compress the image in a way that no decoder understands."""

    def file(image: Dataset) -> bytes:
        image.Rows = image.Columns = size
        del image.PixelData
        meta = write_file_meta(
            sop_class_uid=image.SOPClassUID, sop_instance_uid=image.SOPInstanceUID, transfer_syntax_uid=syntax
        )
        items = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(each)) + each for each in (table, *frames))
        pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + items
        return meta + data_set_bytes(image) + pixels + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)

    return file


RLE = "1.2.840.10008.1.2.5"
NOISE = bytes(range(256)) * 8
OBJECTS = {
    "rows of 65,535": lies(Rows=65_535, Columns=65_535),
    "2^31 frames": lies(NumberOfFrames="2147483648"),
    "negative frames": lies(NumberOfFrames="-5"),
    "no rows": lies(Rows=0),
    "samples": lies(SamplesPerPixel=65_535),
    "bits": lies(BitsAllocated=0),
    "palette": lies(PhotometricInterpretation="PALETTE COLOR"),
    "slope": lies(RescaleSlope="1e308", RescaleIntercept="1e308"),
    "segments": compressed(RLE, struct.pack("<16I", *[0xFFFFFFFF] * 16)),
    "large RLE": compressed(RLE, struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * 64, size=65_535),
    "offsets": compressed(RLE, NOISE, NOISE, table=struct.pack("<2I", 0xFFFFFFF0, 0x7FFFFFFF)),
    "JPEG": compressed("1.2.840.10008.1.2.4.50", NOISE),
    "JPEG-LS": compressed("1.2.840.10008.1.2.4.80", NOISE),
    "JPEG 2000": compressed("1.2.840.10008.1.2.4.90", b"\xff\x4f\xff\x51" + NOISE),
    "HTJ2K": compressed("1.2.840.10008.1.2.4.201", b"\xff\x4f\xff\x51" + NOISE),
}

#: Those whose pixels are surely missing; all others are stored, for what they are worth.
REFUSED = {"rows of 65,535", "2^31 frames", "samples"}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_that_lie_of_their_pixels(client: Client, name: str) -> None:
    image = ct_series(slices=1, rows=16, columns=16, seed=name, patient_id=f"LIES {name}")[0]
    status, address = store(client, OBJECTS[name](image)), address_of(image)
    assert status == (409 if name in REFUSED else 200)
    for resource in ("", "/metadata", "/rendered", "/thumbnail", "/frames/1", "/frames/2147483647", "/bulkdata"):
        ask(client, address + resource)
    ask(client, address, Accept=f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}')
