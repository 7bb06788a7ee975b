"""Identifiers of queries by DIMSE (PS3.4 C.4): ours are written, answers are read within a budget."""

import io
import struct
from collections.abc import Mapping
from typing import Any, Final

from kahua.dicom import Budget
from kahua.dicom.transfer_syntaxes import IMPLICIT_LITTLE_ENDIAN
from kahua.errors import PeerUnavailable, UnreadableDicom

CHARACTER_SET: Final = 0x00080005
LEVEL: Final = 0x00080052

#: What one answer may hold.
BUDGET: Final = Budget(
    max_header_bytes=1_000_000, max_elements=2000, max_depth=8, max_value_bytes=10_000, max_inflated_bytes=1_000_000
)


def write_identifier(level: str, keys: Mapping[int, str]) -> bytes:
    """Write an identifier in Implicit VR Little Endian, its text in UTF-8."""
    return write_keys({CHARACTER_SET: "ISO_IR 192", LEVEL: level, **keys})


def write_keys(keys: Mapping[int, str]) -> bytes:
    """Write elements in Implicit VR Little Endian, in the order of their tags."""
    return b"".join(_element(tag, value) for tag, value in sorted(keys.items()))


def read_answer(data: bytes | bytearray) -> dict[str, Any]:
    """Read an answer as a DICOM JSON object.

    Raises
    ------
    PeerUnavailable
        It is no data set, or over the budget.
    """
    from kahua.dicom import json_model  # late: it loads pydicom's dictionary, and most processes ask nobody

    try:
        answer: dict[str, Any] = json_model.instance_json(
            io.BytesIO(data),
            offset=0,
            size=len(data),
            transfer_syntax_uid=IMPLICIT_LITTLE_ENDIAN,
            bulk_data_uri="",
            budget=BUDGET,
        )
    except UnreadableDicom as error:
        raise PeerUnavailable(f"An answer cannot be read: {error.message}") from error
    return answer


def _element(tag: int, text: str) -> bytes:
    value = text.encode()
    if len(value) % 2:
        value += b"\0" if _is_uid(tag) else b" "
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def _is_uid(tag: int) -> bool:
    return tag in {0x0020000D, 0x0020000E, 0x00080018, 0x00080016}
