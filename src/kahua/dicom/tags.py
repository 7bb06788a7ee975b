"""The attributes by which an archive finds objects, and their value representations.

They are the attributes of a QIDO-RS answer (PS3.18 tables 10.6.3-3 to 10.6.3-5) and what people
filter by. A tag is written as in DICOM JSON: eight hexadecimal digits.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

_STUDY: Final[Mapping[str, str]] = {
    "00080005": "CS",  # Specific Character Set
    "00080020": "DA",  # Study Date
    "00080030": "TM",  # Study Time
    "00080050": "SH",  # Accession Number
    "00080080": "LO",  # Institution Name
    "00080090": "PN",  # Referring Physician's Name
    "00080201": "SH",  # Timezone Offset From UTC
    "00081030": "LO",  # Study Description
    "00100010": "PN",  # Patient's Name
    "00100020": "LO",  # Patient ID
    "00100021": "LO",  # Issuer of Patient ID
    "00100030": "DA",  # Patient's Birth Date
    "00100040": "CS",  # Patient's Sex
    "00101010": "AS",  # Patient's Age
    "00101020": "DS",  # Patient's Size
    "00101030": "DS",  # Patient's Weight
    "0020000D": "UI",  # Study Instance UID
    "00200010": "SH",  # Study ID
}
_SERIES: Final[Mapping[str, str]] = {
    "00080021": "DA",  # Series Date
    "00080031": "TM",  # Series Time
    "00080060": "CS",  # Modality
    "00080070": "LO",  # Manufacturer
    "00081010": "SH",  # Station Name
    "0008103E": "LO",  # Series Description
    "00081090": "LO",  # Manufacturer's Model Name
    "00180010": "LO",  # Contrast/Bolus Agent
    "00180015": "CS",  # Body Part Examined
    "00180020": "CS",  # Scanning Sequence
    "00180021": "CS",  # Sequence Variant
    "00180022": "CS",  # Scan Options
    "00180023": "CS",  # MR Acquisition Type
    "00180024": "SH",  # Sequence Name
    "00180060": "DS",  # KVP
    "00180080": "DS",  # Repetition Time
    "00180082": "DS",  # Inversion Time
    "00180087": "DS",  # Magnetic Field Strength
    "00180088": "DS",  # Spacing Between Slices
    "00181000": "LO",  # Device Serial Number
    "00181020": "LO",  # Software Versions
    "00181030": "LO",  # Protocol Name
    "00181210": "SH",  # Convolution Kernel
    "00181314": "DS",  # Flip Angle
    "00185100": "CS",  # Patient Position
    "00200011": "IS",  # Series Number
    "0020000E": "UI",  # Series Instance UID
    "00200052": "UI",  # Frame of Reference UID
    "00200060": "CS",  # Laterality
    "00400244": "DA",  # Performed Procedure Step Start Date
    "00400245": "TM",  # Performed Procedure Step Start Time
    "00400254": "LO",  # Performed Procedure Step Description
}
_INSTANCE: Final[Mapping[str, str]] = {
    "00080008": "CS",  # Image Type
    "00080012": "DA",  # Instance Creation Date
    "00080013": "TM",  # Instance Creation Time
    "00080016": "UI",  # SOP Class UID
    "00080018": "UI",  # SOP Instance UID
    "00080022": "DA",  # Acquisition Date
    "00080023": "DA",  # Content Date
    "00080032": "TM",  # Acquisition Time
    "00080033": "TM",  # Content Time
    "00180050": "DS",  # Slice Thickness
    "00180081": "DS",  # Echo Time
    "00180086": "IS",  # Echo Number(s)
    "00181060": "DS",  # Trigger Time
    "00181164": "DS",  # Imager Pixel Spacing
    "00189087": "FD",  # Diffusion b-value
    "00200012": "IS",  # Acquisition Number
    "00200013": "IS",  # Instance Number
    "00200032": "DS",  # Image Position (Patient)
    "00200037": "DS",  # Image Orientation (Patient)
    "00200100": "IS",  # Temporal Position Identifier
    "00201041": "DS",  # Slice Location
    "00280002": "US",  # Samples per Pixel
    "00280004": "CS",  # Photometric Interpretation
    "00280006": "US",  # Planar Configuration
    "00280008": "IS",  # Number of Frames
    "00280010": "US",  # Rows
    "00280011": "US",  # Columns
    "00280030": "DS",  # Pixel Spacing
    "00280034": "IS",  # Pixel Aspect Ratio
    "00280100": "US",  # Bits Allocated
    "00280101": "US",  # Bits Stored
    "00280102": "US",  # High Bit
    "00280103": "US",  # Pixel Representation
    "00280301": "CS",  # Burned In Annotation
    "00281050": "DS",  # Window Center
    "00281051": "DS",  # Window Width
    "00281052": "DS",  # Rescale Intercept
    "00281053": "DS",  # Rescale Slope
    "00282110": "CS",  # Lossy Image Compression
    "0040A491": "CS",  # Completion Flag
    "0040A493": "CS",  # Verification Flag
    "00420010": "ST",  # Document Title
    "00420012": "LO",  # MIME Type of Encapsulated Document
    "00620001": "CS",  # Segmentation Type
    "00700080": "CS",  # Content Label
    "00700081": "LO",  # Content Description
    "30060002": "SH",  # Structure Set Label
    "30060004": "LO",  # Structure Set Name
}

STUDY_TAGS: Final = tuple(_STUDY)
SERIES_TAGS: Final = tuple(_SERIES)
INSTANCE_TAGS: Final = tuple(_INSTANCE)
#: Everything that `kahua.dicom.scan` reads.
INDEX_TAGS: Final = tuple(sorted({*STUDY_TAGS, *SERIES_TAGS, *INSTANCE_TAGS}))
#: Value representation of each of INDEX_TAGS.
INDEX_VRS: Final[Mapping[str, str]] = MappingProxyType({**_STUDY, **_SERIES, **_INSTANCE})

#: Sequences that lead to the series to which an object refers, and those whose items name one.
REFERENCE_PATHS: Final = frozenset(
    {
        0x00081115,  # Referenced Series Sequence
        0x00081200,  # Studies Containing Other Referenced Instances Sequence
        0x0040A375,  # Current Requested Procedure Evidence Sequence
        0x0040A385,  # Pertinent Other Evidence Sequence
        0x30060010,  # Referenced Frame of Reference Sequence
        0x30060012,  # RT Referenced Study Sequence
        0x30060014,  # RT Referenced Series Sequence
    }
)
SERIES_REFERENCES: Final = frozenset({0x00081115, 0x30060014})


def attributes(elements: Mapping[str, dict[str, Any]], tags: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return those of the elements that have one of the tags, in the order of the tags."""
    return {tag: elements[tag] for tag in sorted(tags) if tag in elements}
