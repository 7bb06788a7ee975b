"""Whole instances in the DICOM JSON model (PS3.18 F), by the same bounded walk as the scanner.

Loads the dictionary of pydicom; the receiver does without this module.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO, Final, NamedTuple

from pydicom.datadict import dictionary_VR

from kahua.dicom.budget import DEFAULT_BUDGET, Budget
from kahua.dicom.charsets import Decoder, decode_ascii, decoder
from kahua.dicom.source import Window, open_data_set
from kahua.dicom.transfer_syntaxes import encoding_of
from kahua.dicom.values import BINARY, json_values
from kahua.dicom.walker import ITEM, UNDEFINED, walk
from kahua.errors import NotFound

#: Longest binary value that stands in the JSON itself, in base64. The palette of an image of 8 bits does:
#: viewers that begin to draw before they have fetched it draw black.
LONGEST_INLINE: Final = 512

_CHARACTER_SET: Final = 0x00080005
_PIXEL_REPRESENTATION: Final = 0x00280103
_PIXEL_DATA: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_PADDING: Final = 0xFFFCFFFC

Json = dict[str, Any]


class _Place(NamedTuple):
    """An element or an item on the way through a data set."""

    tag: int
    vr: str
    start: int
    length: int
    level: int
    #: Tags and item numbers from the data set to here, as in a BulkDataURI: "00400275/0/00400007".
    path: str


def instance_json(
    file: BinaryIO,
    *,
    offset: int,
    size: int,
    transfer_syntax_uid: str,
    bulk_data_uri: str,
    budget: Budget = DEFAULT_BUDGET,
) -> Json:
    """Return all attributes of an instance as a DICOM JSON object.

    Parameters
    ----------
    file
        A file that holds the data set.
    offset, size
        Where the data set lies in the file, in bytes.
    transfer_syntax_uid
        How it is encoded.
    bulk_data_uri
        Beginning of the URIs of what is too big for the JSON: pixels, binary values of more than
        LONGEST_INLINE bytes, and values over the budget. The path of the value is added, see `bulk_data`.
    budget
        What is read at most.

    Notes
    -----
    Text is Unicode, so Specific Character Set says ISO_IR 192. Group lengths and padding at the
    end of the data set are left out.
    """
    encoding = encoding_of(transfer_syntax_uid)
    window = open_data_set(file, offset=offset, size=size, deflated=encoding.deflated, budget=budget)
    writer = _Writer(window, bulk_data_uri, budget, big_endian=encoding.big_endian)
    for place in _places(window, transfer_syntax_uid, budget):
        writer.add(place)
    return writer.instance


@dataclass(frozen=True)
class BulkValue:
    """A value to which a BulkDataURI points."""

    #: Tags and item numbers, as in the URI after ``bulkdata/``.
    path: str
    vr: str
    #: Where it begins in the data set, inflated if need be, and its length; in bytes.
    start: int
    length: int
    #: The JSON of the instance only points to it.
    is_bulk: bool


def bulk_values(
    file: BinaryIO, *, offset: int, size: int, transfer_syntax_uid: str, budget: Budget = DEFAULT_BUDGET
) -> Iterator[BulkValue]:
    """Give every value of an instance that has bytes of its own, big or small; encapsulated pixels have not."""
    deflated = encoding_of(transfer_syntax_uid).deflated
    window = open_data_set(file, offset=offset, size=size, deflated=deflated, budget=budget)
    return _bulk_values(window, transfer_syntax_uid, budget)


def bulk_data(
    file: BinaryIO,
    *,
    offset: int,
    size: int,
    transfer_syntax_uid: str,
    path: str,
    budget: Budget = DEFAULT_BUDGET,
) -> tuple[str, bytes]:
    """Return value representation and bytes of the value that a BulkDataURI of `instance_json` names.

    Encapsulated pixels are no single value and are not found here.
    """
    deflated = encoding_of(transfer_syntax_uid).deflated
    window = open_data_set(file, offset=offset, size=size, deflated=deflated, budget=budget)
    for value in _bulk_values(window, transfer_syntax_uid, budget):
        if value.path == path:
            return value.vr, window.read(value.start, value.length)
    raise NotFound("The instance has no such value.")


def _bulk_values(window: Window, transfer_syntax_uid: str, budget: Budget) -> Iterator[BulkValue]:
    for place in _places(window, transfer_syntax_uid, budget):
        if place.tag != ITEM and place.length != UNDEFINED and place.vr != "SQ":
            longest = LONGEST_INLINE if _meant(place.tag, place.vr) in BINARY else budget.max_value_bytes
            is_bulk = place.tag in _PIXEL_DATA or place.length > longest
            yield BulkValue(place.path, place.vr, place.start, place.length, is_bulk)


def _places(window: Window, transfer_syntax_uid: str, budget: Budget) -> Iterator[_Place]:
    """Walk through a data set and say of each element and item where it stands."""
    encoding = encoding_of(transfer_syntax_uid)
    first_vr = window.value(0, min(8, window.size))[4:6]
    steps = walk(
        window,
        implicit=not (first_vr.isalpha() and first_vr.isupper()),
        big_endian=encoding.big_endian,
        budget=budget,
        dictionary=_dictionary_vr,
        descend=lambda _tag: True,
    )
    sequences = [""] * (budget.max_depth + 2)
    items = [""] * (budget.max_depth + 2)
    counts = [0] * (budget.max_depth + 2)
    for tag, vr, start, length, level in steps:
        if tag == ITEM:
            items[level] = f"{sequences[level]}/{counts[level]}/"
            counts[level] += 1
            yield _Place(tag, vr, start, length, level, "")
            continue
        path = f"{items[level]}{tag:08X}"
        if vr == "SQ" or (length == UNDEFINED and vr not in {"OB", "OW"}):
            vr = "SQ"
            sequences[level + 1], counts[level + 1] = path, 0
        yield _Place(tag, vr, start, length, level, path)


@lru_cache(maxsize=20_000)
def _dictionary_vr(tag: int) -> str:
    """Return the value representation of a tag; of several, the one that its bytes fit in any case."""
    try:
        vr: str = dictionary_VR(tag)
    except KeyError:
        return "UL" if not tag & 0xFFFF else "LO" if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    return {"US or SS": "US or SS", "OB or OW": "OW"}.get(vr, vr if len(vr) == 2 else "OW")


def _meant(tag: int, vr: str) -> str:
    """Return what a standard element is whose sender called it unknown."""
    if vr != "UN" or tag >> 16 & 1:
        return vr
    known = _dictionary_vr(tag)
    return known if known != "SQ" else vr


class _Writer:
    """The JSON of one instance while it grows."""

    def __init__(self, window: Window, bulk_data_uri: str, budget: Budget, *, big_endian: bool) -> None:
        self.instance: Json = {}
        self._window = window
        self._uri = bulk_data_uri
        self._budget = budget
        self._order = ">" if big_endian else "<"
        self._signed = False
        levels = budget.max_depth + 2
        #: By depth: the item being filled, the sequence it belongs to, and how its text is decoded.
        self._items: list[Json] = [self.instance] * levels
        self._sequences: list[Json] = [{}] * levels
        self._decoders: list[Decoder] = [decode_ascii] * levels

    def add(self, place: _Place) -> None:
        tag, level = place.tag, place.level
        if tag == ITEM:
            self._items[level] = {}
            self._sequences[level].setdefault("Value", []).append(self._items[level])
            self._decoders[level] = self._decoders[level - 1]
        elif not tag & 0xFFFF or tag == _PADDING:
            return
        elif place.vr == "SQ":
            self._items[level][f"{tag:08X}"] = self._sequences[level + 1] = {"vr": "SQ"}
        else:
            self._items[level][f"{tag:08X}"] = self._element(place)

    def _element(self, place: _Place) -> Json:
        tag, vr, start, length, level, path = place
        vr = self._known_vr(tag, vr)
        if length == 0:
            return {"vr": vr}
        if tag in _PIXEL_DATA or length == UNDEFINED or length > self._longest(vr):
            return {"vr": vr, "BulkDataURI": f"{self._uri}/{path}"}
        value = self._window.value(start, length)
        if vr in BINARY:
            return {"vr": vr, "InlineBinary": base64.b64encode(value).decode("ascii")}
        values = json_values(vr, value, self._decoders[level], self._order)
        if tag == _CHARACTER_SET:
            self._decoders[level], _ = decoder(values)
            values = ["ISO_IR 192"]
        elif tag == _PIXEL_REPRESENTATION:
            self._signed = values[:1] == [1]
        return {"vr": vr, "Value": values} if values else {"vr": vr}

    def _longest(self, vr: str) -> int:
        return LONGEST_INLINE if vr in BINARY else self._budget.max_value_bytes

    def _known_vr(self, tag: int, vr: str) -> str:
        """Return what an element is whose sender did not know, or need not say."""
        vr = _meant(tag, vr)
        return ("SS" if self._signed else "US") if vr == "US or SS" else vr
