import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, Sequence

from kahua.dicom import Budget, Header, scan, transfer_syntaxes, uid_from, write_file_meta
from kahua.errors import DicomRefused, MissingAttribute, UnreadableDicom
from kahua.testing import factory
from kahua.testing.compression import ENCODERS

from .reading import by_pydicom, by_us, outcome, scan_file, shared, shared_files, shared_samples

EXPLICIT = transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN
NATIVE = sorted(transfer_syntaxes.NATIVE - {transfer_syntaxes.PRIVATE_GE})
LOSSLESS = sorted(set(ENCODERS) - {transfer_syntaxes.JPEG_BASELINE})

#: What becomes of each file of the folder `broken`, which is named after its defect.
BROKEN = {
    "bad_jpeg_stream": "accepted",
    "empty_patient_id": "accepted",
    "hostile_strings": "accepted",
    "huge_text_value": "accepted",
    "invalid_date": "accepted",
    "invalid_uid": "accepted",
    "no_patient_module": "accepted",
    "no_pixeldata": "accepted",
    "no_preamble": "accepted",
    "no_series_uid": "missing-attribute",
    "no_study_uid": "missing-attribute",
    "only_preamble": "unreadable-dicom",
    "orig_ExplVR_BigEndNoMeta": "accepted",
    "orig_JPEG2000-embedded-sequence-delimiter": "accepted",
    "orig_MR_truncated": "unreadable-dicom",
    "orig_badVR": "accepted",
    "orig_meta_missing_tsyntax": "unreadable-dicom",
    "orig_no_meta": "unreadable-dicom",
    "orig_rtplan_truncated": "unreadable-dicom",
    "path_traversal_id": "accepted",
    "preamble_then_garbage": "unreadable-dicom",
    "random_bytes": "unreadable-dicom",
    "rows_60000": "accepted",
    "same_sop_uid_other_pixels": "accepted",
    "text_named": "unreadable-dicom",
    "truncated_header": "unreadable-dicom",
    "truncated_pixels": "unreadable-dicom",
    "wrong_position": "accepted",
    "zero_bytes": "unreadable-dicom",
}
#: Files of the other folders that are complete, but no instances.
WITHOUT_UIDS = {"chrSQEncoding", "chrSQEncoding1", "JPEGLSNearLossless_16"}


@pytest.mark.parametrize("syntax", [*NATIVE, *LOSSLESS])
@pytest.mark.parametrize("series", [factory.ct_series, factory.mr_series])
def test_every_transfer_syntax_reads_as_pydicom_reads_it(syntax: str, series: Callable[[], list[Dataset]]) -> None:
    data = factory.part10(series()[1], syntax)
    assert by_us(scan_file(data)) == by_pydicom(data)


@shared
@pytest.mark.parametrize("path", shared_samples(), ids=lambda path: "/".join(path.parts[-2:]))
def test_real_files_read_as_pydicom_reads_them(path: Path) -> None:
    data = path.read_bytes()
    try:
        header = scan_file(data)
    except DicomRefused:
        assert BROKEN.get(path.stem, "accepted") != "accepted" or path.stem in WITHOUT_UIDS
        return
    assert by_us(header) == by_pydicom(data)


@shared
@pytest.mark.parametrize("path", shared_files("broken"), ids=lambda path: path.stem)
def test_a_broken_file_ends_as_its_name_says(path: Path) -> None:
    assert outcome(path) == BROKEN[path.stem]


