"""The attributes that a query may match, and how (PS3.18 tables 10.6.1-5 and 10.6.3-3 to -5; PS3.4 C.2.2.2)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import String
from sqlalchemy.orm import InstrumentedAttribute

from kahua.store.tables import InstanceRow, SeriesRow, StudyRow


class Level(StrEnum):
    """What a query asks for."""

    STUDY = "studies"
    SERIES = "series"
    INSTANCE = "instances"


class Matching(StrEnum):
    """How values are compared (PS3.4 C.2.2.2)."""

    #: One UID, or a list of them.
    UID = "uid"
    #: Exact, or with ``*`` and ``?``; case matters.
    TEXT = "text"
    #: As text, each component group for itself, without regard to case and accents (`kahua.dicom.names`).
    PERSON = "person"
    #: ``A``, ``A-B``, ``A-`` or ``-B``.
    DATE = "date"
    TIME = "time"
    NUMBER = "number"
    #: Modalities in Study: some series of the study has it.
    MODALITIES = "modalities"
    #: SOP Classes in Study: some instance of the study is of one of them.
    CLASSES = "classes"


class NameColumns(NamedTuple):
    """The component groups of a name, folded."""

    alphabetic: InstrumentedAttribute[str]
    ideographic: InstrumentedAttribute[str]
    phonetic: InstrumentedAttribute[str]

    @property
    def type(self) -> String:
        """Type of their values."""
        return String()


@dataclass(frozen=True)
class Attribute:
    """An attribute that a query may match."""

    tag: str
    keyword: str
    level: Level
    matching: Matching
    column: InstrumentedAttribute[str] | InstrumentedAttribute[int | None] | NameColumns
    #: An index leads to the rows of a value, so that few of them are found at once among many others.
    indexed: bool = False


_PATIENT_NAME = NameColumns(
    StudyRow.patient_name_folded, StudyRow.patient_name_ideographic, StudyRow.patient_name_phonetic
)
_REFERRING_PHYSICIAN = NameColumns(
    StudyRow.referring_physician_folded,
    StudyRow.referring_physician_ideographic,
    StudyRow.referring_physician_phonetic,
)

ATTRIBUTES = (
    Attribute("0020000D", "StudyInstanceUID", Level.STUDY, Matching.UID, StudyRow.study_uid, indexed=True),
    Attribute("00080020", "StudyDate", Level.STUDY, Matching.DATE, StudyRow.study_date),
    Attribute("00080030", "StudyTime", Level.STUDY, Matching.TIME, StudyRow.study_time),
    Attribute("00080050", "AccessionNumber", Level.STUDY, Matching.TEXT, StudyRow.accession_number, indexed=True),
    Attribute("00080061", "ModalitiesInStudy", Level.STUDY, Matching.MODALITIES, SeriesRow.modality),
    Attribute("00080062", "SOPClassesInStudy", Level.STUDY, Matching.CLASSES, InstanceRow.sop_class_uid),
    Attribute("00080090", "ReferringPhysicianName", Level.STUDY, Matching.PERSON, _REFERRING_PHYSICIAN),
    Attribute("00081030", "StudyDescription", Level.STUDY, Matching.TEXT, StudyRow.description),
    Attribute("00100010", "PatientName", Level.STUDY, Matching.PERSON, _PATIENT_NAME, indexed=True),
    Attribute("00100020", "PatientID", Level.STUDY, Matching.TEXT, StudyRow.patient_id, indexed=True),
    Attribute("00100030", "PatientBirthDate", Level.STUDY, Matching.DATE, StudyRow.patient_birth_date),
    Attribute("00100040", "PatientSex", Level.STUDY, Matching.TEXT, StudyRow.patient_sex),
    Attribute("00200010", "StudyID", Level.STUDY, Matching.TEXT, StudyRow.study_id),
    Attribute("0020000E", "SeriesInstanceUID", Level.SERIES, Matching.UID, SeriesRow.series_uid, indexed=True),
    Attribute("00080060", "Modality", Level.SERIES, Matching.TEXT, SeriesRow.modality, indexed=True),
    Attribute("00080070", "Manufacturer", Level.SERIES, Matching.TEXT, SeriesRow.manufacturer),
    Attribute("0008103E", "SeriesDescription", Level.SERIES, Matching.TEXT, SeriesRow.description),
    Attribute("00180015", "BodyPartExamined", Level.SERIES, Matching.TEXT, SeriesRow.body_part),
    Attribute("00200011", "SeriesNumber", Level.SERIES, Matching.NUMBER, SeriesRow.series_number),
    Attribute("00200052", "FrameOfReferenceUID", Level.SERIES, Matching.UID, SeriesRow.frame_of_reference_uid),
    Attribute("00080018", "SOPInstanceUID", Level.INSTANCE, Matching.UID, InstanceRow.sop_instance_uid, indexed=True),
    Attribute("00080016", "SOPClassUID", Level.INSTANCE, Matching.UID, InstanceRow.sop_class_uid),
    Attribute("00200013", "InstanceNumber", Level.INSTANCE, Matching.NUMBER, InstanceRow.instance_number),
    Attribute("00280008", "NumberOfFrames", Level.INSTANCE, Matching.NUMBER, InstanceRow.number_of_frames),
    Attribute("00280010", "Rows", Level.INSTANCE, Matching.NUMBER, InstanceRow.rows),
    Attribute("00280011", "Columns", Level.INSTANCE, Matching.NUMBER, InstanceRow.columns),
)

BY_NAME = {attribute.tag: attribute for attribute in ATTRIBUTES} | {
    attribute.keyword: attribute for attribute in ATTRIBUTES
}
