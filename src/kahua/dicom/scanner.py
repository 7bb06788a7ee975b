"""Reads of an untrusted object what the archive must know, within budgets and without pydicom.

The pixels are not read, only compared with what Rows, Columns and the others claim.
"""

import re
import struct
from typing import Any, BinaryIO, Final

from kahua.dicom.budget import DEFAULT_BUDGET, Budget
from kahua.dicom.charsets import Decoder, decode_ascii, decoder
from kahua.dicom.header import Header, integer_of
from kahua.dicom.source import Window, open_data_set
from kahua.dicom.tags import INDEX_VRS, REFERENCE_PATHS, SERIES_REFERENCES
from kahua.dicom.transfer_syntaxes import Encoding, encoding_of
from kahua.dicom.uids import MAX_UID_LENGTH, is_valid_uid
from kahua.dicom.values import BINARY, CONVERTERS, first_text, json_values
from kahua.dicom.walker import UNDEFINED, fragments, walk
from kahua.errors import MissingAttribute, UnreadableDicom

_CHARACTER_SET: Final = 0x00080005
_SERIES_UID: Final = 0x0020000E
_PIXEL_DATA: Final = 0x7FE00010
#: Integer, float and double pixels.
_PIXELS: Final = frozenset({_PIXEL_DATA, 0x7FE00008, 0x7FE00009})
_INDEX: Final = {int(tag, 16): tag for tag in INDEX_VRS}
_DICTIONARY: Final = {
    **{int(tag, 16): vr for tag, vr in INDEX_VRS.items()},
    **dict.fromkeys(REFERENCE_PATHS, "SQ"),
    **dict.fromkeys(_PIXELS, "OW"),
}
_IDENTITY: Final = {
    "00080016": "SOP Class UID",
    "00080018": "SOP Instance UID",
    "0020000D": "Study Instance UID",
    "0020000E": "Series Instance UID",
}
#: Attributes that are more than a value.
_SPECIAL: Final = frozenset({_CHARACTER_SET, *(int(tag, 16) for tag in _IDENTITY)})
_DATES: Final = {"00080020": "Study Date", "00080021": "Series Date", "00100030": "Patient's Birth Date"}
_DATE = re.compile(r"\d{4}\.?(0[1-9]|1[0-2])\.?(0[1-9]|[12]\d|3[01])")
_MOST_REFERENCES: Final = 1000

#: Group of the pixels: what follows them has this group or a higher one.
_PIXEL_GROUP: Final = 0x7FE0
#: Bytes of the item that ends encapsulated pixels, and of the shortest data element.
_DELIMITER_BYTES: Final = 8
_SHORTEST_ELEMENT: Final = 8


def scan(
    file: BinaryIO, *, offset: int, size: int, transfer_syntax_uid: str, budget: Budget = DEFAULT_BUDGET
) -> Header:
    """Read the header of an object.

    Parameters
    ----------
    file
        A file that holds the data set, of a Part 10 file or as received by DIMSE.
    offset, size
        Where the data set lies in the file, in bytes, without File Meta Information.
    transfer_syntax_uid
        How it is encoded; an implicit data set announced as explicit, or the other way round, is a finding.
    budget
        What is read at most.

    Raises
    ------
    UnreadableDicom
        It is not DICOM, truncated, over the budget, or a UID has more than 64 characters. Other
        malformed UIDs are findings, since real archives are full of them and no path is made of them.
    MissingAttribute
        It has no SOP Class, SOP Instance, Study Instance or Series Instance UID.

    Notes
    -----
    Truncated means that bytes are missing that were announced: by an element, by a sequence, or by
    Rows x Columns x Samples per Pixel x Bits Allocated x Number of Frames for native pixels.
    """
    encoding = encoding_of(transfer_syntax_uid)
    window = open_data_set(file, offset=offset, size=size, deflated=encoding.deflated, budget=budget)
    scanner = _Scanner(window, encoding, budget)
    scanner.run()
    return scanner.header(offset, transfer_syntax_uid)