@pytest.mark.parametrize(
    ("attributes", "finding"),
    [
        ({"PatientID": ""}, "Patient ID is empty."),
        ({"StudyDate": ""}, None),
        ({"StudyInstanceUID": "1.2.840.not.a.uid"}, "Study Instance UID is not a valid UID."),
        ({"StudyInstanceUID": "../../../etc/passwd"}, "Study Instance UID is not a valid UID."),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_odd_values_are_accepted_with_a_finding(attributes: dict[str, str], finding: str | None) -> None:
    header = scan_file(factory.part10(factory.ct_series(**attributes)[0]))
    assert header.findings == ((finding,) if finding else ())


def test_pixels_without_their_data_are_a_finding() -> None:
    instance = factory.ct_series()[0]
    del instance.PixelData
    assert scan_file(factory.part10(instance)).findings == ("It has Rows, but no Pixel Data.",)


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_an_object_without_a_uid_is_refused(keyword: str) -> None:
    instance = factory.ct_series()[0]
    delattr(instance, keyword)
    data = factory.data_set_bytes(instance)
    with pytest.raises(MissingAttribute):
        scan(io.BytesIO(data), offset=0, size=len(data), transfer_syntax_uid=EXPLICIT)


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_uid_of_more_than_64_characters_is_refused() -> None:
    instance = factory.ct_series(StudyInstanceUID="1." * 40 + "1")[0]
    with pytest.raises(UnreadableDicom, match="Study Instance UID has 81 characters"):
        scan_file(factory.part10(instance))


@pytest.mark.parametrize("syntax", [*NATIVE, transfer_syntaxes.JPEG_LS_LOSSLESS])
def test_an_object_cut_anywhere_is_refused(syntax: str) -> None:
    instance = factory.ct_series(rows=4, columns=4)[0]
    whole, size = factory.part10(instance, syntax), len(factory.data_set_bytes(instance, syntax))
    ends = range(len(whole) - size, len(whole) - 9)  # the last delimiter of encapsulated pixels may be missing
    accepted = [header for end in ends if (header := _accepted(whole[:end])) is not None]
    assert len(accepted) < 30  # those cut exactly between two elements
    assert all(header.pixel_offset is None for header in accepted)


def _accepted(data: bytes) -> Header | None:
    try:
        return scan_file(data)
    except DicomRefused:
        return None


def test_fewer_pixels_than_claimed_are_refused() -> None:
    instance = factory.ct_series()[0]
    instance.PixelData = instance.PixelData[:-2]
    with pytest.raises(UnreadableDicom, match="2048 bytes are announced, 2046 are there"):
        scan_file(factory.part10(instance))


@pytest.mark.parametrize("syntax", [*NATIVE, transfer_syntaxes.JPEG_LS_LOSSLESS])
def test_bytes_after_the_pixels_that_are_no_elements_are_a_finding(syntax: str) -> None:
    data = factory.part10(factory.ct_series()[0], syntax)
    assert scan_file(data).findings == ()
    if syntax == transfer_syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN:
        return
    assert "After the pixels 400 bytes follow that are no data elements." in scan_file(data + b"PK\3\4" * 100).findings


@pytest.mark.parametrize("syntax", [EXPLICIT, transfer_syntaxes.JPEG_LS_LOSSLESS])
def test_the_pixel_offset_points_at_the_value(syntax: str) -> None:
    data = factory.part10(factory.ct_series()[0], syntax)
    header = scan_file(data)
    assert header.pixel_offset is not None
    expected = b"\xfe\xff\x00\xe0" if syntax != EXPLICIT else factory.ct_series()[0].PixelData[:4]
    assert data[header.pixel_offset :][:4] == expected


def _sequence(*series_uids: str) -> Sequence:
    items = []
    for uid in series_uids:
        item = Dataset()
        item.SeriesInstanceUID = uid
        items.append(item)
    return Sequence(items)


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("syntax", NATIVE)
def test_the_series_an_object_refers_to_are_found(syntax: str, undefined: bool) -> None:
    instance = factory.ct_series()[0]
    instance.ReferencedSeriesSequence = _sequence("1.2.3", "1.2.4")
    evidence = Dataset()
    evidence.ReferencedSeriesSequence = _sequence("1.2.5", "1.2.3", instance.SeriesInstanceUID)
    instance.CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    instance["ReferencedSeriesSequence"].is_undefined_length = undefined
    instance["CurrentRequestedProcedureEvidenceSequence"].is_undefined_length = undefined
    assert scan_file(factory.part10(instance, syntax)).references == ("1.2.3", "1.2.4", "1.2.5")


def test_a_uid_in_another_sequence_is_no_reference() -> None:
    instance = factory.ct_series()[0]
    instance.SourceImageSequence = _sequence("1.2.3")
    instance["SourceImageSequence"].is_undefined_length = True
    assert scan_file(factory.part10(instance)).references == ()


def test_an_implicit_data_set_announced_as_explicit_is_read() -> None:
    instance = factory.ct_series()[0]
    data = factory.data_set_bytes(instance, transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN)
    header = scan(io.BytesIO(data), offset=0, size=len(data), transfer_syntax_uid=EXPLICIT)
    assert header.sop_instance_uid == instance.SOPInstanceUID
    assert header.findings == ("The data set has implicit value representations, but announces explicit ones.",)


def test_text_is_read_in_its_character_set() -> None:
    instance = factory.ct_series(SpecificCharacterSet="ISO_IR 100", PatientName="Äneas^Rüdiger")[0]
    assert scan_file(factory.part10(instance)).text("00100010") == "Äneas^Rüdiger"


def _nested(depth: int) -> bytes:
    opened = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    closed = struct.pack("<HHL", 0xFFFE, 0xE00D, 0) + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    return opened * depth + closed * depth


def _scan_raw(data: bytes, **limits: int) -> Header:
    return scan(io.BytesIO(data), offset=0, size=len(data), transfer_syntax_uid=EXPLICIT, budget=Budget(**limits))


@pytest.mark.parametrize("depth", [33, 1000, 20_000])
def test_deep_nesting_ends_at_the_budget(depth: int) -> None:
    with pytest.raises(UnreadableDicom, match="nested deeper"):
        _scan_raw(_nested(depth))


def test_nesting_within_the_budget_is_read() -> None:
    with pytest.raises(MissingAttribute):
        _scan_raw(_nested(32))


def test_too_many_elements_end_at_the_budget() -> None:
    with pytest.raises(UnreadableDicom, match="more elements"):
        _scan_raw(struct.pack("<HH2sH", 0x0008, 0x0008, b"CS", 0) * 1001, max_elements=1000)


def test_a_header_over_the_budget_is_refused() -> None:
    data = struct.pack("<HH2sH", 0x0008, 0x0008, b"CS", 0) * 10_000
    with pytest.raises(UnreadableDicom, match="header is longer"):
        _scan_raw(data, max_header_bytes=40_000)


def test_a_deflate_bomb_costs_little_memory() -> None:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = b"".join(deflater.compress(bytes(1 << 20)) for _ in range(128)) + deflater.flush()
    meta = write_file_meta(
        sop_class_uid="1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=transfer_syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN,
    )
    tracemalloc.start()
    with pytest.raises(UnreadableDicom, match="grows beyond"):
        scan_file(meta + bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_a_length_of_4_gb_with_few_bytes_behind_it_is_refused() -> None:
    data = struct.pack("<HH2sHL", 0x0009, 0x0010, b"UN", 0, 0xFFFFFFF0) + bytes(100)
    with pytest.raises(UnreadableDicom, match="claims 4294967280 bytes"):
        _scan_raw(data)


def test_a_huge_value_is_left_out_and_not_read() -> None:
    instance = factory.ct_series(StudyDescription="x" * 64)[0]
    header = scan_file(factory.part10(instance), max_value_bytes=63)
    assert header.text("00081030") == ""
    assert "(0008,1030) has 64 bytes and is left out." in header.findings


def test_the_same_seed_makes_the_same_series() -> None:
    first, second = factory.ct_series(seed="a"), factory.ct_series(seed="a")
    assert [factory.part10(each) for each in first] == [factory.part10(each) for each in second]
    assert first[0].SOPInstanceUID == uid_from("instance", "a", "1") != factory.ct_series(seed="b")[0].SOPInstanceUID
