"""The data sets of storage commitment, push model (PS3.4 annex J): read within budgets, and written."""

import io
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from kahua.dicom import Budget
from kahua.dicom.source import Window
from kahua.dicom.transfer_syntaxes import IMPLICIT_LITTLE_ENDIAN
from kahua.dicom.walker import ITEM, walk
from kahua.errors import InvalidInput, UnreadableDicom

#: The SOP class, its only instance, and what its N-ACTION asks for.
PUSH_MODEL: Final = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
REQUEST_COMMITMENT: Final = 1

#: Longest request that is read, and most instances in one: some 150 bytes each.
MAX_BYTES: Final = 4_000_000
MAX_ITEMS: Final = 20_000
BUDGET: Final = Budget(max_header_bytes=MAX_BYTES, max_elements=100_000, max_depth=8)

_TRANSACTION: Final = 0x00081195
_REFERENCED: Final = 0x00081199
_FAILED: Final = 0x00081198
_SOP_CLASS: Final = 0x00081150
_SOP_INSTANCE: Final = 0x00081155
_REASON: Final = 0x00081197
_RETRIEVE_AE_TITLE: Final = 0x00080054
_DICTIONARY: Final = {_TRANSACTION: "UI", _REFERENCED: "SQ", _SOP_CLASS: "UI", _SOP_INSTANCE: "UI"}


class EventType(IntEnum):
    """What an N-EVENT-REPORT tells (PS3.4 table J.3.3-1)."""

    SUCCESS = 1
    FAILURES_EXIST = 2


class FailureReason(IntEnum):
    """Why this site is not committed to an instance (PS3.3 C.14.1.1)."""

    NO_SUCH_INSTANCE = 0x0112
    CLASS_INSTANCE_CONFLICT = 0x0119


@dataclass(frozen=True, kw_only=True)
class Item:
    """An instance to which commitment is asked for."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, kw_only=True)
class CommitmentRequest:
    """What an N-ACTION asks for."""

    transaction_uid: str
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class CommitmentReport:
    """What became of it."""

    transaction_uid: str
    #: AE title of this site, from which the instances can be retrieved.
    ae_title: str
    committed: Sequence[Item]
    failed: Sequence[tuple[Item, FailureReason]]

    @property
    def event_type(self) -> EventType:
        """What is told of it."""
        return EventType.FAILURES_EXIST if self.failed else EventType.SUCCESS


def read_request(data: bytes, transfer_syntax: str) -> CommitmentRequest:
    """Read the data set of an N-ACTION.

    Raises
    ------
    InvalidInput
        It cannot be read, is over the budget, or lacks the transaction or its instances.
    """
    if len(data) > MAX_BYTES:
        raise InvalidInput("The request is longer than this site reads.")
    window = Window(io.BytesIO(data), offset=0, size=len(data), budget=BUDGET)
    transaction, sequence = "", 0
    found: list[dict[int, str]] = []
    try:
        for tag, vr, start, length, level in walk(
            window,
            implicit=transfer_syntax == IMPLICIT_LITTLE_ENDIAN,
            big_endian=False,
            budget=BUDGET,
            dictionary=lambda tag: _DICTIONARY.get(tag, "UN"),
            descend=lambda tag: tag == _REFERENCED,
        ):
            if level == 0:
                sequence = tag
                transaction = _uid(window.value(start, length)) if tag == _TRANSACTION else transaction
            elif level == 1 and sequence == _REFERENCED and tag == ITEM:
                found.append({})
            elif level == 1 and sequence == _REFERENCED and tag in _DICTIONARY and vr == "UI":
                found[-1][tag] = _uid(window.value(start, length))
    except UnreadableDicom as error:
        raise InvalidInput(error.message) from error
    return CommitmentRequest(transaction_uid=_given(transaction, "transaction"), items=_items(found))


def write_report(report: CommitmentReport, transfer_syntax: str) -> bytes:
    """Write the data set of an N-EVENT-REPORT."""
    implicit = transfer_syntax == IMPLICIT_LITTLE_ENDIAN

    def element(tag: int, vr: str, value: bytes) -> bytes:
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        if implicit:
            return head + struct.pack("<L", len(value)) + value
        length = struct.pack("<xxL" if vr == "SQ" else "<H", len(value))
        return head + vr.encode() + length + value

    def item(each: Item, reason: FailureReason | None = None) -> bytes:
        content = element(_SOP_CLASS, "UI", _padded(each.sop_class_uid))
        content += element(_SOP_INSTANCE, "UI", _padded(each.sop_instance_uid))
        if reason is not None:
            content += element(_REASON, "US", struct.pack("<H", reason))
        return struct.pack("<HHL", ITEM >> 16, ITEM & 0xFFFF, len(content)) + content

    # Within an item, tags rise: 1150, 1155, 1197.
    committed = b"".join(item(each) for each in report.committed)
    failed = b"".join(item(each, reason) for each, reason in report.failed)
    return b"".join(
        (
            element(_RETRIEVE_AE_TITLE, "AE", _padded(report.ae_title, b" ")),
            element(_TRANSACTION, "UI", _padded(report.transaction_uid)),
            element(_FAILED, "SQ", failed) if failed else b"",
            element(_REFERENCED, "SQ", committed) if committed else b"",
        )
    )


def _items(found: Iterable[dict[int, str]]) -> tuple[Item, ...]:
    items = tuple(
        Item(
            sop_class_uid=_given(each.get(_SOP_CLASS, ""), "SOP class"),
            sop_instance_uid=_given(each.get(_SOP_INSTANCE, ""), "SOP instance"),
        )
        for each in found
    )
    if not 0 < len(items) <= MAX_ITEMS:
        raise InvalidInput(f"Commitment is given to 1 to {MAX_ITEMS} instances at once, not {len(items)}.")
    return items


def _given(uid: str, what: str) -> str:
    if not 0 < len(uid) <= 64:
        raise InvalidInput(f"The request names no {what}, or one that is longer than a UID.")
    return uid


def _uid(value: bytes) -> str:
    return value.decode("latin_1").strip(" \0")


def _padded(text: str, pad: bytes = b"\0") -> bytes:
    value = text.encode("latin_1", "replace")
    return value + pad if len(value) % 2 else value