class _Scanner:
    """The state of one scan."""

    def __init__(self, window: Window, encoding: Encoding, budget: Budget) -> None:
        self.window = window
        self.encoding = encoding
        self.budget = budget
        self.order = ">" if encoding.big_endian else "<"
        self.elements: dict[str, dict[str, Any]] = {}
        self.references: dict[str, None] = {}
        self.findings: list[str] = []
        self.pixels: tuple[int, int] | None = None
        self.decode: Decoder = decode_ascii

    def run(self) -> None:
        implicit = self._is_implicit()
        enclosing = [0] * (self.budget.max_depth + 2)
        steps = walk(
            self.window,
            implicit=implicit,
            big_endian=self.encoding.big_endian,
            budget=self.budget,
            dictionary=lambda tag: _DICTIONARY.get(tag, "UN"),
            descend=REFERENCE_PATHS.__contains__,
            wanted=_DICTIONARY.keys(),
        )
        for tag, vr, start, length, level in steps:
            if level == 0 and tag in _INDEX:
                self._take(tag, vr, start, length)
            elif level:
                if tag == _SERIES_UID and enclosing[level] in SERIES_REFERENCES:
                    self._refer(start, length)
                elif vr == "SQ" or length == UNDEFINED:
                    enclosing[level + 1] = tag
            elif tag in _PIXELS:
                self.pixels = (start, length)
                self._check_pixels(tag, start, length)
                return
            elif vr == "SQ" or length == UNDEFINED:
                enclosing[1] = tag

    def _is_implicit(self) -> bool:
        """Say whether the first element has no value representation, whatever was announced."""
        if self.window.size < 8:
            raise UnreadableDicom("The object holds no data set.")
        vr = self.window.value(0, 8)[4:6]
        implicit = not (vr.isalpha() and vr.isupper())
        if implicit is not self.encoding.implicit:
            kinds = ("implicit", "explicit") if implicit else ("explicit", "implicit")
            self.findings.append("The data set has {} value representations, but announces {} ones.".format(*kinds))
        return implicit

    def _take(self, tag: int, vr: str, start: int, length: int) -> None:
        name = _INDEX[tag]
        if tag not in _SPECIAL and vr in CONVERTERS and length <= self.budget.max_value_bytes:
            # Nearly every element; the rest is rare.
            values = CONVERTERS[vr](self.window.value(start, length), self.decode, self.order) if length else None
            self.elements[name] = {"vr": vr, "Value": values} if values else {"vr": vr}
            return
        if vr in BINARY:
            vr = INDEX_VRS[name]
        if vr == "SQ" or length == UNDEFINED:
            self.findings.append(f"({name[:4]},{name[4:]}) is a sequence where it must be a value.")
            return
        if length > self.budget.max_value_bytes:
            self.findings.append(f"({name[:4]},{name[4:]}) has {length} bytes and is left out.")
            return
        if length == 0:
            self.elements[name] = {"vr": vr}
            return
        value = self.window.value(start, length)
        if name in _IDENTITY:
            uid = value.decode("latin_1").strip(" \0").replace("\0", "\ufffd")
            values = [uid] if uid else []
        else:
            values = json_values(vr, value, self.decode, self.order)
        if tag == _CHARACTER_SET:
            self.decode, finding = decoder(values)
            self.findings += [finding] if finding else []
            values = ["ISO_IR 192"]  # what the JSON is written in
        self.elements[name] = {"vr": vr, "Value": values} if values else {"vr": vr}

    def _refer(self, start: int, length: int) -> None:
        if length <= MAX_UID_LENGTH and len(self.references) < _MOST_REFERENCES:
            uid = self.window.value(start, length).decode("latin_1").strip(" \0")
            if uid and "\0" not in uid:
                self.references[uid] = None

    def _check_pixels(self, tag: int, start: int, length: int) -> None:
        """Compare the bytes of the pixels with those that exist and those that the attributes claim."""
        if length == UNDEFINED:
            if not self.encoding.encapsulated:
                raise UnreadableDicom("The pixels are encapsulated, but the transfer syntax is an uncompressed one.")
            self._check_tail(self._check_fragments(start))
            return
        self._check_tail(start + length)
        claimed = self._claimed_bytes(tag)
        if claimed is not None and length < claimed:
            raise UnreadableDicom(
                f"The pixels are truncated: {claimed} bytes are announced, {length} are there.", remedy="Send it again."
            )

    def _check_fragments(self, start: int) -> int:
        """Visit the fragments; every frame needs at least one, only video has all frames in one. Return their end."""
        parts = fragments(self.window, start, big_endian=False, max_fragments=self.budget.max_elements)
        count, end = -1, start  # the first is the offset table
        for begin, length in parts:
            count, end = count + 1, begin + length
        frames = integer_of(self.elements, "00280008") or 1
        if count < (1 if self.encoding.video else frames):
            raise UnreadableDicom(
                f"The pixels are truncated: {frames} frames are announced, {count} fragments are there.",
                remedy="Send it again.",
            )
        return end + _DELIMITER_BYTES

    def _check_tail(self, end: int) -> None:
        """See that only data elements follow the pixels (PS3.5 section 7.1), not another file."""
        rest = self.window.size - end
        if rest <= 0:
            return
        group = struct.unpack(f"{self.order}H", self.window.value(end, 2))[0] if rest >= _SHORTEST_ELEMENT else 0
        if group < _PIXEL_GROUP:
            self.findings.append(f"After the pixels {rest} bytes follow that are no data elements.")

    def _claimed_bytes(self, tag: int) -> int | None:
        """Return how many bytes native pixels must have; None if the attributes do not say."""
        rows, columns = integer_of(self.elements, "00280010"), integer_of(self.elements, "00280011")
        if not rows or not columns:
            return None
        bits = integer_of(self.elements, "00280100") or {_PIXEL_DATA: 16, 0x7FE00008: 32}.get(tag, 64)
        samples = integer_of(self.elements, "00280002") or 1
        if first_text(self.elements.get("00280004")) in ("YBR_FULL_422", "YBR_PARTIAL_422") and samples == 3:
            samples = 2  # two pixels share their colour
        frames = integer_of(self.elements, "00280008") or 1
        return (rows * columns * samples * frames * bits + 7) // 8

    def header(self, offset: int, transfer_syntax_uid: str) -> Header:
        """Return what was found, after a look at whether it can be filed."""
        uids = {tag: self._identity(tag, name) for tag, name in _IDENTITY.items()}
        self._look_for_oddities()
        has_offset = self.pixels is not None and not self.encoding.deflated
        rows = integer_of(self.elements, "00280010")
        frames = integer_of(self.elements, "00280008") or (1 if rows else None)
        return Header(
            sop_class_uid=uids["00080016"],
            sop_instance_uid=uids["00080018"],
            study_uid=uids["0020000D"],
            series_uid=uids["0020000E"],
            transfer_syntax_uid=transfer_syntax_uid,
            elements=self.elements,
            pixel_offset=offset + self.pixels[0] if self.pixels and has_offset else None,
            rows=rows,
            columns=integer_of(self.elements, "00280011"),
            number_of_frames=frames,
            references=tuple(uid for uid in self.references if uid != uids["0020000E"]),
            findings=tuple(self.findings),
        )

    def _identity(self, tag: str, name: str) -> str:
        uid = first_text(self.elements.get(tag))
        if not uid:
            raise MissingAttribute(f"The object has no {name} ({tag[:4]},{tag[4:]}).", attribute=name)
        if len(uid) > MAX_UID_LENGTH:
            raise UnreadableDicom(f"{name} has {len(uid)} characters; DICOM allows {MAX_UID_LENGTH}.", attribute=name)
        if not is_valid_uid(uid):
            self.findings.append(f"{name} is not a valid UID.")
        return uid

    def _look_for_oddities(self) -> None:
        if not first_text(self.elements.get("00100020")):
            self.findings.append("Patient ID is empty.")
        for tag, name in _DATES.items():
            date = first_text(self.elements.get(tag))
            if date and not _DATE.fullmatch(date):
                self.findings.append(f"{name} is not a date.")
        if self.pixels is None and integer_of(self.elements, "00280010"):
            self.findings.append("It has Rows, but no Pixel Data.")
