"""Where the frames of image files lie in the patient, so that something else can be drawn on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from kahua.dicom.functional_groups import frame_attribute
from kahua.dicom.geometry import FloatArray
from kahua.dicom.pictures import preview_picture
from kahua.dicom.pixels import read_frame

#: Largest distance, in mm, of something from the plane of the slice on which it is drawn.
NEAR: Final = 1.0

#: Most frames of all files together that are looked at.
_MOST_PLACES: Final = 20_000

#: What is read of a file to know where its frames lie.
_WANTED: Final = (
    *("SOPInstanceUID", "NumberOfFrames", "Rows", "Columns", "PixelSpacing", "ImagePositionPatient"),
    *("ImageOrientationPatient", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The plane of a frame, in mm, in patient coordinates (PS3.3 C.7.6.2)."""

    #: Middle of the first pixel.
    origin: FloatArray
    #: Steps from one column, and from one row, to the next.
    column_step: FloatArray
    row_step: FloatArray

    @property
    def normal(self) -> FloatArray:
        """Direction of length 1 out of the plane."""
        normal = np.cross(self.column_step, self.row_step)
        length: FloatArray = normal / np.linalg.norm(normal)
        return length

    def corners(self, rows: int, columns: int) -> FloatArray:
        """Three corners of a frame of that many rows and columns, shape (3, 3)."""
        steps = np.array([[0, 0], [columns - 1, 0], [0, rows - 1]])
        corners: FloatArray = self.origin + steps @ np.stack([self.column_step, self.row_step])
        return corners

    def distance(self, points: NDArray[Any]) -> float:
        """Largest distance of points, shape (points, 3), from the plane."""
        return float(np.abs((points - self.origin) @ self.normal).max())

    def pixels(self, points: NDArray[Any]) -> NDArray[Any]:
        """Turn points of shape (…, 3) into (column, row), whole numbers at the middles of pixels."""
        offset = points - self.origin
        columns = offset @ self.column_step / (self.column_step @ self.column_step)
        rows = offset @ self.row_step / (self.row_step @ self.row_step)
        return np.stack([columns, rows], axis=-1)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A frame of an image file."""

    path: Path
    #: SOP Instance UID, and number of the frame from 0.
    uid: str
    frame: int
    #: Rows and columns.
    size: tuple[int, int]
    #: None if the image does not say where it lies.
    plane: Plane | None

    def picture(self, size: int) -> NDArray[np.uint8]:
        """Draw the frame in colour, shape (rows, columns, 3), no side longer than `size`.

        Raises
        ------
        UndecodablePixels
            It cannot be decoded.
        """
        dataset = dcmread(self.path, force=True)
        picture = preview_picture(read_frame(dataset, self.frame), dataset, size=size, number=self.frame)
        return picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)


def places(files: Sequence[Path]) -> list[Place]:
    """Find all frames of files, in the order of the files."""
    found: list[Place] = []
    for path in files:
        header = dcmread(path, stop_before_pixels=True, specific_tags=list(_WANTED), force=True)
        found += _frames(path, header)
        if len(found) >= _MOST_PLACES:
            break
    return found


def plane_of(dataset: Dataset, frame: int) -> Plane | None:
    """Return the plane of a frame, or None if the attributes do not tell it."""
    position = _numbers(frame_attribute(dataset, frame, "PlanePositionSequence", "ImagePositionPatient"), 3)
    orientation = _numbers(frame_attribute(dataset, frame, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = _numbers(frame_attribute(dataset, frame, "PixelMeasuresSequence", "PixelSpacing"), 2)
    if position is None or orientation is None or spacing is None or spacing.min() <= 0:
        return None
    plane = Plane(origin=position, column_step=orientation[:3] * spacing[1], row_step=orientation[3:] * spacing[0])
    return plane if np.linalg.norm(np.cross(plane.column_step, plane.row_step)) > 0 else None


def _frames(path: Path, header: Dataset) -> Iterator[Place]:
    uid = str(header.get("SOPInstanceUID", ""))
    size = int(header.get("Rows") or 1), int(header.get("Columns") or 1)
    for frame in range(min(int(header.get("NumberOfFrames") or 1), _MOST_PLACES)):
        yield Place(path=path, uid=uid, frame=frame, size=size, plane=plane_of(header, frame))


def _numbers(values: Any, count: int) -> FloatArray | None:
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None
