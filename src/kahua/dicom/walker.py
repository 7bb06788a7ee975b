"""One bounded walk over a data set, without recursion and without building anything.

Every length is compared with the bytes that exist, in the object and in the sequence around it.
"""

import struct
from collections.abc import Callable, Container, Iterator
from typing import Final, NamedTuple

from kahua.dicom.budget import Budget
from kahua.dicom.source import Window
from kahua.errors import UnreadableDicom

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
UNDEFINED: Final = 0xFFFFFFFF

#: Value representations with a length of 16 bits; all others have 32 (PS3.5 7.1.2).
_SHORT: Final = {
    b"AE": "AE",
    b"AS": "AS",
    b"AT": "AT",
    b"CS": "CS",
    b"DA": "DA",
    b"DS": "DS",
    b"DT": "DT",
    b"FL": "FL",
    b"FD": "FD",
    b"IS": "IS",
    b"LO": "LO",
    b"LT": "LT",
    b"PN": "PN",
    b"SH": "SH",
    b"SL": "SL",
    b"SS": "SS",
    b"ST": "ST",
    b"TM": "TM",
    b"UI": "UI",
    b"UL": "UL",
    b"US": "US",
}
_LONG: Final = {
    b"OB": "OB",
    b"OD": "OD",
    b"OF": "OF",
    b"OL": "OL",
    b"OV": "OV",
    b"OW": "OW",
    b"SQ": "SQ",
    b"SV": "SV",
    b"UC": "UC",
    b"UN": "UN",
    b"UR": "UR",
    b"UT": "UT",
    b"UV": "UV",
}

#: A tag, its value representation, where its value begins, its length, and its depth in sequences.
#: The length of a sequence or of encapsulated pixels may be UNDEFINED. An item is an ITEM.
Step = tuple[int, str, int, int, int]
#: Says the value representation of a tag of an implicit data set; "UN" if it does not know.
Dictionary = Callable[[int], str]


class Enclosure(NamedTuple):
    """A sequence, an item or the data set around what is being read."""

    #: Position where it ends at the latest.
    limit: int
    #: Ends by a delimiter, not by its length.
    undefined: bool
    #: Holds items; otherwise elements.
    is_sequence: bool
    implicit: bool


