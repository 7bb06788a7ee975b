import io

import pydicom
import pytest

from kahua.dicom import read_file_meta, transfer_syntaxes, write_file_meta
from kahua.errors import UnreadableDicom
from kahua.testing import factory


def test_what_is_written_is_what_pydicom_reads() -> None:
    meta = write_file_meta(sop_class_uid="1.2.840.1", sop_instance_uid="1.2.3", transfer_syntax_uid="1.2.840.10008.1.2")
    read = pydicom.dcmread(io.BytesIO(meta)).file_meta
    assert (read.MediaStorageSOPClassUID, read.MediaStorageSOPInstanceUID, read.TransferSyntaxUID) == (
        "1.2.840.1",
        "1.2.3",
        "1.2.840.10008.1.2",
    )
    assert read.FileMetaInformationGroupLength == len(meta) - 144


def test_the_preamble_is_empty() -> None:
    meta = write_file_meta(sop_class_uid="1.2", sop_instance_uid="1.2.3", transfer_syntax_uid="1.2.840.10008.1.2.1")
    assert meta[:132] == bytes(128) + b"DICM"


def test_what_is_written_is_read_again() -> None:
    data = factory.part10(factory.ct_series()[0])
    meta = read_file_meta(io.BytesIO(data))
    assert meta.transfer_syntax_uid == transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN
    assert meta.media_sop_instance_uid == factory.ct_series()[0].SOPInstanceUID
    assert data[meta.data_offset :] == factory.data_set_bytes(factory.ct_series()[0])
    assert meta.findings == ()


def test_a_missing_preamble_is_a_finding() -> None:
    data = factory.part10(factory.ct_series()[0])
    meta = read_file_meta(io.BytesIO(data[132:]))
    assert meta.findings == ("The file has no preamble.",)
    assert data[132 + meta.data_offset :] == factory.data_set_bytes(factory.ct_series()[0])


def test_a_wrong_group_length_is_a_finding() -> None:
    data = bytearray(factory.part10(factory.ct_series()[0]))
    data[140] ^= 1
    meta = read_file_meta(io.BytesIO(data))
    assert meta.findings == ("The length of the File Meta Information is wrong.",)
    assert data[meta.data_offset :] == factory.data_set_bytes(factory.ct_series()[0])


@pytest.mark.parametrize(
    "syntax",
    [
        transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN,
        transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN,
        transfer_syntaxes.EXPLICIT_BIG_ENDIAN,
    ],
)
def test_a_data_set_without_file_meta_information_is_recognised(syntax: str) -> None:
    meta = read_file_meta(io.BytesIO(factory.data_set_bytes(factory.ct_series()[0], syntax)))
    assert (meta.transfer_syntax_uid, meta.data_offset) == (syntax, 0)


@pytest.mark.parametrize("data", [b"", b"DICM", b"plain text, and long enough to be a header", bytes(200)])
def test_what_is_not_dicom_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableDicom):
        read_file_meta(io.BytesIO(data))


def test_long_file_meta_information_is_read_whole() -> None:
    data = factory.part10(factory.ct_series()[0])
    private = b"\x02\x00\x02\x01OB\x00\x00" + (4000).to_bytes(4, "little") + bytes(4000)
    meta = read_file_meta(io.BytesIO(data))
    longer = data[: meta.data_offset] + private + data[meta.data_offset :]
    assert read_file_meta(io.BytesIO(longer)).data_offset == meta.data_offset + len(private)


def test_a_group_length_that_is_no_number_is_passed_over() -> None:
    data = bytearray(factory.part10(factory.ct_series()[0]))
    data[136:138] = b"UI"
    assert read_file_meta(io.BytesIO(data)).transfer_syntax_uid == transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN
