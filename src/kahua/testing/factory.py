"""DICOM objects for tests, made by code that can be read: no file, no patient.

Series have true geometry and show the phantom of `kahua.testing.phantom`, so that converters,
viewers and models see something that is upright, has a left and a right, and has a volume.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from kahua.dicom import transfer_syntaxes, uid_from, write_file_meta
from kahua.testing import phantom
from kahua.testing.compression import encode_pixels

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY_CAPTURE_STORAGE = "1.2.840.10008.5.1.4.1.1.7"

#: Direction of rows and columns in patient coordinates (PS3.3 C.7.6.2.1.1).
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def ct_series(
    *,
    slices: int = 4,
    rows: int = 32,
    columns: int = 32,
    seed: str = "ct",
    patient_id: str = "PHANTOM-1",
    patient_name: str = "Phantom^Head",
    **attributes: Any,
) -> list[Dataset]:
    """Return a CT series of the phantom, slices from the feet to the head.

    Parameters
    ----------
    slices, rows, columns
        Size of the volume; it covers 240 mm along rows and columns, slices are 3 mm apart.
    seed
        From which all UIDs are made: the same seed gives the same series.
    patient_id, patient_name
        Whose head it is; the Patient ID goes into the Study Instance UID.
    attributes
        By keyword: set on each instance in the end, over everything else.
    """
    stored = phantom.ct((slices, rows, columns)) + 1024
    series = _series(stored.astype(np.uint16), CT_IMAGE_STORAGE, "CT", seed, patient_id, patient_name)
    for instance in series:
        instance.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        instance.SeriesDescription = "Head 3.0"
        instance.KVP = "120"
        instance.AcquisitionNumber = 1
        instance.ConvolutionKernel = "H30"
        instance.RescaleIntercept = "-1024"
        instance.RescaleSlope = "1"
        instance.RescaleType = "HU"
        instance.WindowCenter = "40"
        instance.WindowWidth = "400"
        _set(instance, attributes)
    return series


def mr_series(
    *,
    slices: int = 4,
    rows: int = 32,
    columns: int = 32,
    seed: str = "mr",
    patient_id: str = "PHANTOM-1",
    patient_name: str = "Phantom^Head",
    **attributes: Any,
) -> list[Dataset]:
    """Return a T1-weighted MR series of the phantom; the arguments are those of `ct_series`."""
    stored = phantom.mr((slices, rows, columns)).astype(np.uint16)
    series = _series(stored, MR_IMAGE_STORAGE, "MR", seed, patient_id, patient_name)
    for instance in series:
        instance.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM"]
        instance.SeriesDescription = "T1 MPRAGE"
        instance.ScanningSequence = ["GR", "IR"]
        instance.SequenceVariant = "MP"
        instance.ScanOptions = ""
        instance.MRAcquisitionType = "3D"
        instance.RepetitionTime = "2300"
        instance.EchoTime = "2.98"
        instance.InversionTime = "900"
        instance.FlipAngle = "9"
        instance.MagneticFieldStrength = "3"
        instance.EchoTrainLength = 1
        _set(instance, attributes)
    return series


def picture(
    pixels: NDArray[Any], *, seed: str = "picture", photometric: str = "MONOCHROME2", **attributes: Any
) -> Dataset:
    """Return a Secondary Capture of any pixels.

    Parameters
    ----------
    pixels
        Shape (rows, columns), (rows, columns, 3) or, with several frames, (frames, rows, columns[, 3]);
        8 or 16 bits, signed or not.
    seed
        From which all UIDs are made.
    photometric
        Photometric Interpretation.
    attributes
        By keyword: set in the end, over everything else.
    """
    samples = 3 if pixels.shape[-1] == 3 and pixels.ndim > 2 else 1
    frames = pixels if pixels.ndim - (samples == 3) == 3 else pixels[np.newaxis]
    instance = _instance(SECONDARY_CAPTURE_STORAGE, "OT", seed, 1, "PHANTOM-1", "Phantom^Head")
    instance.ConversionType = "SYN"
    _set_pixels(instance, frames, photometric, samples)
    if len(frames) > 1:
        instance.NumberOfFrames = len(frames)
    _set(instance, attributes)
    return instance


def _series(
    stored: NDArray[np.uint16], sop_class_uid: str, modality: str, seed: str, patient_id: str, patient_name: str
) -> list[Dataset]:
    slices, rows, columns = stored.shape
    spacing = [240 / rows, 240 / columns]
    series = []
    for number in range(slices):
        instance = _instance(sop_class_uid, modality, seed, number + 1, patient_id, patient_name)
        instance.FrameOfReferenceUID = uid_from("frame of reference", seed)
        instance.PositionReferenceIndicator = ""
        instance.PatientPosition = "HFS"
        instance.BodyPartExamined = "HEAD"
        instance.SliceThickness = "3"
        instance.PixelSpacing = [f"{each:.6g}" for each in spacing]
        instance.ImageOrientationPatient = [f"{each:g}" for each in AXIAL]
        instance.ImagePositionPatient = ["-120", "-120", f"{3 * (number - (slices - 1) / 2):g}"]
        _set_pixels(instance, stored[number : number + 1], "MONOCHROME2", 1)
        series.append(instance)
    return series


def _instance(sop_class_uid: str, modality: str, seed: str, number: int, patient_id: str, patient_name: str) -> Dataset:
    instance = Dataset()
    instance.SpecificCharacterSet = "ISO_IR 192"
    instance.SOPClassUID = sop_class_uid
    instance.SOPInstanceUID = uid_from("instance", seed, str(number))
    instance.StudyDate = instance.SeriesDate = instance.AcquisitionDate = instance.ContentDate = "20240229"
    instance.StudyTime = instance.SeriesTime = instance.AcquisitionTime = instance.ContentTime = "101500"
    instance.AccessionNumber = "A1"
    instance.Modality = modality
    instance.Manufacturer = "Kahua"
    instance.ManufacturerModelName = "Phantom"
    instance.ReferringPhysicianName = ""
    instance.StudyDescription = "Phantom study"
    instance.PatientName = patient_name
    instance.PatientID = patient_id
    instance.PatientBirthDate = "19700101"
    instance.PatientSex = "O"
    instance.StudyInstanceUID = uid_from("study", patient_id)
    instance.SeriesInstanceUID = uid_from("series", seed)
    instance.StudyID = "1"
    instance.SeriesNumber = 1
    instance.InstanceNumber = number
    return instance


def _set_pixels(instance: Dataset, frames: NDArray[Any], photometric: str, samples: int) -> None:
    bits = frames.dtype.itemsize * 8
    instance.SamplesPerPixel = samples
    instance.PhotometricInterpretation = photometric
    if samples > 1:
        instance.PlanarConfiguration = 0
    instance.Rows, instance.Columns = frames.shape[1:3]
    instance.BitsAllocated = instance.BitsStored = bits
    instance.HighBit = bits - 1
    instance.PixelRepresentation = int(frames.dtype.kind == "i")
    data = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    instance.add_new("PixelData", "OW" if bits == 16 else "OB", data + b"\0" * (len(data) % 2))


def _set(instance: Dataset, attributes: dict[str, Any]) -> None:
    for keyword, value in attributes.items():
        setattr(instance, keyword, value)


def data_set_bytes(instance: Dataset, transfer_syntax_uid: str = transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN) -> bytes:
    """Return the encoded data set as DIMSE sends it, without File Meta Information.

    The pixels of the instance are native; they are compressed if the transfer syntax says so.
    """
    written = Dataset()
    written.update(instance)
    if "PixelData" in written:
        encode_pixels(written, transfer_syntax_uid)
    encoding = transfer_syntaxes.encoding_of(transfer_syntax_uid)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = encoding.implicit
    buffer.is_little_endian = not encoding.big_endian
    write_dataset(buffer, written)
    encoded: bytes = buffer.getvalue()
    return _deflate(encoded) if encoding.deflated else encoded


def _deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflater.compress(data) + deflater.flush()
    return deflated + b"\0" * (len(deflated) % 2)


def part10(instance: Dataset, transfer_syntax_uid: str = transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN) -> bytes:
    """Return a Part 10 file of an instance, see `data_set_bytes`."""
    meta = write_file_meta(
        sop_class_uid=instance.SOPClassUID,
        sop_instance_uid=instance.SOPInstanceUID,
        transfer_syntax_uid=transfer_syntax_uid,
    )
    return meta + data_set_bytes(instance, transfer_syntax_uid)


def segmentation(sources: Sequence[Dataset], *, seed: str = "segmentation") -> Dataset:
    """Return a segmentation of the brain and the lesion of the phantom, on a series of this factory."""
    # Late: highdicom costs a second, and few tests need it.
    from kahua.dicom.segmentation import SegmentLabel, build_segmentation

    labels = phantom.labels((len(sources), sources[0].Rows, sources[0].Columns))
    names = [region.name for region in phantom.HEAD]
    segments = [SegmentLabel(label=names.index(name) + 1, name=name.title()) for name in ("brain", "lesion")]
    wanted = np.isin(labels, [segment.label for segment in segments])
    return build_segmentation(
        sources,
        np.where(wanted, labels, 0),
        segments,
        series_uid=uid_from("series", seed),
        description="Phantom segmentation",
        algorithm_name="phantom",
        algorithm_version="1",
    )