def walk(  # noqa: C901 - one loop over local names: it runs for every element of every object received
    window: Window,
    *,
    implicit: bool,
    big_endian: bool,
    budget: Budget,
    dictionary: Dictionary,
    descend: Callable[[int], bool],
    wanted: Container[int] | None = None,
) -> Iterator[Step]:
    """Visit the elements of a data set in order.

    Parameters
    ----------
    window
        The data set. A caller may move it to read values; the walk brings it back.
    implicit, big_endian
        How the data set is encoded.
    budget
        What may be visited at most.
    dictionary
        Value representations of implicit data sets.
    descend
        Says by tag whether to enter a sequence whose length is known; others are skipped in one
        step. A sequence of undefined length has to be entered in any case.
    wanted
        Tags of the values to be told; None for all. Sequences and encapsulated values are always told.

    Raises
    ------
    UnreadableDicom
        The data set is truncated, contradicts itself or is over the budget.
    """
    order = ">" if big_endian else "<"
    explicit_header = struct.Struct(order + "HH2sH").unpack_from
    implicit_header = struct.Struct(order + "HHL").unpack_from
    short_vr = _SHORT.get
    long_length = struct.Struct(order + "L").unpack_from
    current = Enclosure(limit=window.size, undefined=False, is_sequence=False, implicit=implicit)
    limit, in_sequence, is_implicit = window.size, False, implicit
    outer: list[Enclosure] = []
    position = level = visited = 0
    max_elements, max_outer = budget.max_elements, 2 * budget.max_depth
    # What the fast lane knows: the bytes in memory, where they begin, and where it must end.
    data, base, last = b"", 0, -1
    wants_all, wanted_tags = wanted is None, wanted or ()

    while True:
        # The fast lane: short explicit values of which all is in memory, most of a header.
        while base <= position <= last:
            group, number, code, length = explicit_header(data, position - base)
            vr = short_vr(code)
            if vr is None or group == 0xFFFE:
                break
            visited += 1
            tag = group << 16 | number
            start = position + 8
            position = start + length
            if position > limit:
                raise _truncated(tag, start, length, limit)
            if wants_all or tag in wanted_tags:
                yield tag, vr, start, length, level
                if window.data is not data:
                    last = -1

        if visited >= max_elements:
            raise UnreadableDicom("The object has more elements than this site reads.", remedy="Raise max_elements.")
        if position >= limit:
            if current.undefined:
                raise UnreadableDicom(f"The object is truncated: a sequence is not ended at byte {position}.")
            if not outer:
                return
            level -= in_sequence
            current = outer.pop()
            limit, _, in_sequence, is_implicit = current
            last = -1
            continue
        visited += 1
        at = position - window.base
        if at < 0 or at + 12 > len(window.data):
            window.move(position, 8)
            at = 0
        data, base = window.data, window.base
        last = -1 if is_implicit or in_sequence else min(limit, base + len(data)) - 12

        if is_implicit or in_sequence:
            group, number, length = implicit_header(data, at)
            tag = group << 16 | number
            start = position + 8
            vr = "" if in_sequence or group == 0xFFFE else dictionary(tag)
        else:
            group, number, code, length = explicit_header(data, at)
            tag = group << 16 | number
            start = position + 8
            vr = short_vr(code) or ""
            if not vr:
                vr = _LONG.get(code, "")
                if vr:
                    if start + 4 > limit or at + 12 > len(data):
                        raise _truncated(tag, start, 4, limit)
                    (length,) = long_length(data, at + 8)
                    start += 4
                elif group == 0xFFFE:
                    (length,) = long_length(data, at + 4)
                else:
                    vr = dictionary(tag)
                    if not (code.isalpha() and code.isupper()):
                        (length,) = long_length(data, at + 4)

        if start > limit:
            raise _truncated(tag, position, start - position, limit)
        if group == 0xFFFE:
            if tag == ITEM and in_sequence:
                yield ITEM, "", start, length, level
                outer.append(current)
                current = _entered(start, length, limit, is_sequence=False, implicit=is_implicit)
            elif current.undefined and tag == (SEQUENCE_END if in_sequence else ITEM_END):
                level -= in_sequence
                current = outer.pop()
            else:
                raise UnreadableDicom(f"A sequence is broken: a delimiter is out of place at byte {position}.")
            limit, _, in_sequence, is_implicit = current
            last = -1
            position = start
            continue
        if in_sequence:
            raise UnreadableDicom(f"A sequence is broken: an item is expected at byte {position}.")

        if length != UNDEFINED and start + length > limit:
            raise _truncated(tag, start, length, limit)
        if wants_all or tag in wanted_tags or vr == "SQ" or length == UNDEFINED:
            yield tag, vr, start, length, level
            last = last if window.data is data else -1
        else:
            position = start + length
            continue
        if (vr == "SQ" and (length == UNDEFINED or descend(tag))) or (
            length == UNDEFINED and vr != "OB" and vr != "OW"
        ):
            if len(outer) >= max_outer:
                raise UnreadableDicom("Sequences are nested deeper than this site reads.")
            outer.append(current)
            # A sequence in an element of unknown representation is implicit (PS3.5 6.2.2 note 5).
            current = _entered(start, length, limit, is_sequence=True, implicit=is_implicit or vr == "UN")
            limit, _, in_sequence, is_implicit = current
            last = -1
            level += 1
            position = start
        elif length == UNDEFINED:
            position = start
            for begin, count in fragments(window, start, big_endian=big_endian, max_fragments=max_elements - visited):
                position = begin + count
                visited += 1
            position += 8
        else:
            position = start + length


def fragments(window: Window, position: int, *, big_endian: bool, max_fragments: int) -> Iterator[tuple[int, int]]:
    """Yield where each fragment of an encapsulated value begins and how long it is, the offset table first.

    The fragments themselves are not read. The delimiter after the last one may be missing at the
    very end of the data set.
    """
    header = struct.Struct(">HHL" if big_endian else "<HHL")
    for _ in range(max_fragments):
        if position == window.size:
            return
        at = position - window.base
        if at < 0 or at + 8 > len(window.data):
            window.move(position, 8, ahead=False)
            at = 0
        group, number, length = header.unpack_from(window.data, at)
        tag = group << 16 | number
        if tag == SEQUENCE_END:
            return
        if tag != ITEM or length == UNDEFINED:
            raise UnreadableDicom(f"The encapsulated pixels are broken: a fragment is expected at byte {position}.")
        if position + 8 + length > window.size:
            raise _truncated(ITEM, position + 8, length, window.size)
        yield position + 8, length
        position += 8 + length
    raise UnreadableDicom("The object has more fragments than this site reads.", remedy="Raise max_elements.")


def _entered(start: int, length: int, limit: int, *, is_sequence: bool, implicit: bool) -> Enclosure:
    if length == UNDEFINED:
        return Enclosure(limit=limit, undefined=True, is_sequence=is_sequence, implicit=implicit)
    if start + length > limit:
        raise _truncated(ITEM, start, length, limit)
    return Enclosure(limit=start + length, undefined=False, is_sequence=is_sequence, implicit=implicit)


def _truncated(tag: int, start: int, length: int, limit: int) -> UnreadableDicom:
    return UnreadableDicom(
        f"The object is truncated or damaged: ({tag >> 16:04X},{tag & 0xFFFF:04X}) claims {length} bytes "
        f"at byte {start}, but only {max(limit - start, 0)} are there.",
        remedy="Send it again.",
    )
