"""Series as volumes, and volumes as series.

A volume is an array of shape (slices, rows, columns) with an affine of shape (4, 4) that maps
(column, row, slice) to patient coordinates in mm: x to the left, y to the back, z to the head.
NIfTI has x to the right and y to the front: see `from_nifti` and `to_nifti`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from kahua.dicom.functional_groups import frame_attribute
from kahua.dicom.geometry import FloatArray, VolumeGeometry, check_volume, slice_positions
from kahua.dicom.pixels import read_frames
from kahua.dicom.uids import uid_from
from kahua.errors import GeometryError, InvalidInput

#: SOP classes of the series that we write, by modality.
SOP_CLASSES: Final = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
#: Cosine between two axes of a grid above which it is sheared.
_SHEARED: Final = 1e-3
#: How much larger the spacing along an axis must be to make it the slice axis by itself.
_ANISOTROPIC: Final = 1.3
_NIFTI_TO_DICOM: Final = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Volume:
    """The pixels of a series in space."""

    #: Shape (slices, rows, columns), rescaled: CT numbers, for example.
    array: NDArray[Any]
    #: Shape (4, 4): from (column, row, slice) to patient coordinates in mm.
    affine: FloatArray
    geometry: VolumeGeometry
    #: The instances in the order of the slices; one for each, or a single multi-frame one.
    instances: tuple[Dataset, ...]


def read_volume(instances: Sequence[Dataset]) -> Volume:
    """Read a series of images as a volume.

    Parameters
    ----------
    instances
        The images of one series with their pixels, in any order; classic ones, or one enhanced
        multi-frame image.

    Returns
    -------
    Volume
        Slices in the order of their position along the normal, see `kahua.dicom.geometry`.
        Values are rescaled, slice by slice; whole numbers stay whole where the rescaling allows it.

    Raises
    ------
    GeometryError
        The slices are no volume.
    UndecodablePixels
        The pixels cannot be decoded, or have colours.
    """
    planes = _planes(instances)
    order = np.argsort(slice_positions(planes), kind="stable")
    geometry = check_volume([planes[number] for number in order])
    if len(instances) == 1:
        frames = [_rescaled(frame, instances[0], number) for number, frame in enumerate(read_frames(instances[0]))]
        slices, ordered = [frames[number] for number in order], (instances[0],)
    else:
        ordered = tuple(instances[number] for number in order)
        slices = [_rescaled(next(read_frames(instance)), instance, 0) for instance in ordered]
    if any(each.ndim != 2 for each in slices):
        raise GeometryError("Images in colour are no volume.")
    return Volume(array=np.stack(slices), affine=geometry.affine, geometry=geometry, instances=ordered)


def _planes(instances: Sequence[Dataset]) -> Sequence[Dataset]:
    """Return what says where each slice lies: the instances, or the frames of the only one."""
    if len(instances) != 1 or int(instances[0].get("NumberOfFrames") or 1) == 1:
        if any(int(instance.get("NumberOfFrames") or 1) > 1 for instance in instances):
            raise GeometryError("The series has several multi-frame images.", remedy="Choose one of them.")
        return instances
    image = instances[0]
    planes = []
    for number in range(int(image.NumberOfFrames)):
        plane = Dataset()
        plane.Rows, plane.Columns = image.Rows, image.Columns
        for group, keyword in (
            ("PlanePositionSequence", "ImagePositionPatient"),
            ("PlaneOrientationSequence", "ImageOrientationPatient"),
            ("PixelMeasuresSequence", "PixelSpacing"),
        ):
            setattr(plane, keyword, frame_attribute(image, number, group, keyword))
        planes.append(plane)
    return planes


def _rescaled(frame: NDArray[Any], image: Dataset, number: int) -> NDArray[Any]:
    group = "PixelValueTransformationSequence"
    slope = float(frame_attribute(image, number, group, "RescaleSlope") or 1)
    intercept = float(frame_attribute(image, number, group, "RescaleIntercept") or 0)
    if frame.dtype.kind == "f" or slope != 1 or not intercept.is_integer():
        return (frame * slope + intercept).astype(np.float32)
    wide = frame.astype(np.int64) + int(intercept)
    fits = not wide.size or (wide.min() >= -32768 and wide.max() <= 32767)
    return wide.astype(np.int16 if fits else np.int32)


def from_nifti(data: NDArray[Any], affine: FloatArray) -> tuple[NDArray[Any], FloatArray]:
    """Return array and affine as DICOM has them.

    Parameters
    ----------
    data
        Shape (i, j, k), as nibabel reads it.
    affine
        Shape (4, 4), from (i, j, k) to x right, y front, z head.
    """
    return np.ascontiguousarray(data.transpose(2, 1, 0)), _NIFTI_TO_DICOM @ np.asarray(affine, dtype=float)


def to_nifti(array: NDArray[Any], affine: FloatArray) -> tuple[NDArray[Any], FloatArray]:
    """Return data and affine for nibabel: the way back from `from_nifti`."""
    return array.transpose(2, 1, 0), _NIFTI_TO_DICOM @ affine


def image_series(
    array: NDArray[Any],
    affine: FloatArray,
    *,
    modality: str,
    patient_id: str,
    patient_name: str,
    study_uid: str,
    series_uid: str,
    description: str,
    study_description: str = "",
    series_number: int = 1,
    body_part: str = "",
    study_date: str = "",
    frame_of_reference_uid: str | None = None,
) -> list[Dataset]:
    """Write a volume as a classic series of CT, MR or PET images.

    Parameters
    ----------
    array
        Shape (slices, rows, columns), numbers of any kind.
    affine
        From (column, row, slice) to patient coordinates in mm, oblique if need be, not sheared.
    modality
        CT, MR or PT.
    series_uid
        Series Instance UID. All other UIDs depend on it alone: the same call gives the same series.
    study_uid, patient_id, patient_name, description, study_description, series_number, body_part, study_date
        Attributes of the series; dates are YYYYMMDD or empty.
    frame_of_reference_uid
        That of another series in the same space; None for a new one.

    Returns
    -------
    list[Dataset]
        Instances with File Meta Information, in order of their position. The axes are turned as
        viewers expect them: slices are taken along the axis with the largest spacing, or from the
        feet to the head if there is none; patient left is on the right of the picture.

    Raises
    ------
    GeometryError
        The grid is sheared.
    InvalidInput
        The modality has no SOP class here, or the array has not three dimensions.
    """
    if modality not in SOP_CLASSES:
        raise InvalidInput(f"Images of the modality {modality!r} cannot be written.", field="modality")
    if array.ndim != 3 or 0 in array.shape:
        raise InvalidInput(f"An array of the shape {array.shape} is no volume.", field="array")
    array, affine = conventional(array, affine)
    stored, slope, intercept = _stored(array)
    template = Dataset()
    template.SpecificCharacterSet = "ISO_IR 192"
    template.SOPClassUID = SOP_CLASSES[modality]
    template.ImageType = ["DERIVED", "SECONDARY", "AXIAL" if modality == "CT" else "OTHER"]
    template.StudyDate = template.SeriesDate = template.ContentDate = study_date
    template.StudyTime = template.SeriesTime = template.ContentTime = ""
    template.AccessionNumber = ""
    template.Modality = modality
    template.Manufacturer = "Kahua"
    template.ReferringPhysicianName = ""
    template.StudyDescription = study_description
    template.SeriesDescription = description
    template.PatientName = patient_name
    template.PatientID = patient_id
    template.PatientBirthDate = template.PatientSex = ""
    template.BodyPartExamined = body_part
    template.StudyInstanceUID = study_uid
    template.SeriesInstanceUID = series_uid
    template.StudyID = ""
    template.SeriesNumber = series_number
    template.FrameOfReferenceUID = frame_of_reference_uid or uid_from("frame of reference", series_uid)
    template.PositionReferenceIndicator = ""
    _set_modality(template, modality)
    _set_grid(template, affine)
    template.SamplesPerPixel = 1
    template.PhotometricInterpretation = "MONOCHROME2"
    template.Rows, template.Columns = array.shape[1:]
    template.BitsAllocated = template.BitsStored = 16
    template.HighBit = 15
    template.PixelRepresentation = int(stored.dtype.kind == "i")
    template.RescaleIntercept, template.RescaleSlope = _decimal(intercept), _decimal(slope)
    template.RescaleType = "HU" if modality == "CT" else "US"
    return [_slice(template, stored[number], number, affine) for number in range(len(stored))]


def _slice(template: Dataset, pixels: NDArray[Any], number: int, affine: FloatArray) -> Dataset:
    instance = Dataset()
    instance.update(template)
    instance.SOPInstanceUID = uid_from("instance", template.SeriesInstanceUID, str(number))
    instance.InstanceNumber = number + 1
    instance.ImagePositionPatient = [_decimal(value) for value in affine[:3, 3] + number * affine[:3, 2]]
    instance.add_new("PixelData", "OW", pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.file_meta.MediaStorageSOPClassUID = UID(instance.SOPClassUID)
    instance.file_meta.MediaStorageSOPInstanceUID = UID(instance.SOPInstanceUID)
    return instance


def _set_modality(template: Dataset, modality: str) -> None:
    """Set what the modality's module wants and a volume does not tell: present, and empty."""
    empty = {
        "CT": ("KVP", "AcquisitionNumber"),
        "MR": ("ScanOptions", "RepetitionTime", "EchoTime", "EchoTrainLength", "MRAcquisitionType"),
        "PT": ("AcquisitionDate", "AcquisitionTime"),
    }[modality]
    for keyword in empty:
        setattr(template, keyword, None)
    if modality == "MR":
        template.ScanningSequence, template.SequenceVariant = "RM", "NONE"


