"""What a client accepts: media types, and transfer syntaxes within them (PS3.18 sections 8.7.3 and 8.7.4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache

from kahua.dicom import transfer_syntaxes as syntaxes

ANY = "*"

DICOM = "application/dicom"
OCTETS = "application/octet-stream"

#: What is sent when a client names no transfer syntax (PS3.18 table 8.7.3-2).
EXPLICIT_LITTLE_ENDIAN = syntaxes.EXPLICIT_LITTLE_ENDIAN

#: Uncompressed syntaxes that every client reads.
_LITTLE_ENDIAN = (syntaxes.IMPLICIT_LITTLE_ENDIAN, syntaxes.EXPLICIT_LITTLE_ENDIAN)

#: Syntaxes of the whole data set: a frame alone is as in Explicit VR Little Endian.
_OF_THE_WHOLE = (*_LITTLE_ENDIAN, syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN, syntaxes.PRIVATE_GE)

#: Into what instances are rewritten when a client asks for it; nothing is lost in any of them.
TARGETS = (
    syntaxes.EXPLICIT_LITTLE_ENDIAN,
    syntaxes.JPEG_LS_LOSSLESS,
    syntaxes.JPEG_2000_LOSSLESS,
    syntaxes.HTJ2K_LOSSLESS,
    syntaxes.RLE_LOSSLESS,
)

#: Media type of one frame as it is stored, by the beginning of its transfer syntax (PS3.18 table 8.7.3-5).
_FRAME_TYPES = {
    "image/jpeg": (
        syntaxes.JPEG_BASELINE,
        syntaxes.JPEG_EXTENDED,
        syntaxes.JPEG_LOSSLESS,
        syntaxes.JPEG_LOSSLESS_SV1,
    ),
    "image/jls": (syntaxes.JPEG_LS_LOSSLESS, syntaxes.JPEG_LS_NEAR_LOSSLESS),
    "image/jp2": (syntaxes.JPEG_2000_LOSSLESS, syntaxes.JPEG_2000),
    "image/jphc": (syntaxes.HTJ2K_LOSSLESS, syntaxes.HTJ2K_LOSSLESS_RPCL, syntaxes.HTJ2K),
    "image/jxl": (syntaxes.JPEG_XL_LOSSLESS, syntaxes.JPEG_XL_RECOMPRESSION, syntaxes.JPEG_XL),
    "image/dicom-rle": (syntaxes.RLE_LOSSLESS,),
}
FRAME_TYPE = {syntax: media for media, named in _FRAME_TYPES.items() for syntax in named}


@dataclass(frozen=True, kw_only=True)
class Media:
    """One media type of the header Accept."""

    #: For example ``application/dicom``; of a multipart type, the type of its parts.
    type: str
    multipart: bool
    #: A UID, ``*``, or empty if none is named.
    transfer_syntax: str
    quality: float

    def covers(self, offered: str) -> bool:
        """Whether an offered type is of this one, which may be a range such as ``image/*``."""
        return self.type in (offered, "*/*", offered.split("/")[0] + "/*")


@dataclass(frozen=True, kw_only=True)
class Form:
    """In which form something is sent."""

    media_type: str
    multipart: bool
    transfer_syntax: str


@lru_cache(maxsize=128)
def parse_accept(header: str) -> Sequence[Media]:
    """Read the header Accept, the most wanted first; what cannot be read in it is left out."""
    found = [media for text in _split(header or "*/*") if (media := _media(text))]
    return tuple(sorted((media for media in found if media.quality > 0), key=lambda media: -media.quality))


def choose(accepted: Collection[Media], offered: str, transfer_syntax: str = "") -> Media | None:
    """Give the first wanted form in which something can be sent as it is stored, or None."""
    for media in accepted:
        if media.covers(offered) and media.transfer_syntax in ("", ANY, transfer_syntax):
            return media
    return None


def instance_form(accepted: Sequence[Media], stored: str) -> Form | None:
    """Choose how to send an instance: as stored where that is as welcome as anything else, or rewritten; or None.

    Who names no transfer syntax gets an uncompressed one (PS3.18 table 8.7.3-2); who accepts anything, what is stored.
    """
    forms = [
        (-media.quality, syntax != stored, media, syntax)
        for media in accepted
        if media.covers(DICOM) and (syntax := _instance_syntax(media, stored))
    ]
    if not forms:
        return None
    _, _, media, syntax = min(forms, key=lambda form: form[:2])
    return Form(media_type=DICOM, multipart=media.multipart or media.type != DICOM, transfer_syntax=syntax)


def frame_form(accepted: Sequence[Media], stored: str) -> Form | None:
    """Choose how to send frames: as they are stored, or decoded (then they are native little endian); or None."""
    as_stored = frame_syntax(stored)
    own_type = FRAME_TYPE.get(stored)
    for media in accepted:
        multipart = media.multipart or media.type == "*/*"
        if media.covers(OCTETS):
            named = media.transfer_syntax or (EXPLICIT_LITTLE_ENDIAN if media.type == OCTETS else ANY)
            if named in (ANY, stored, as_stored):
                return Form(media_type=OCTETS, multipart=multipart, transfer_syntax=as_stored)
            if named == EXPLICIT_LITTLE_ENDIAN:
                return Form(media_type=OCTETS, multipart=multipart, transfer_syntax=named)
        elif own_type and media.covers(own_type) and media.transfer_syntax in ("", ANY, stored):
            return Form(media_type=own_type, multipart=multipart, transfer_syntax=stored)
    return None


def frame_syntax(stored: str) -> str:
    """Give the transfer syntax of a frame that is sent as it is stored."""
    return EXPLICIT_LITTLE_ENDIAN if stored in _OF_THE_WHOLE else stored


def _instance_syntax(media: Media, stored: str) -> str | None:
    """Give the transfer syntax in which a client that accepts a media type gets an instance."""
    named = media.transfer_syntax
    if named in (ANY, stored) or (not named and (media.type != DICOM or stored in _LITTLE_ENDIAN)):
        return stored
    wanted = named or EXPLICIT_LITTLE_ENDIAN
    return wanted if wanted in TARGETS else None


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
