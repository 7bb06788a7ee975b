"""Files of a DICOM series in a folder."""

from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from kahua.errors import InvalidInput, UnreadableDicom


def read_series(folder: Path, *, with_pixels: bool = True) -> list[Any]:
    """Read every file of a folder as a data set, in the order of their names.

    Raises
    ------
    InvalidInput
        The folder holds no file.
    UnreadableDicom
        One of them is not DICOM.
    """
    files = sorted(file for file in folder.iterdir() if file.is_file())
    if not files:
        raise InvalidInput("The series holds no file.")
    return [_read(file, with_pixels=with_pixels) for file in files]


def _read(file: Path, *, with_pixels: bool) -> Any:
    try:
        return dcmread(file, stop_before_pixels=not with_pixels)
    except (InvalidDicomError, EOFError) as error:
        raise UnreadableDicom(f"The file {file.name} of the series cannot be read as DICOM.") from error
