"""Text of DICOM: from bytes in a Specific Character Set to Unicode (PS3.3 C.12.1.1.2, PS3.5 6.1).

Own tables, since receiving must not load pydicom: the codecs are Python's.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

#: Defined terms without code extensions, and those of code extensions in first place, to codecs.
_CODECS: Final = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 149": "euc_kr",
    "ISO_IR 166": "tis_620",
    "ISO_IR 192": "utf_8",
    "ISO_IR 203": "iso8859_15",
    "ISO_IR 58": "gb2312",
    "ISO_IR 87": "iso2022_jp",
    "ISO_IR 159": "iso2022_jp_2",
    "GB18030": "gb18030",
    "GBK": "gbk",
}

#: Escape sequences of ISO 2022 that switch to another code, to the codec of what follows.
_ESCAPES: Final = {
    b"\x1b(B": "ascii",
    b"\x1b(J": "shift_jis",
    b"\x1b)I": "shift_jis",
    b"\x1b-A": "latin_1",
    b"\x1b-B": "iso8859_2",
    b"\x1b-C": "iso8859_3",
    b"\x1b-D": "iso8859_4",
    b"\x1b-F": "iso8859_7",
    b"\x1b-G": "iso8859_6",
    b"\x1b-H": "iso8859_8",
    b"\x1b-L": "iso8859_5",
    b"\x1b-M": "iso8859_9",
    b"\x1b-T": "tis_620",
    b"\x1b-b": "iso8859_15",
    b"\x1b$)A": "gb2312",
    b"\x1b$)C": "euc_kr",
    b"\x1b$B": "iso2022_jp",
    b"\x1b$(D": "iso2022_jp_2",
}
#: Codes of two bytes, each in the place of ASCII: delimiters cannot occur inside, their bytes can.
_DOUBLE_BYTE: Final = frozenset({b"\x1b$B", b"\x1b$(D"})
#: Codecs that have none of the bytes above 127, and those that have a character for two of them.
_SEVEN_BITS: Final = frozenset({"ascii", "iso2022_jp", "iso2022_jp_2"})
_SEVERAL_BYTES: Final = frozenset({"euc_kr", "gb2312"})
_ESCAPE = re.compile(rb"(\x1b(?:\$\([A-Z]|\$\)[A-Z]|\$[A-Z]|[()\-][A-Za-z]))")
#: Characters after which the code is the first one again (PS3.5 6.1.2.5.3); `^` and `=` in names only.
_DELIMITER = re.compile(rb"[\\\r\n\t\f]")
_NAME_DELIMITER = re.compile(rb"[\\\r\n\t\f^=]")

#: Decodes the bytes of a value; the second argument is its value representation.
Decoder = Callable[[bytes, str], str]


def decode_ascii(value: bytes, _vr: str = "") -> str:
    """Decode text of an object that names no character set.

    Where it is not ASCII after all, it is UTF-8 if it can be read so, and Latin-1 otherwise: what
    those senders mean.
    """
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        pass
    try:
        return value.decode("utf_8")
    except UnicodeDecodeError:
        return value.decode("latin_1")


def decoder(values: Sequence[Any]) -> tuple[Decoder, str | None]:
    """Return how to decode text, and what is odd about the character sets, if anything.

    Parameters
    ----------
    values
        Those of Specific Character Set (0008,0005), in order: no text where the element says that it is of another VR.
    """
    terms = [str(value or "") for value in values]
    names = [_normalised(term) for term in terms]
    unknown = [term for term, name in zip(terms, names, strict=True) if name not in _CODECS]
    if unknown:
        finding = f"Specific Character Set {unknown[0][:32]!r} is not known; text is read as UTF-8 or Latin-1."
        return decode_ascii, finding
    codec = _CODECS[names[0]] if names else "ascii"
    if len(names) > 1 or "2022" in "".join(terms):
        return _extended_decoder(codec, [_CODECS[name] for name in names[1:]]), None
    return (decode_ascii if codec == "ascii" else _plain_decoder(codec)), None


def _normalised(term: str) -> str:
    """Return a defined term as it is spelt in the table: senders write ISO-IR 100, ISO_IR_100, ISO 2022 IR 100."""
    words = re.sub(r"[\s_\-]+", " ", term).strip().upper()
    words = words.removeprefix("ISO ").removeprefix("2022 ")
    return f"ISO_IR {words.removeprefix('IR ').lstrip()}" if words.startswith("IR ") else words


def _plain_decoder(codec: str) -> Decoder:
    def decode(value: bytes, _vr: str) -> str:
        return value.decode(codec, "replace")

    return decode


def _extended_decoder(first: str, others: Sequence[str]) -> Decoder:
    unescaped = _unescaped_decoder(first, others)

    def decode(value: bytes, vr: str) -> str:
        if b"\x1b" not in value:
            return unescaped(value, vr)
        delimiter = _NAME_DELIMITER if vr == "PN" else _DELIMITER
        head, *rest = _ESCAPE.split(value)
        parts = [unescaped(head, vr)]
        for escape, text in zip(rest[::2], rest[1::2], strict=True):
            parts.append(_decode_fragment(escape, text, unescaped, delimiter))
        return "".join(parts)

    return decode


def _unescaped_decoder(first: str, others: Sequence[str]) -> Decoder:
    """Decode what no escape sequence stands before.

    Where the first character set is ASCII, other bytes have no meaning there (PS3.5 6.1.2.5.1): senders who forget the
    escape sequence mean another one that they name, or UTF-8, which hardly any text of one byte a character looks like.
    """
    if first != "ascii":
        return _plain_decoder(first)
    several = [codec for codec in others if codec in _SEVERAL_BYTES]
    codecs = [*several, "utf_8", *(codec for codec in others if codec not in _SEVEN_BITS)]

    def decode(value: bytes, vr: str) -> str:
        for codec in () if value.isascii() else codecs:
            try:
                return value.decode(codec)
            except UnicodeDecodeError:
                continue
        return decode_ascii(value, vr)

    return decode


def _decode_fragment(escape: bytes, text: bytes, unescaped: Decoder, delimiter: re.Pattern[bytes]) -> str:
    """Decode what follows an escape sequence, up to the next one."""
    codec = _ESCAPES.get(escape)
    if codec is None:
        return (escape + text).decode("latin_1")
    if escape in _DOUBLE_BYTE:
        return (escape + text).decode(codec, "replace")
    end = found.start() if (found := delimiter.search(text)) else len(text)
    return text[:end].decode(codec, "replace") + unescaped(text[end:], "")
