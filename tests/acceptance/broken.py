"""Objects that no site should take, and some that it may: named after what is wrong with them."""

import io
from dataclasses import dataclass

from kahua.dicom import read_file_meta
from kahua.errors import DicomRefused
from kahua.testing import shared_data
from kahua.testing.factory import CT_IMAGE_STORAGE, ct_series, part10

from .peers import EXPLICIT_LITTLE_ENDIAN


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """What of a file goes over an association, and as what."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data: bytes


def made_here() -> dict[str, bytes]:
    """Make broken files by name; ``good`` is the one that must not be disturbed, and comes first."""
    good = ct_series(slices=1, seed="broken")[0]
    whole = part10(good)
    other = ct_series(slices=1, seed="broken")[0]
    other.PixelData = bytes(len(other.PixelData))
    files = {
        "good": whole,
        "same_sop_uid_other_pixels": part10(other),
        "random_bytes": bytes(range(7, 256)) * 40,
        "text": b"Dear colleague, please find the images enclosed.\n",
        "preamble_then_garbage": bytes(128) + b"DICM" + bytes(range(256)) * 4,
        "truncated_in_the_pixels": part10(ct_series(slices=1, seed="short pixels")[0])[:-900],
        "truncated_in_the_header": part10(ct_series(slices=1, seed="short header")[0])[:700],
    }
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        instance = ct_series(slices=1, seed=keyword)[0]
        file = part10(instance)
        files[f"no_{keyword}"] = file[: read_file_meta(io.BytesIO(file)).data_offset] + without(file, keyword)
    return files


def without(file: bytes, keyword: str) -> bytes:
    """Give the data set of a file without one of its attributes."""
    from pydicom import dcmread
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    instance = dcmread(io.BytesIO(file))
    delattr(instance, keyword)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, instance)
    return bytes(buffer.getvalue())


def of_the_shared_data() -> dict[str, bytes]:
    """Read the real broken files, where they are."""
    folder = shared_data()
    return (
        {f"shared-{path.stem}": path.read_bytes() for path in sorted((folder / "broken").glob("*"))} if folder else {}
    )


def as_data_set(file: bytes) -> DataSet:
    """Take the data set out of a file; what is no DICOM is sent as if it were a CT."""
    try:
        meta = read_file_meta(io.BytesIO(file))
    except DicomRefused:
        return DataSet(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid="1.2.3",
            transfer_syntax_uid=EXPLICIT_LITTLE_ENDIAN,
            data=file + b"\0" * (len(file) % 2),
        )
    return DataSet(
        sop_class_uid=meta.media_sop_class_uid or CT_IMAGE_STORAGE,
        sop_instance_uid=meta.media_sop_instance_uid or "1.2.3",
        transfer_syntax_uid=meta.transfer_syntax_uid or EXPLICIT_LITTLE_ENDIAN,
        data=file[meta.data_offset :],
    )
