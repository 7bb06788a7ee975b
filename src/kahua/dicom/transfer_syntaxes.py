"""Transfer syntaxes: how a data set is encoded."""

from dataclasses import dataclass

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
#: Implicit VR, little endian, but pixels in big-endian order: left by old GE systems.
PRIVATE_GE = "1.2.840.113619.5.2"

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_LOSSLESS_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K = "1.2.840.10008.1.2.4.203"
JPEG_XL_LOSSLESS = "1.2.840.10008.1.2.4.110"
JPEG_XL_RECOMPRESSION = "1.2.840.10008.1.2.4.111"
JPEG_XL = "1.2.840.10008.1.2.4.112"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"

#: Beginning of the UIDs of MPEG2, MPEG-4 and HEVC: 1.2.840.10008.1.2.4.100 to .108.
VIDEO = "1.2.840.10008.1.2.4.10"

#: Syntaxes whose pixels lie uncompressed in the data set.
NATIVE = frozenset(
    {
        IMPLICIT_LITTLE_ENDIAN,
        EXPLICIT_LITTLE_ENDIAN,
        DEFLATED_EXPLICIT_LITTLE_ENDIAN,
        EXPLICIT_BIG_ENDIAN,
        PRIVATE_GE,
    }
)

#: Compressed syntaxes for which `kahua.dicom.decoders` has a decoder.
DECODED = frozenset(
    {
        JPEG_BASELINE,
        JPEG_EXTENDED,
        JPEG_LOSSLESS,
        JPEG_LOSSLESS_SV1,
        JPEG_LS_LOSSLESS,
        JPEG_LS_NEAR_LOSSLESS,
        JPEG_2000_LOSSLESS,
        JPEG_2000,
        HTJ2K_LOSSLESS,
        HTJ2K_LOSSLESS_RPCL,
        HTJ2K,
        JPEG_XL_LOSSLESS,
        JPEG_XL_RECOMPRESSION,
        JPEG_XL,
        RLE_LOSSLESS,
        DEFLATED_FRAME,
    }
)

#: Syntaxes out of which `kahua.dicom.transcoding` makes uncompressed ones; neither private ones nor video.
CONVERTED = (NATIVE - {PRIVATE_GE}) | DECODED

#: Uncompressed syntaxes into which it converts, the better one first: it says of what kind each value is.
PLAIN = (EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN)


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What a reader must know to walk a data set."""

    #: Value representations are not written, but looked up by tag.
    implicit: bool = False
    big_endian: bool = False
    #: The whole data set is one deflate stream.
    deflated: bool = False
    #: Pixel Data is a sequence of fragments.
    encapsulated: bool = False
    #: All frames are one stream.
    video: bool = False


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return how a transfer syntax encodes a data set; an unknown one is explicit and encapsulated (PS3.5 A.4)."""
    return Encoding(
        implicit=transfer_syntax_uid in {IMPLICIT_LITTLE_ENDIAN, PRIVATE_GE},
        big_endian=transfer_syntax_uid == EXPLICIT_BIG_ENDIAN,
        deflated=transfer_syntax_uid == DEFLATED_EXPLICIT_LITTLE_ENDIAN,
        encapsulated=transfer_syntax_uid not in NATIVE,
        video=transfer_syntax_uid.startswith(VIDEO),
    )


def is_mpeg2(transfer_syntax_uid: str) -> bool:
    """Whether it is MPEG2, which browsers do not play (PS3.5 section 8.2.5)."""
    return transfer_syntax_uid.startswith((f"{VIDEO}0", f"{VIDEO}1"))


def decodes_to_rgb(transfer_syntax_uid: str) -> bool:
    """Whether decoders of a transfer syntax convert colours to RGB by themselves: JPEG and JPEG 2000, not JPEG-LS."""
    jpeg, jpeg_ls = "1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.4.8"
    return transfer_syntax_uid.startswith(jpeg) and not transfer_syntax_uid.startswith(jpeg_ls)
