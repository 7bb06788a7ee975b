"""A labelmap in the grid of an image to a DICOM segmentation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from kahua import __version__
from kahua.dicom.geometry import VolumeGeometry, check_volume, sort_slices
from kahua.dicom.segmentation import SegmentLabel, build_segmentation
from kahua.errors import InvalidInput
from kahua.workflows.converters import NOTICE
from kahua.workflows.converters.details import as_code, read_details
from kahua.workflows.converters.grids import in_grid, to_ras
from kahua.workflows.converters.series import read_series
from kahua.workflows.specification import Segment

SEGMENTATION = "segmentation.dcm"

#: How far from a whole number a label may be stored.
WHOLE_TOLERANCE = 1e-3

LARGEST_LABEL = 65_535


def labelmap_to_seg(labels: Path, image: Path, details: Path, out: Path) -> None:
    """Write ``segmentation.dcm`` into a folder; where no voxel has a label, only the notice that says so.

    Raises
    ------
    GeometryError
        The labels do not lie in the grid of the image, or the image is no volume.
    InvalidInput
        The file holds no labels, or some that the workflow does not name.
    """
    wanted = read_details(details)
    sources = sort_slices(read_series(image, with_pixels=False))
    labelmap = read_labelmap(labels, check_volume(sources))
    refuse_unknown(labelmap, wanted.segments)
    if not labelmap.any():
        (out / NOTICE).write_text("No voxel of the image has a label: there is nothing to keep.\n", encoding="utf-8")
        return
    dataset = build_segmentation(
        sources,
        labelmap,
        [_segment_label(segment) for segment in wanted.segments],
        series_uid=wanted.series_uid,
        description=wanted.series_description,
        algorithm_name=wanted.algorithm.name,
        algorithm_version=wanted.algorithm.version,
        software_version=__version__,
    )
    dataset.save_as(out / SEGMENTATION, enforce_file_format=True)


def read_labelmap(file: Path, grid: VolumeGeometry) -> NDArray[np.uint16]:
    """Read labels in the order of an image's slices: shape (slice, row, column).

    Raises
    ------
    GeometryError
        They lie in another grid.
    InvalidInput
        The file cannot be read, or holds other numbers than labels.
    """
    try:
        image: Any = nibabel.load(file)
        values = np.asanyarray(image.dataobj)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise InvalidInput(f"The file {file.name} cannot be read as NIfTI: {error}.") from error
    values = (
        values.reshape(values.shape[:3]) if values.ndim > 3 and values.shape[3:].count(1) == values.ndim - 3 else values
    )
    if values.ndim != 3:
        raise InvalidInput(f"The labels have {values.ndim} dimensions; they must have 3.")
    slices, rows, columns = grid.shape
    ordered = in_grid(values, image.affine, (columns, rows, slices), to_ras(grid.affine))
    return _as_labels(ordered).transpose(2, 1, 0)


def refuse_unknown(labelmap: NDArray[np.uint16], segments: Sequence[Segment]) -> None:
    """Refuse labels that no segment has.

    Raises
    ------
    InvalidInput
        Names them.
    """
    unknown = set(np.unique(labelmap).tolist()) - {0} - {segment.label for segment in segments}
    if unknown:
        named = ", ".join(str(label) for label in sorted(unknown)[:10])
        raise InvalidInput(
            f"The labelmap holds the labels {named}, which the workflow does not name.",
            remedy="The maker of the extension has to name every segment in its extension.toml.",
        )


def _segment_label(segment: Segment) -> SegmentLabel:
    return SegmentLabel(
        label=segment.label,
        name=segment.name,
        category=as_code(segment.category),
        type=as_code(segment.type),
        region=as_code(segment.region) if segment.region else None,
        color=segment.color,
    )


def _as_labels(values: NDArray[Any]) -> NDArray[np.uint16]:
    if values.dtype.kind == "f":
        whole = np.rint(values)
        if not np.isfinite(values).all() or np.abs(values - whole).max() > WHOLE_TOLERANCE:
            raise InvalidInput("The labelmap holds numbers that are not whole.", remedy="A label is a whole number.")
        values = whole
    if int(values.min()) < 0 or int(values.max()) > LARGEST_LABEL:
        raise InvalidInput(f"The labelmap holds numbers outside 0 to {LARGEST_LABEL}.")
    return values.astype(np.uint16)
