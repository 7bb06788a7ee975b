"""DICOM without input and output of its own: bytes and arrays in, values out.

Here is what receiving needs, cheap to import. What works on pixels and whole objects loads numpy,
pydicom and highdicom; it runs in child processes and is imported by its full name:
`kahua.dicom.pixels`, `.geometry`, `.volume`, `.segmentation`, `.measurement_report`,
`.structure_set`, `.json_model`.
"""

from kahua.dicom.budget import DEFAULT_BUDGET, Budget
from kahua.dicom.file_meta import FileMeta, read_file_meta, write_file_meta
from kahua.dicom.header import Header, dicom_json, fold
from kahua.dicom.pixel_template import EXAMPLES, Area, PixelTemplate
from kahua.dicom.profile import EDITION, Kept, Profile
from kahua.dicom.pseudonyms import KEY_BYTES, Pseudonyms, subject_of
from kahua.dicom.scanner import scan
from kahua.dicom.tags import INDEX_TAGS, INDEX_VRS, INSTANCE_TAGS, SERIES_TAGS, STUDY_TAGS
from kahua.dicom.transfer_syntaxes import Encoding, encoding_of
from kahua.dicom.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    is_valid_uid,
    new_uid,
    uid_from,
)

__all__ = [
    "DEFAULT_BUDGET",
    "EDITION",
    "EXAMPLES",
    "IMPLEMENTATION_CLASS_UID",
    "IMPLEMENTATION_VERSION_NAME",
    "INDEX_TAGS",
    "INDEX_VRS",
    "INSTANCE_TAGS",
    "KEY_BYTES",
    "SERIES_TAGS",
    "STUDY_TAGS",
    "Area",
    "Budget",
    "Encoding",
    "FileMeta",
    "Header",
    "Kept",
    "PixelTemplate",
    "Profile",
    "Pseudonyms",
    "dicom_json",
    "encoding_of",
    "fold",
    "is_valid_uid",
    "new_uid",
    "read_file_meta",
    "scan",
    "subject_of",
    "uid_from",
    "write_file_meta",
]
