"""Structure sets of radiotherapy for tests (PS3.3 A.19)."""

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from kahua.dicom import uid_from
from kahua.testing.states import item, reference

RT_STRUCTURE_SET_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"

#: Attributes of patient, study and frame of reference, which are those of the image.
_OF_IMAGE = (
    *("SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "Manufacturer"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator"),
)


def structure_set(
    images: Sequence[Dataset],
    marked: Sequence[Dataset],
    *,
    color: tuple[int, int, int] = (255, 0, 255),
    seed: str = "structures",
) -> Dataset:
    """Return a structure set of a series: one region, a square of 120 mm on each slice that is marked."""
    made = Dataset()
    for keyword in _OF_IMAGE:
        setattr(made, keyword, images[0].get(keyword))
    made.SOPClassUID, made.Modality = RT_STRUCTURE_SET_STORAGE, "RTSTRUCT"
    made.SOPInstanceUID, made.SeriesInstanceUID = uid_from("instance", seed), uid_from("series", seed)
    made.SeriesNumber, made.InstanceNumber, made.SeriesDescription = 8, 1, "Structures"
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "STRUCTURES", "20240229", "101500"
    made.ReferencedFrameOfReferenceSequence = Items([_frame_of_reference(images)])
    region = item(ROINumber=1, ROIName="Square", ROIGenerationAlgorithm="MANUAL")
    region.ReferencedFrameOfReferenceUID = images[0].FrameOfReferenceUID
    made.StructureSetROISequence = Items([region])
    contours = Items([_square(image) for image in marked])
    made.ROIContourSequence = Items([item(ReferencedROINumber=1, ROIDisplayColor=[*color], ContourSequence=contours)])
    observation = item(ObservationNumber=1, ReferencedROINumber=1, RTROIInterpretedType="ORGAN", ROIInterpreter="")
    made.RTROIObservationsSequence = Items([observation])
    return made


def _frame_of_reference(images: Sequence[Dataset]) -> Dataset:
    series = item(SeriesInstanceUID=images[0].SeriesInstanceUID)
    series.ContourImageSequence = Items([reference(image) for image in images])
    study = item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=images[0].StudyInstanceUID)
    study.RTReferencedSeriesSequence = Items([series])
    return item(FrameOfReferenceUID=images[0].FrameOfReferenceUID, RTReferencedStudySequence=Items([study]))


def _square(image: Dataset) -> Dataset:
    x, y, z = (float(value) for value in image.ImagePositionPatient)
    corners = [(x + 60, y + 60), (x + 180, y + 60), (x + 180, y + 180), (x + 60, y + 180)]
    return item(
        ContourImageSequence=Items([reference(image)]),
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=len(corners),
        ContourData=[value for across, down in corners for value in (across, down, z)],
    )
