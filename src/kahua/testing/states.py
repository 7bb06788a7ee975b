"""Presentation states for tests (PS3.3 A.33.1)."""

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from kahua.dicom import uid_from

GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE = "1.2.840.10008.5.1.4.1.1.11.1"

#: Attributes of patient and study, which are those of the image.
_OF_STUDY = (
    *("SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "Manufacturer"),
)


def presentation_state(images: Sequence[Dataset], *, seed: str = "state", **attributes: Any) -> Dataset:
    """Return a state that shows whole images, 12 bits as they are, by a window of 40 ± 200; attributes are set last."""
    state = Dataset()
    for keyword in _OF_STUDY:
        setattr(state, keyword, images[0].get(keyword))
    state.SOPClassUID = GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE
    state.SOPInstanceUID, state.SeriesInstanceUID = uid_from("instance", seed), uid_from("series", seed)
    state.Modality, state.SeriesNumber, state.InstanceNumber = "PR", 9, 1
    state.PresentationCreationDate, state.PresentationCreationTime = "20240229", "101500"
    state.ContentLabel, state.ContentDescription, state.ContentCreatorName = "STATE", "", ""
    series = Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedImageSequence = Items([reference(image) for image in images])
    state.ReferencedSeriesSequence = Items([series])
    state.RescaleIntercept, state.RescaleSlope, state.RescaleType = "-1024", "1", "HU"
    state.SoftcopyVOILUTSequence = Items([item(WindowCenter="40", WindowWidth="400")])
    state.PresentationLUTShape = "IDENTITY"
    state.ImageRotation, state.ImageHorizontalFlip = 0, "N"
    state.DisplayedAreaSelectionSequence = Items([area(1, 1, images[0].Columns, images[0].Rows)])
    for keyword, value in attributes.items():
        setattr(state, keyword, value)
    return state


def reference(image: Dataset) -> Dataset:
    """Return an item that names an image."""
    return item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)


def area(left: int, top: int, right: int, lower: int) -> Dataset:
    """Return a displayed area."""
    return item(
        DisplayedAreaTopLeftHandCorner=[left, top],
        DisplayedAreaBottomRightHandCorner=[right, lower],
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelAspectRatio=[1, 1],
    )


def item(**attributes: Any) -> Dataset:
    """Return an item with attributes by keyword."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made
