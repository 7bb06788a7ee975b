"""Read the results back as any DICOM client would, and compare them with the reference."""

import io
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import highdicom as hd
import httpx
import nibabel as nib
import numpy as np
from pydicom import Dataset, dcmread

from kahua.errors import KahuaError

#: DICOM's patient coordinates point left and back, NIfTI's right and front.
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How a segmentation agrees with a reference mask."""

    #: Dice coefficient, 0 (nothing in common) to 1 (equal).
    dice: float
    #: Volumes in millilitres.
    volume: float
    reference_volume: float


def datasets_of(response: httpx.Response) -> list[Dataset]:
    """Read the instances of a WADO-RS answer (multipart/related; PS3.18 section 8.7.3)."""
    head = b"Content-Type: " + response.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser().parsebytes(head + response.content)
    return [dcmread(io.BytesIO(_payload(part))) for part in message.get_payload() if isinstance(part, Message)]


def compare_with_mask(segmentation: Dataset, mask: Path) -> Comparison:
    """Compare a segmentation with a binary mask, voxel by voxel, wherever each lies in the patient.

    Parameters
    ----------
    segmentation
        DICOM SEG; any segment counts.
    mask
        NIfTI with the reference; more than 0 counts.
    """
    volume = hd.seg.Segmentation.from_dataset(segmentation, copy=False).get_volume(combine_segments=True)
    reference: Any = nib.load(mask)
    inside = np.asarray(reference.dataobj) > 0
    labels = volume.array > 0
    millilitres = abs(np.linalg.det(reference.affine[:3, :3])) / 1000
    voxels = np.linalg.inv(reference.affine) @ LPS_TO_RAS @ volume.affine
    found = np.argwhere(labels) @ voxels[:3, :3].T + voxels[:3, 3]
    placed = np.zeros_like(inside)
    placed[tuple(_within(np.rint(found).astype(int), inside.shape).T)] = True
    common = np.count_nonzero(placed & inside)
    return Comparison(
        dice=2 * common / (np.count_nonzero(placed) + np.count_nonzero(inside)),
        volume=float(np.count_nonzero(placed) * millilitres),
        reference_volume=float(np.count_nonzero(inside) * millilitres),
    )


def read_volume_report(report: Dataset) -> dict[str, str]:
    """Read the measurements of a TID 1500 report: value and unit by name."""
    content = hd.sr.srread(_as_file(report)).content
    groups = content.get_volumetric_roi_measurement_groups()
    return {
        measurement.name.meaning: f"{measurement.value:g} {measurement.unit.value}"
        for group in groups
        for measurement in group.get_measurements()
    }


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        raise KahuaError("The answer holds a part that is no DICOM object.")
    return payload


def _within(voxels: Any, shape: tuple[int, ...]) -> Any:
    return voxels[np.all((voxels >= 0) & (voxels < shape), axis=1)]


def _as_file(dataset: Dataset) -> io.BytesIO:
    file = io.BytesIO()
    dataset.save_as(file)
    file.seek(0)
    return file
