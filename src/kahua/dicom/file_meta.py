"""The File Meta Information of a Part 10 file (PS3.10 7.1): read leniently, written strictly."""

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, Final

from kahua.dicom.transfer_syntaxes import EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN
from kahua.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from kahua.errors import UnreadableDicom

#: Bytes in which it usually ends.
_USUAL_META: Final = 2048
#: Bytes in which the File Meta Information must end; with private information it is still below 4 KB.
_LARGEST_META: Final = 128 * 1024
_LONG: Final = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ"})


@dataclass(frozen=True, kw_only=True)
class FileMeta:
    """What the File Meta Information says, or what had to be guessed for want of it."""

    transfer_syntax_uid: str
    #: Empty if the file does not say.
    media_sop_class_uid: str
    media_sop_instance_uid: str
    #: Byte of the file at which the data set begins.
    data_offset: int
    #: Sentences about what is odd, but acceptable.
    findings: tuple[str, ...] = ()


def read_file_meta(file: BinaryIO) -> FileMeta:
    """Read the File Meta Information from the beginning of a file.

    The preamble, the group length, the transfer syntax or the whole group may be missing; the
    encoding is then guessed from the first element of the data set.

    Raises
    ------
    UnreadableDicom
        This is no DICOM file.
    """
    file.seek(0)
    head = file.read(_USUAL_META)
    start = 132 if head[128:132] == b"DICM" else 0
    findings = [] if start else ["The file has no preamble."]
    if len(head) == _USUAL_META and _ends_in_meta(head, start):
        head += file.read(_LARGEST_META)
    values, end = _read_group_2(head, start)
    if start == 0 and end == 0:
        findings = ["The file has no File Meta Information; its encoding is guessed."]
    if len(head) < end + 8:
        raise UnreadableDicom("The file holds no data set." if start else "The file is not DICOM.")
    syntax = values.get(0x10, "")
    if not syntax:
        syntax = _guess(head[end : end + 8])
        if end > start:
            findings.append("The File Meta Information names no transfer syntax; the encoding is guessed.")
    announced = values.get(0x00, "")
    if announced.isdecimal() and int(announced) != end - start - 12:
        findings.append("The length of the File Meta Information is wrong.")
    return FileMeta(
        transfer_syntax_uid=syntax,
        media_sop_class_uid=values.get(0x02, ""),
        media_sop_instance_uid=values.get(0x03, ""),
        data_offset=end,
        findings=tuple(findings),
    )


def _ends_in_meta(head: bytes, start: int) -> bool:
    """Say whether more of the file is needed to find where group 2 ends."""
    try:
        _, end = _read_group_2(head, start)
    except UnreadableDicom:
        return True
    return end + 16 > len(head)


def _read_group_2(head: bytes, start: int) -> tuple[dict[int, str], int]:
    """Return the values of group 2 by element number, and where the group ends: at the first other group."""
    values: dict[int, str] = {}
    at = start
    while head[at : at + 2] == b"\x02\x00" and at + 8 <= len(head):
        number, vr, length = struct.unpack_from("<H2sH", head, at + 2)
        at += 8
        if vr in _LONG and at + 4 <= len(head):
            (length,) = struct.unpack_from("<L", head, at)
            at += 4
        elif not vr.isalpha():
            (length,) = struct.unpack_from("<L", head, at - 4)
        if at + length > len(head):
            raise UnreadableDicom("The File Meta Information is truncated or damaged.", remedy="Send it again.")
        value = head[at : at + length]
        if vr == b"UL" and length == 4:
            values[number] = str(int.from_bytes(value, "little"))
        elif vr == b"UI" or not vr.isalpha():
            values[number] = value.decode("latin_1").strip(" \0")
        at += length
    return values, at


def _guess(first: bytes) -> str:
    """Guess the transfer syntax from the header of the first element, which must be of a low group."""
    little, big = struct.unpack("<H", first[:2])[0], struct.unpack(">H", first[:2])[0]
    has_vr = first[4:6].isalpha() and first[4:6].isupper()
    if little in range(0x0001, 0x0011) and not has_vr and struct.unpack("<L", first[4:])[0] < _LARGEST_META:
        return IMPLICIT_LITTLE_ENDIAN
    if little in range(0x0001, 0x0011) and has_vr:
        return EXPLICIT_LITTLE_ENDIAN
    if big in range(0x0001, 0x0011) and has_vr:
        return EXPLICIT_BIG_ENDIAN
    raise UnreadableDicom("This is not DICOM: neither a prefix nor a first element is recognised.")


@lru_cache(maxsize=64)
def write_file_meta(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Return preamble, prefix and File Meta Information; the same for the same arguments.

    The preamble is all zeros: what a foreign one holds could make the file something else as well. The last
    ones are remembered, for the receiver asks for the same several times.
    """
    group = b"".join(
        (
            _element(0x0001, b"OB", b"\0\1"),
            _element(0x0002, b"UI", sop_class_uid.encode("latin_1", "replace")),
            _element(0x0003, b"UI", sop_instance_uid.encode("latin_1", "replace")),
            _element(0x0010, b"UI", transfer_syntax_uid.encode("latin_1", "replace")),
            _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
            _element(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME.encode()),
        )
    )
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", struct.pack("<L", len(group))) + group


def _element(number: int, vr: bytes, value: bytes) -> bytes:
    if len(value) % 2:
        value += b" " if vr == b"SH" else b"\0"
    if vr == b"OB":
        return struct.pack("<HH2sHL", 2, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value
