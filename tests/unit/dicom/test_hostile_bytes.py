"""Whatever the bytes: the scanner ends, within its budget, with a header or one of our errors."""

import io
import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from kahua.dicom import Budget, read_file_meta, scan, transfer_syntaxes
from kahua.dicom.json_model import bulk_data, instance_json
from kahua.errors import DicomRefused, NotFound
from kahua.testing import factory

from .reading import scan_file

SYNTAXES = [*sorted(transfer_syntaxes.NATIVE), transfer_syntaxes.JPEG_LS_LOSSLESS, transfer_syntaxes.RLE_LOSSLESS]
BUDGET = Budget(max_header_bytes=200_000, max_elements=5000, max_depth=8, max_inflated_bytes=1_000_000)
SAMPLES = [
    factory.part10(factory.ct_series(rows=4, columns=4)[0], syntax)
    for syntax in SYNTAXES
    if syntax != transfer_syntaxes.PRIVATE_GE
]
#: Headers of elements that steer a walk: sequences, items, delimiters, lengths that are lies.
STEERING = st.sampled_from(
    [
        struct.pack("<HH2sHL", 0x0008, 0x1115, b"SQ", 0, 0xFFFFFFFF),
        struct.pack("<HH2sHL", 0x0008, 0x1115, b"SQ", 0, 40),
        struct.pack("<HH2sHL", 0x0009, 0x0010, b"UN", 0, 0xFFFFFFFF),
        struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF),
        struct.pack("<HH2sHL", 0x0042, 0x0011, b"OB", 0, 0xFFFFFFFE),
        struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF),
        struct.pack("<HHL", 0xFFFE, 0xE000, 12),
        struct.pack("<HHL", 0xFFFE, 0xE00D, 0),
        struct.pack("<HHL", 0xFFFE, 0xE0DD, 0),
        struct.pack("<HH2sH4s", 0x0028, 0x0008, b"IS", 4, b"9999"),
        struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", 0xFFFF),
        struct.pack("<HH2sH10s", 0x0008, 0x0005, b"CS", 10, b"ISO_IR 999"),
        struct.pack("<HHL", 0x0008, 0x1115, 0xFFFFFFFF),
    ]
)


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Return a file of the factory with bytes changed, taken away and put in."""
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["change", "remove", "insert", "cut"])):
            case "change":
                data[place] = draw(st.integers(0, 255))
            case "remove":
                del data[place : place + draw(st.integers(1, 16))]
            case "insert":
                data[place:place] = draw(st.binary(max_size=8) | STEERING)
            case _:
                del data[max(place, 140) :]
    return bytes(data)


def scan_bounded(data: bytes, syntax: str) -> None:
    try:
        scan(io.BytesIO(data), offset=0, size=len(data), transfer_syntax_uid=syntax, budget=BUDGET)
    except DicomRefused as error:
        assert error.message  # noqa: PT017 - there may be an error or none; if there is one, it has words


@given(st.binary(max_size=600), st.sampled_from(SYNTAXES))
def test_any_bytes_give_a_header_or_a_refusal(data: bytes, syntax: str) -> None:
    scan_bounded(data, syntax)


@given(st.lists(STEERING | st.binary(max_size=12), max_size=40).map(b"".join), st.sampled_from(SYNTAXES))
def test_any_nesting_gives_a_header_or_a_refusal(data: bytes, syntax: str) -> None:
    scan_bounded(data, syntax)


@given(st.binary(max_size=400) | st.binary(max_size=400).map(lambda data: bytes(128) + b"DICM" + data))
def test_any_beginning_of_a_file_is_read_or_refused(data: bytes) -> None:
    try:
        meta = read_file_meta(io.BytesIO(data))
    except DicomRefused:
        return
    assert 0 <= meta.data_offset <= len(data)


@given(damaged_files())
@settings(max_examples=300)
def test_any_damage_gives_a_header_or_a_refusal(data: bytes) -> None:
    try:
        header = scan_file(data, max_elements=5000)
    except DicomRefused:
        return
    assert 0 < len(header.study_uid) <= 64
    assert header.pixel_offset is None or header.pixel_offset <= len(data)


@given(damaged_files())
def test_any_damage_gives_json_or_a_refusal(data: bytes) -> None:
    try:
        meta = read_file_meta(io.BytesIO(data))
        where = {"offset": meta.data_offset, "size": len(data) - meta.data_offset}
        syntax = meta.transfer_syntax_uid
        model = instance_json(
            io.BytesIO(data), **where, transfer_syntax_uid=syntax, bulk_data_uri="bulk", budget=BUDGET
        )
        assert all(len(tag) == 8 and len(element["vr"]) == 2 for tag, element in model.items())
        bulk_data(io.BytesIO(data), **where, transfer_syntax_uid=syntax, path="7FE00010", budget=BUDGET)
    except (DicomRefused, NotFound):
        return
