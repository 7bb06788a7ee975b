"""Whether the pixels of an object may show who the patient is.

Nothing here looks at a pixel: the answer is a suspicion after the kind of object, and no suspicion
is no proof of the contrary.
"""

from typing import Final

from pydicom import Dataset

from kahua.dicom.transfer_syntaxes import encoding_of

#: Modalities whose devices write the patient's name into the picture, or show the patient.
AT_RISK: Final = frozenset({"DOC", "ECG", "ES", "GM", "IVUS", "OP", "OT", "SC", "SM", "US", "XC"})

#: Modalities from whose slices a face can be rendered, and the parts of the body at which there is one.
_VOLUMES: Final = frozenset({"CT", "MR", "PT"})
_WITH_FACE: Final = (
    "BRAIN",
    "EAR",
    "EYE",
    "FACE",
    "HEAD",
    "HEADNECK",
    "JAW",
    "NECK",
    "ORBIT",
    "SINUS",
    "SKULL",
    "WHOLEBODY",
)

#: Secondary Capture and video SOP classes begin so.
_CAPTURES: Final = ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.77.1.1.1", "1.2.840.10008.5.1.4.1.1.77.1.2.1")

#: Conversion types of what was filmed, printed or captured from a screen.
_CAPTURED: Final = frozenset({"DV", "DI", "DF", "WSD", "SD", "SI", "DRW"})


def pixel_risk(dataset: Dataset, *, has_pixels: bool, transfer_syntax_uid: str) -> str:
    """Say in a sentence why the pixels may show who the patient is; empty if nothing hints at that."""
    if not has_pixels:
        return ""
    if _has_embedded_overlay(dataset):
        return "An overlay lies within the pixels."
    burned_in = _text(dataset, "BurnedInAnnotation").upper()
    if burned_in == "YES":
        return "Burned In Annotation says that text is burned into the pixels."
    if burned_in == "NO":
        return ""
    modality = _text(dataset, "Modality").upper()
    if modality in AT_RISK or encoding_of(transfer_syntax_uid).video:
        return f"Pictures of this kind ({modality if modality in AT_RISK else 'video'}) often show the patient's name."
    captured = _text(dataset, "ConversionType").upper() in _CAPTURED
    if captured or _is_capture(_text(dataset, "SOPClassUID"), modality):
        return "It was captured from a screen or a film, which often shows the patient's name."
    return ""


def face_risk(dataset: Dataset, *, has_pixels: bool) -> str:
    """Say in a sentence why a face may be seen in it; empty if nothing hints at that.

    Where nobody said which part of the body it is, it may be the head.
    """
    if not has_pixels or _text(dataset, "Modality").upper() not in _VOLUMES:
        return ""
    part = "".join(_text(dataset, "BodyPartExamined").upper().split())
    if part and not part.startswith(_WITH_FACE):
        return ""
    return "A face may be recognisable in it." if part else "It does not say which part of the body it shows: a face?"


def _is_capture(sop_class_uid: str, modality: str) -> bool:
    """Say whether this is a Secondary Capture; segmentations of old programs are, and show nothing."""
    return any(sop_class_uid == uid or sop_class_uid.startswith(f"{uid}.") for uid in _CAPTURES) and modality != "SEG"


def _has_embedded_overlay(dataset: Dataset) -> bool:
    return any(
        0x60000000 <= tag <= 0x60FFFFFF and tag & 0xFFFF == 0x0102 and (tag & 0xFFFF0000 | 0x3000) not in dataset
        for tag in dataset.keys()  # noqa: SIM118 - the keys of a Dataset, which iterates over its values
    )


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return str(value).strip() if value is not None else ""
