"""What a client accepts: media types, and transfer syntaxes within them (PS3.18 sections 8.7.3 and 8.7.4)."""

from collections.abc import Collection
from dataclasses import dataclass
from email.message import Message

ANY = "*"

#: What is sent when a client of native frames names no transfer syntax (PS3.18 table 8.7.3-2).
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, kw_only=True)
class Media:
    """One media type of the header Accept."""

    #: For example ``application/dicom``; of a multipart type, the type of its parts.
    type: str
    multipart: bool
    #: A UID, ``*``, or empty if none is named.
    transfer_syntax: str
    quality: float


def parse_accept(header: str) -> list[Media]:
    """Read the header Accept, the most wanted first; what cannot be read in it is left out."""
    found = [media for text in _split(header or "*/*") if (media := _media(text))]
    return sorted(found, key=lambda media: -media.quality)


def choose(accepted: Collection[Media], offered: str, transfer_syntax: str) -> Media | None:
    """Give the first wanted form in which something can be sent as it is stored, or None."""
    for media in accepted:
        fits_type = media.type in (offered, "*/*", offered.split("/")[0] + "/*")
        if fits_type and media.transfer_syntax in ("", ANY, transfer_syntax):
            return media
    return None


def _split(header: str) -> list[str]:
    parts, quoted, current = [], False, ""
    for letter in header:
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [part.strip() for part in (*parts, current) if part.strip()]


def _media(text: str) -> Media | None:
    message = Message()
    message["Content-Type"] = text.replace("\r", " ").replace("\n", " ")
    main = text.split(";")[0].strip().lower()
    if main.count("/") != 1:
        return None
    multipart = main == "multipart/related"
    inner = str(message.get_param("type", "*/*") if multipart else main).strip().lower()
    syntax = str(message.get_param("transfer-syntax", "") or "")
    return Media(type=inner, multipart=multipart, transfer_syntax=syntax, quality=_quality(message.get_param("q", "1")))


def _quality(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0
