"""De-identify a DICOM object (PS3.15 annex E), its pixels untouched.

Runs in child processes: pydicom is heavy, and what it reads comes from strangers.
"""

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, Final

from pydicom import Dataset, config
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from kahua.dicom.confidentiality import INSTITUTION
from kahua.dicom.file_meta import read_file_meta, write_file_meta
from kahua.dicom.identity import Identity
from kahua.dicom.pixel_blanking import Blanking, areas_of, native_size
from kahua.dicom.pixel_copy import PIXEL_GROUP, copy_pixels
from kahua.dicom.pixel_risk import face_risk, pixel_risk
from kahua.dicom.pixel_template import PixelTemplate
from kahua.dicom.profile import CLEAN_PIXEL_DATA, EDITION, Profile
from kahua.dicom.pseudonyms import Pseudonyms
from kahua.dicom.transfer_syntaxes import Encoding, encoding_of
from kahua.dicom.treatment import Treatment
from kahua.errors import DicomRefused, MissingAttribute, UnreadableDicom

#: Largest data set that is inflated.
MAX_INFLATED_BYTES: Final = 2_000_000_000

_ENCAPSULATED_DOCUMENT: Final = "EncapsulatedDocument"


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What was done to an object; never a value that it had."""

    sop_class_uid: str
    #: UIDs and Patient ID that the object has now.
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    patient: str
    #: How often something was done, by attribute and `Action`.
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Why its pixels may show who the patient is; empty if nothing hints at that.
    pixel_risk: str = ""
    #: Why nobody should get it before a person has looked at it; empty if the profile lets it go.
    held: str = ""


def deidentify(
    source: BinaryIO,
    target: BinaryIO,
    *,
    pseudonyms: Pseudonyms,
    subject: str,
    profile: Profile,
    templates: Iterable[PixelTemplate] = (),
) -> Changes:
    """Write a Part 10 file without what tells who the patient is.

    Parameters
    ----------
    source, target
        A Part 10 file, and where the other is written.
    pseudonyms
        Of the project, so that all its objects agree.
    subject
        Whose object it is, by `kahua.dicom.pseudonyms.subject_of`; all objects of a patient have the same.
    profile
        What is taken away.
    templates
        Where devices write into their pictures: there the pixels are blanked.

    Raises
    ------
    UnreadableDicom
        The object is damaged.
    MissingAttribute
        It does not say what it is.
    DicomRefused
        It cannot be de-identified: a document in another format is in it.
    UndecodablePixels
        A template fits, and the pixels are of a kind that cannot be blanked.

    Notes
    -----
    But for what a template blanks, the pixels are copied byte for byte, so what was burned into them is still
    there: see `pixel_risk`.
    """
    meta = read_file_meta(source)
    syntax, encoding = meta.transfer_syntax_uid, encoding_of(meta.transfer_syntax_uid)
    body = _body(source, meta.data_offset, encoding)
    with config.disable_value_validation():
        dataset = _read(body, encoding)
        pixels_at = body.tell()
        has_pixels = bool(body.read(1))
        blanking = _blanking(dataset, templates if has_pixels else (), syntax)
        risks = _risks(dataset, profile, has_pixels=has_pixels, transfer_syntax_uid=syntax)
        treatment = _treat(dataset, pseudonyms, subject, profile)
        _mark(dataset, profile, risks, is_blanked=blanking is not None)
        header = _encode(dataset)
    changes = _changes(dataset, treatment, risks)
    target.write(
        write_file_meta(
            sop_class_uid=changes.sop_class_uid,
            sop_instance_uid=changes.sop_instance_uid,
            transfer_syntax_uid=blanking.transfer_syntax_uid if blanking else syntax,
        )
    )
    body.seek(pixels_at)
    _write(target, header, body, dataset, encoding, blanking)
    return changes


def _treat(dataset: Dataset, pseudonyms: Pseudonyms, subject: str, profile: Profile) -> Treatment:
    staying = INSTITUTION if profile.retain_institution else frozenset[int]()
    identity = Identity.of(dataset, besides=staying)
    treatment = Treatment(pseudonyms=pseudonyms, subject=subject, profile=profile, identity=identity)
    treatment.apply(dataset)
    return treatment


def _write(
    target: BinaryIO, header: bytes, body: BinaryIO, dataset: Dataset, encoding: Encoding, blanking: Blanking | None
) -> None:
    """Write the data set, its pixels from where the body stands."""
    sink = _Deflated(target) if encoding.deflated else target
    sink.write(header)
    implicit = bool(dataset.original_encoding[0])
    if blanking:
        blanking.copy(body, sink, implicit=implicit)
    else:
        size = native_size(dataset)
        copy_pixels(body, sink, implicit=implicit, big_endian=encoding.big_endian, size=size)
    if isinstance(sink, _Deflated):
        sink.finish()


def _body(source: BinaryIO, offset: int, encoding: Encoding) -> BinaryIO:
    """Give a file that stands at the beginning of the data set, inflated if need be."""
    source.seek(offset)
    if not encoding.deflated:
        return source
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(source.read(), MAX_INFLATED_BYTES)
    except zlib.error as error:
        raise UnreadableDicom("The deflated data set is damaged.") from error
    if inflater.unconsumed_tail:
        raise UnreadableDicom("The deflated data set is too large.")
    return BytesIO(data)


def _read(body: BinaryIO, encoding: Encoding) -> Dataset:
    """Read everything before the pixels; the file stands there afterwards.

    Raises
    ------
    UnreadableDicom
        pydicom cannot read it.
    MissingAttribute
        It does not say what it is.
    DicomRefused
        There is something in it that nobody here can de-identify.
    """
    try:
        dataset = read_dataset(
            body,
            encoding.implicit,
            not encoding.big_endian,
            stop_when=lambda tag, _vr, _length: tag >= PIXEL_GROUP << 16,
        )
    except Exception as error:
        raise UnreadableDicom(f"The data set cannot be read ({type(error).__name__}).") from error
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if not dataset.get(keyword):
            raise MissingAttribute(f"The object has no {keyword}.")
    if _ENCAPSULATED_DOCUMENT in dataset:
        raise DicomRefused("A document in another format is in it, and nobody knows what that says.")
    return dataset


def _blanking(dataset: Dataset, templates: Iterable[PixelTemplate], transfer_syntax_uid: str) -> Blanking | None:
    """Prepare to blank what templates say, and note in the attributes that it was done; None if none fits."""
    areas = areas_of(dataset, templates)
    if not areas:
        return None
    blanking = Blanking(dataset, areas, transfer_syntax_uid)
    blanking.mark(dataset)
    return blanking


@dataclass(frozen=True)
class _Risks:
    """What the pixels may show, in sentences, and whether the profile holds the object back for it."""

    text: str
    face: str
    is_held: bool

    @property
    def sentence(self) -> str:
        return " ".join(filter(None, (self.text, self.face)))


def _risks(dataset: Dataset, profile: Profile, *, has_pixels: bool, transfer_syntax_uid: str) -> _Risks:
    text = pixel_risk(dataset, has_pixels=has_pixels, transfer_syntax_uid=transfer_syntax_uid)
    face = "" if profile.faces == "leave" else face_risk(dataset, has_pixels=has_pixels)
    is_held = bool(text and profile.suspicious_pixels == "hold") or bool(face and profile.faces == "hold")
    return _Risks(text, face, is_held)


def _mark(dataset: Dataset, profile: Profile, risks: _Risks, *, is_blanked: bool) -> None:
    """Say in the object what was done (PS3.3 C.7.1.1 and C.12.1), and no more than that."""
    dataset.PatientIdentityRemoved = "NO" if risks.sentence else "YES"
    if risks.face:
        dataset.RecognizableVisualFeatures = "YES"
    dataset.DeidentificationMethod = [
        "Kahua",
        f"PS3.15 {EDITION}, Basic Profile",
        "areas blanked" if is_blanked else "pixels untouched",
    ]
    codes = sorted([*profile.codes, *([CLEAN_PIXEL_DATA] if is_blanked else [])])
    dataset.DeidentificationMethodCodeSequence = [_code(value, meaning) for value, meaning in codes]
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if profile.dates == "shift" else "REMOVED"


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


def _encode(dataset: Dataset) -> bytes:
    """Write the data set as it was encoded; what was not touched keeps its bytes."""
    implicit, little_endian = dataset.original_encoding
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, little_endian
    write_dataset(buffer, dataset)
    encoded: bytes = buffer.getvalue()
    return encoded


def _changes(dataset: Dataset, treatment: Treatment, risks: _Risks) -> Changes:
    return Changes(
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
        study_uid=str(dataset.get("StudyInstanceUID", "")),
        patient=treatment.patient,
        counts=treatment.counts,
        pixel_risk=risks.sentence,
        held=f"It was held back for a person to look at. {risks.sentence}" if risks.is_held else "",
    )


class _Deflated:
    """What is written goes deflated into another file."""

    def __init__(self, target: BinaryIO) -> None:
        self._target, self._written = target, 0
        self._deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)

    def write(self, data: bytes) -> None:
        """Deflate some bytes."""
        self._emit(self._deflater.compress(data))

    def finish(self) -> None:
        """Write what is left, at an even length."""
        self._emit(self._deflater.flush())
        self._emit(b"\0" * (self._written % 2))

    def _emit(self, data: bytes) -> None:
        self._written += len(data)
        self._target.write(data)