def _set_grid(template: Dataset, affine: FloatArray) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / spacing
    template.PixelSpacing = [_decimal(spacing[1]), _decimal(spacing[0])]
    template.SliceThickness = template.SpacingBetweenSlices = _decimal(spacing[2])
    template.ImageOrientationPatient = [_decimal(value) for value in (*directions[:, 0], *directions[:, 1])]


def _decimal(value: float) -> str:
    """Return a number as a decimal string of at most 16 characters (PS3.5 6.2)."""
    text = f"{float(value):.10g}"
    return text if len(text) <= 16 else f"{float(value):.9e}"


def _stored(array: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """Return 16-bit values with the slope and intercept that give the array back, exactly for whole numbers."""
    low, high = float(np.nanmin(array)), float(np.nanmax(array))
    if array.dtype.kind in "iub" and high - low <= 65535:
        if low >= 0 and high <= 65535:
            return array.astype(np.uint16), 1.0, 0.0
        if low >= -32768 and high <= 32767:
            return array.astype(np.int16), 1.0, 0.0
        return (array.astype(np.int64) - int(low)).astype(np.uint16), 1.0, low
    if not np.isfinite([low, high]).all():
        raise InvalidInput("The image has values that are infinite or no numbers only.", field="array")
    slope = float(_decimal((high - low) / 65535)) or 1.0
    intercept = float(_decimal(low))
    scaled = (np.nan_to_num(array.astype(np.float64), nan=low) - intercept) / slope
    return np.clip(np.rint(scaled), 0, 65535).astype(np.uint16), slope, intercept


def conventional(array: NDArray[Any], affine: FloatArray) -> tuple[NDArray[Any], FloatArray]:
    """Turn and flip the axes of a volume to the order in which people look at slices; no value changes.

    Axial slices have columns to the left and rows to the back, coronal ones columns to the left and
    rows to the feet, sagittal ones columns to the back and rows to the feet. Slices go to the
    left, to the back or to the head.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if (spacing == 0).any() or not np.isfinite(affine).all():
        raise GeometryError("The affine of the image is no grid in space.")
    directions = affine[:3, :3] / spacing
    if np.abs(directions.T @ directions - np.eye(3)).max() > _SHEARED:
        raise GeometryError("The grid of the image is sheared.", remedy="Resample it to right angles first.")
    along = _patient_axes(directions)
    normal = _slice_axis(spacing, along)
    column_axis, row_axis = {2: (0, 1), 1: (0, 2), 0: (1, 2)}[normal]
    axes = [along.index(axis) for axis in (column_axis, row_axis, normal)]
    towards = [1, -1 if row_axis == 2 else 1, 1]
    turned = np.eye(4)
    turned[:3, :3], turned[:3, 3] = affine[:3, axes], affine[:3, 3]
    # Axes of the array are in the opposite order: slice, row, column.
    turned_array = array.transpose([2 - axis for axis in reversed(axes)])
    for place, (patient_axis, wanted) in enumerate(zip((column_axis, row_axis, normal), towards, strict=True)):
        if turned[patient_axis, place] * wanted < 0:
            turned_array = np.flip(turned_array, 2 - place)
            turned[:3, 3] += turned[:3, place] * (turned_array.shape[2 - place] - 1)
            turned[:3, place] *= -1
    return np.ascontiguousarray(turned_array), turned


def _patient_axes(directions: FloatArray) -> list[int]:
    """Return for each axis of the grid the patient axis that it is closest to, each once."""
    closeness = np.abs(directions)
    axes = [-1, -1, -1]
    for _ in range(3):
        patient_axis, axis = np.unravel_index(int(np.argmax(closeness)), (3, 3))
        axes[int(axis)] = int(patient_axis)
        closeness[patient_axis, :] = closeness[:, axis] = -1
    return axes


def _slice_axis(spacing: FloatArray, along: list[int]) -> int:
    """Return the patient axis along which slices are taken."""
    widest = int(np.argmax(spacing))
    others = np.delete(spacing, widest)
    return along[widest] if spacing[widest] > _ANISOTROPIC * others.max() else 2
