"""Lookup tables of images: of modality, window and presentation, and of palettes (PS3.3 C.11.1, C.11.2, C.7.9)."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kahua.dicom.functional_groups import Attributes
from kahua.errors import UndecodablePixels

#: Entries of a table whose descriptor says 0: one more than the descriptor can count.
_MOST_ENTRIES: Final = 65536
#: Segments of a segmented table that are followed; one entry at least comes of each.
_MOST_SEGMENTS: Final = 65536
#: All attributes of a palette.
PALETTE_ATTRIBUTES: Final = tuple(
    f"{kind}{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for kind, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
)
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class LookupTable:
    """A table, hashable, so that what is made of it can be kept."""

    #: Input that is mapped to the first entry; lower ones are, too.
    first: int
    #: Bits of an entry that count.
    bits: int
    #: Little endian numbers of 16 bits.
    data: bytes

    @property
    def entries(self) -> NDArray[np.uint16]:
        """All entries."""
        return np.frombuffer(self.data, "<u2")

    def values(self, inputs: NDArray[Any]) -> NDArray[np.uint16]:
        """Map values; those outside take the ends (PS3.3 C.11.1.1)."""
        entries = self.entries
        # Before the change of type, which is undefined for what does not fit.
        last = len(entries) - 1
        if inputs.dtype.kind == "f":
            inputs = np.clip(np.nan_to_num(np.floor(inputs)), self.first, self.first + last)
        found: NDArray[np.uint16] = entries[np.clip(inputs.astype(np.int64) - self.first, 0, last)]
        return found

    def shares(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Map values to shares of the highest entry that there can be."""
        return self.values(values) / ((1 << self.bits) - 1)

    def eight_bits(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Map values to 0 to 255."""
        return (self.values(values) >> (self.bits - 8)).astype(np.uint8)


def read_table(item: Attributes, name: str = "LUT", *, signed: bool = False, big_endian: bool = False) -> LookupTable:
    """Read a table.

    Parameters
    ----------
    item
        Where it stands.
    name
        What its attributes' keywords begin with: `LUT`, or `RedPaletteColorLookupTable` for example.
    signed
        Whether its input has a sign.
    big_endian
        Order of bytes in its data.

    Raises
    ------
    UndecodablePixels
        It is not there, or not what its descriptor says.
    """
    try:
        count, first, bits = (int(part) for part in item.get(f"{name}Descriptor"))
        count = (count & 0xFFFF) or _MOST_ENTRIES
        if name != "LUT" and f"Segmented{name}Data" in item:
            bytewise = bits == 8
            words = _words(item.get(f"Segmented{name}Data"), big_endian=big_endian, bytewise=bytewise)
            entries = _Segments(words, bytewise=bytewise).expanded(count)
        else:
            entries = _numbers(item.get(f"{name}Data"), count, big_endian=big_endian)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UndecodablePixels("A lookup table of the image cannot be read.") from error
    if len(entries) < count:
        raise UndecodablePixels(f"A lookup table has {len(entries)} entries where its descriptor says {count}.")
    entries = entries[:count]
    if signed and first > 0x7FFF:
        first -= 0x10000
    return LookupTable(first=first, bits=_true_bits(entries, bits), data=entries.astype("<u2").tobytes())


def read_palette(dataset: Attributes, *, big_endian: bool = False) -> list[LookupTable]:
    """Read the tables of red, green and blue.

    Raises
    ------
    UndecodablePixels
        One is not there, or not what its descriptor says.
    """
    signed = dataset.get("PixelRepresentation") == 1
    try:
        return [
            read_table(dataset, f"{colour}PaletteColorLookupTable", signed=signed, big_endian=big_endian)
            for colour in ("Red", "Green", "Blue")
        ]
    except UndecodablePixels as error:
        raise UndecodablePixels("The image has no usable palette.") from error


def _true_bits(entries: NDArray[np.uint16], claimed: int) -> int:
    """Correct how many bits an entry has: some say 16 and use 8, or use more than they say."""
    used = int(entries.max()).bit_length()
    if not 8 <= claimed <= 16 or used > claimed:
        return max(used, 8)
    return 8 if claimed == 16 and used <= 8 else claimed


def _numbers(value: Any, count: int, *, big_endian: bool) -> NDArray[np.uint16]:
    """Turn the value of an element into numbers; entries of 8 bits may lie two in a word."""
    if isinstance(value, bytes) and len(value) < 2 * count:
        return np.frombuffer(value, np.uint8).astype(np.uint16)
    return _words(value, big_endian=big_endian)


def _words(value: Any, *, big_endian: bool, bytewise: bool = False) -> NDArray[np.uint16]:
    if not isinstance(value, bytes):
        return np.asarray([value] if isinstance(value, int) else value, dtype=np.int64).astype(np.uint16)
    if bytewise:
        return np.frombuffer(value, np.uint8).astype(np.uint16)
    return np.frombuffer(value[: len(value) // 2 * 2], ">u2" if big_endian else "<u2").astype(np.uint16)


class _Segments:
    """A segmented table (PS3.3 C.7.9.2)."""

    def __init__(self, words: NDArray[np.uint16], *, bytewise: bool) -> None:
        self._words = words
        self._bytewise = bytewise
        #: How many words a linear and an indirect segment have: the offset of the latter has four bytes.
        self._lengths = {_LINEAR: 3, _INDIRECT: 6 if bytewise else 4}
        self._starts = self._find()

    def expanded(self, count: int) -> NDArray[np.uint16]:
        """Write the table out, no further than its count."""
        made: list[int] = []
        for start in self._starts:
            self._expand(start, made, count)
        return np.asarray(made, np.uint16)

    def _find(self) -> list[int]:
        """Give where the segments begin; what is no segment is padding at the end."""
        starts: list[int] = []
        place = 0
        while place + 1 < len(self._words) and len(starts) < _MOST_SEGMENTS:
            kind, length = int(self._words[place]), int(self._words[place + 1])
            if kind not in (_DISCRETE, *self._lengths):
                break
            starts.append(place)
            place += self._lengths.get(kind, 2 + length)
        return starts

    def _expand(self, start: int, made: list[int], count: int) -> None:
        """Append what a segment stands for."""
        kind, length = int(self._words[start]), int(self._words[start + 1])
        left = count - len(made)
        if left <= 0:
            return
        if kind == _DISCRETE:
            made += self._words[start + 2 : start + 2 + min(length, left)].tolist()
        elif kind == _LINEAR:
            steps = np.linspace(made[-1], int(self._words[start + 2]), length + 1)[1:]
            made += np.rint(steps[:left]).astype(int).tolist()
        else:
            first = self._starts.index(self._offset(start))
            for copied in self._starts[first : first + length]:
                if int(self._words[copied]) == _INDIRECT:
                    raise ValueError("A segment that is copied copies others.")
                self._expand(copied, made, count)

    def _offset(self, start: int) -> int:
        """Return the place to which an indirect segment points, in words."""
        parts = [int(word) for word in self._words[start + 2 : start + self._lengths[_INDIRECT]]]
        if self._bytewise:
            return sum(part << 8 * number for number, part in enumerate(parts))
        return (parts[0] | parts[1] << 16) // 2
