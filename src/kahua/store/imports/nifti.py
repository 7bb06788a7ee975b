"""Child process: read a NIfTI volume and write it as a DICOM series.

``FILE FOLDER OPTIONS``: OPTIONS is a JSON object with name, seed, modality and description.
"""

import gzip
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from kahua.dicom import uid_from
from kahua.dicom.volume import image_series
from kahua.errors import InvalidInput, KahuaError
from kahua.store.child import REFUSED

#: DICOM's patient coordinates point left and back, NIfTI's right and front.
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

#: Endings that are no part of a volume's name.
SUFFIXES = (".nii.gz", ".nii")

#: Characters that divide values and the components of a name in DICOM.
SEPARATORS = "\\^="


def main(arguments: Sequence[str]) -> None:
    """Convert; a refusal is the last line on standard error, and a status of its own."""
    file, folder, options = arguments
    try:
        convert(Path(file), Path(folder), **json.loads(options))
    except (KahuaError, ImageFileError, OSError, EOFError, ValueError) as error:
        sys.stderr.write(str(error).replace("\n", " ") + "\n")
        sys.exit(REFUSED)


def convert(file: Path, folder: Path, *, name: str, seed: str, modality: str, description: str) -> None:
    """Write the slices of a volume as DICOM files.

    Patient, study and series get UIDs from seed and content, so that the same file makes the same series again.
    Patient ID and Patient's Name are the file's name without its ending.
    """
    content = _content(file)
    digest = hashlib.sha256(content).hexdigest()
    image = _read(content)
    case = _case(name)
    slices = image_series(
        np.asanyarray(image.dataobj).T,  # nibabel counts columns, rows, slices; we the other way round
        RAS_TO_LPS @ image.affine,
        modality=modality,
        patient_id=case[:64],
        patient_name=case[:64],
        study_uid=uid_from("study", seed, digest),
        series_uid=uid_from("series", seed, digest),
        description=description or case[:64],
    )
    for number, slice_ in enumerate(slices):
        slice_.save_as(folder / f"{number:06}.dcm", enforce_file_format=True)


def _content(file: Path) -> bytes:
    """Read the file, unpacked. What grows too much meets the memory limit of this process."""
    content = file.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _read(content: bytes) -> Any:
    kind = nib.Nifti2Image if content[4:8] == b"n+2\0" else nib.Nifti1Image
    image = kind.from_bytes(content)
    if len(image.shape) != 3:
        raise InvalidInput(f"The volume has {len(image.shape)} dimensions; 3 are brought in.", remedy="Split it first.")
    return image


def _case(name: str) -> str:
    """Give the file's name without folders and ending, as a value that DICOM does not take apart."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    for suffix in SUFFIXES:
        base = base.removesuffix(suffix)
    return "".join(each if each.isprintable() and each not in SEPARATORS else "_" for each in base) or "volume"


if __name__ == "__main__":
    main(sys.argv[1:])
