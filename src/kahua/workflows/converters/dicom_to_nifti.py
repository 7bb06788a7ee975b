"""A DICOM series to a NIfTI volume."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from kahua.dicom.volume import Volume, read_volume, to_nifti
from kahua.workflows.converters.series import read_series

#: The coordinates are those of the scanner (NIfTI-1, ``qform_code``).
SCANNER = 1


def dicom_to_nifti(folder: Path, target: Path) -> None:
    """Write the volume of a series, as one file.

    Axes are column, row, slice, slices along their normal; coordinates in mm, to the right, the front and the head.
    Values are those that Rescale Slope and Intercept give, as int16 where they are such numbers, else as float32.

    Raises
    ------
    GeometryError
        The slices are no volume: a localiser, several stacks, a missing or doubled slice.
    DicomRefused
        A file or its pixels cannot be read.
    """
    image = as_nifti(read_volume(read_series(folder)))
    part = target.with_name(f"part-{target.name}")
    nibabel.save(image, part)
    part.rename(target)


def as_nifti(volume: Volume) -> Any:
    """Make a NIfTI image of a volume of DICOM."""
    values, affine = to_nifti(_compact(volume.array), volume.affine)
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, SCANNER)
    image.set_sform(affine, SCANNER)
    return image


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    """Take the smallest type that readers of NIfTI expect and that holds the values."""
    limits = np.iinfo(np.int16)
    whole = values.dtype.kind in "iu" or bool((values == np.rint(values)).all())
    if whole and values.min() >= limits.min and values.max() <= limits.max:
        return values.astype(np.int16, copy=False)
    return values.astype(np.float32, copy=False)
