"""Tables of the image archive.

Rows belong to one project each; bytes are shared. An instance that two projects hold is two rows
and one object. So no query can reach across projects, and no UID of one project says anything
about another's.
"""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kahua.database import Base, Id, UtcDateTime


class StudyRow(Base):
    """A study of one patient in a project.

    The Patient ID is part of the key: two patients under one Study Instance UID stay apart.
    """

    __tablename__ = "studies"
    __table_args__ = (
        UniqueConstraint("project_id", "study_uid", "patient_id"),
        # Unique, though the id alone is: so the order of what belongs to a study can follow that of the studies.
        Index("ix_studies_newest", "project_id", "study_date", "id", unique=True),
        Index("ix_studies_patient", "project_id", "patient_id"),
        Index("ix_studies_accession", "project_id", "accession_number"),
        Index(
            "ix_studies_patient_name",
            "project_id",
            "patient_name_folded",
            postgresql_ops={"patient_name_folded": "text_pattern_ops"},
        ),
        Index(
            "ix_studies_patient_name_ideographic",
            "project_id",
            "patient_name_ideographic",
            postgresql_ops={"patient_name_ideographic": "text_pattern_ops"},
        ),
        Index(
            "ix_studies_patient_name_phonetic",
            "project_id",
            "patient_name_phonetic",
            postgresql_ops={"patient_name_phonetic": "text_pattern_ops"},
        ),
    )

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    study_uid: Mapped[str] = mapped_column(String(64))
    patient_id: Mapped[str] = mapped_column(String(256))
    patient_name: Mapped[str] = mapped_column(String(512))
    #: Patient's name, lower case and without accents, for searching: its component groups.
    patient_name_folded: Mapped[str] = mapped_column(String(512))
    patient_name_ideographic: Mapped[str] = mapped_column(String(512), default="", server_default="")
    patient_name_phonetic: Mapped[str] = mapped_column(String(512), default="", server_default="")
    patient_birth_date: Mapped[str] = mapped_column(String(32))
    patient_sex: Mapped[str] = mapped_column(String(32))
    #: DICOM date YYYYMMDD, or empty.
    study_date: Mapped[str] = mapped_column(String(32))
    study_time: Mapped[str] = mapped_column(String(32))
    accession_number: Mapped[str] = mapped_column(String(256))
    description: Mapped[str] = mapped_column(String(512))
    study_id: Mapped[str] = mapped_column(String(256))
    referring_physician: Mapped[str] = mapped_column(String(512))
    #: The component groups of that name, as those of the patient's.
    referring_physician_folded: Mapped[str] = mapped_column(String(512), default="", server_default="")
    referring_physician_ideographic: Mapped[str] = mapped_column(String(512), default="", server_default="")
    referring_physician_phonetic: Mapped[str] = mapped_column(String(512), default="", server_default="")
    #: Patient- and study-level attributes as one DICOM JSON object (PS3.18 F), without counts.
    dicom_json: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SeriesRow(Base):
    """A series in a project: the unit that people handle."""

    __tablename__ = "series"
    __table_args__ = (
        UniqueConstraint("study_id", "series_uid"),
        Index("ix_series_preview_key", "preview_key"),
        Index("ix_series_filmstrip_key", "filmstrip_key"),
        Index("ix_series_metadata_key", "metadata_key"),
        Index("ix_series_uid", "project_id", "series_uid"),
        Index("ix_series_newest", "project_id", "received_at", "id"),
        Index("ix_series_modality", "project_id", "modality", "received_at"),
        Index("ix_series_validation", "project_id", "validation_state", "received_at"),
    )

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id"))
    series_uid: Mapped[str] = mapped_column(String(64))
    modality: Mapped[str] = mapped_column(String(32))
    series_number: Mapped[int | None]
    description: Mapped[str] = mapped_column(String(512))
    body_part: Mapped[str] = mapped_column(String(256))
    manufacturer: Mapped[str] = mapped_column(String(256))
    frame_of_reference_uid: Mapped[str] = mapped_column(String(64))
    #: All words by which the series can be found, folded: patient, study and series attributes.
    search_text: Mapped[str] = mapped_column(String(4000))
    #: Study- and series-level attributes as one DICOM JSON object, without counts.
    dicom_json: Mapped[bytes] = mapped_column(LargeBinary)
    instance_count: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    #: Counts up with every change of the instances.
    revision: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)

    # What the worker derived; may be thrown away and made again.
    #: `pending`, `ready`, `none` (nothing to show) or `failed`.
    preview_state: Mapped[str] = mapped_column(String(16), default="pending")
    preview_note: Mapped[str] = mapped_column(String(500), default="")
    #: Key of the preview picture (WebP) in the object store.
    preview_key: Mapped[str | None] = mapped_column(String(64))
    #: Key of up to 16 slices side by side in square tiles (WebP).
    filmstrip_key: Mapped[str | None] = mapped_column(String(64))
    #: Revision from which preview and metadata were made.
    derived_revision: Mapped[int] = mapped_column(default=0)
    #: Key of the DICOM JSON of all instances (compressed) in the object store.
    metadata_key: Mapped[str | None] = mapped_column(String(64))
    #: `pending`, `ok`, or the gravest of what validation found: `notes`, `warnings`, `errors`.
    validation_state: Mapped[str] = mapped_column(String(16), default="pending", server_default="pending")
    validated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SeriesFindingRow(Base):
    """Something that validation found about a series, in words."""

    __tablename__ = "series_findings"
    __table_args__ = (Index("ix_series_findings_code", "project_id", "code"),)

    series_id: Mapped[str] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    #: The gravest comes first.
    place: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    code: Mapped[str] = mapped_column(String(64))
    #: `note`, `warning` or `error`.
    severity: Mapped[str] = mapped_column(String(16))
    sentence: Mapped[str] = mapped_column(String(1000))
    remedy: Mapped[str] = mapped_column(String(1000))
    #: How many instances it concerns; 0 if it concerns the series as a whole.
    instances: Mapped[int]
    #: Attributes, positions or UIDs; text of strangers.
    details: Mapped[list[str]] = mapped_column(JSON)


class InstanceRow(Base):
    """An instance in a project."""

    __tablename__ = "instances"
    __table_args__ = (
        UniqueConstraint("project_id", "sop_instance_uid"),
        Index("ix_instances_series", "series_id", "instance_number", "id"),
        Index("ix_instances_object", "object_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    series_id: Mapped[str] = mapped_column(ForeignKey("series.id"))
    sop_instance_uid: Mapped[str] = mapped_column(String(64))
    sop_class_uid: Mapped[str] = mapped_column(String(64))
    transfer_syntax_uid: Mapped[str] = mapped_column(String(64))
    instance_number: Mapped[int | None]
    #: Key of the Part 10 file in the object store: the SHA-256 of transfer syntax and data set.
    object_key: Mapped[str] = mapped_column(String(64))
    #: Bytes of the Part 10 file.
    size: Mapped[int]
    #: Byte at which the data set begins in the file, after the File Meta Information.
    data_offset: Mapped[int]
    #: Byte of the file at which the value of Pixel Data begins; empty if there is none.
    pixel_offset: Mapped[int | None]
    #: Rows, columns, frames as the object claims them; empty if it is no image.
    rows: Mapped[int | None]
    columns: Mapped[int | None]
    number_of_frames: Mapped[int | None]
    #: All instance-level attributes of the QIDO-RS answer as one DICOM JSON object.
    dicom_json: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Door by which it came: `dimse`, `stow`, `upload`, `import`, `pull`, `run`.
    door: Mapped[str] = mapped_column(String(16))
    #: Who sent it: calling AE title, user or run.
    sender: Mapped[str] = mapped_column(String(100))
    #: Sentences on what is odd about it, though acceptable: a JSON array, or empty if nothing is.
    findings: Mapped[str] = mapped_column(Text, default="", server_default="")


class SeriesReferenceRow(Base):
    """A series refers to another: a segmentation to its image, a report to its segmentation."""

    __tablename__ = "series_references"
    __table_args__ = (Index("ix_series_references_target", "project_id", "target_series_uid"),)

    series_id: Mapped[str] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    #: The series may arrive later, or never: a UID, not a key.
    target_series_uid: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))


class QuarantineRow(Base):
    """Something that was sent and could not be accepted, kept aside for a person to decide."""

    __tablename__ = "quarantine"
    __table_args__ = (
        Index("ix_quarantine_newest", "project_id", "received_at", "id"),
        Index("ix_quarantine_object", "object_key", "project_id"),
    )

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    #: Code of the error (`kahua.errors`) and its sentence, with the way out.
    reason_code: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(2000))
    #: What the object says it is, as far as it could be read; hostile text, to be escaped.
    sop_instance_uid: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(300))
    door: Mapped[str] = mapped_column(String(16))
    sender: Mapped[str] = mapped_column(String(100))
    #: Key of the bytes, as they came, in the object store; and how many are kept there, 0 if only the reason is.
    object_key: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)


class FileRow(Base):
    """A non-DICOM object of a project: a table, a report, a record."""

    __tablename__ = "files"
    __table_args__ = (
        Index("ix_files_newest", "project_id", "created_at", "id"),
        Index("ix_files_object", "object_key"),
    )

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(300))
    media_type: Mapped[str] = mapped_column(String(100))
    object_key: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    #: Run that made it; no foreign key, for `workflows` lies above the archive.
    run_id: Mapped[str | None] = mapped_column(String(20), index=True)


class TrashRow(Base):
    """A series, or instances of one, that was deleted and can still be brought back (`kahua.store.deletion.trash`)."""

    __tablename__ = "trash"
    __table_args__ = (
        Index("ix_trash_newest", "project_id", "deleted_at", "id"),
        Index("ix_trash_study", "project_id", "study_uid"),
        Index("ix_trash_old", "deleted_at"),
    )

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    study_uid: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64))
    #: No foreign key: the series may be gone.
    series_id: Mapped[str] = mapped_column(String(20))
    patient_id: Mapped[str] = mapped_column(String(256))
    patient_name: Mapped[str] = mapped_column(String(512))
    modality: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(String(512))
    instance_count: Mapped[int]
    size: Mapped[int]
    deleted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_by: Mapped[str] = mapped_column(String(100))
    #: Its study, itself, and the rows that hung on it (`kahua.store.deletion.snapshots`).
    content: Mapped[bytes] = mapped_column(LargeBinary)


class TrashedInstanceRow(Base):
    """An instance that was deleted and can still be brought back."""

    __tablename__ = "trashed_instances"
    __table_args__ = (
        Index("ix_trashed_instances_trash", "trash_id"),
        Index("ix_trashed_instances_object", "object_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trash_id: Mapped[str] = mapped_column(ForeignKey("trash.id", ondelete="CASCADE"))
    sop_instance_uid: Mapped[str] = mapped_column(String(64))
    object_key: Mapped[str] = mapped_column(String(64))
    #: Its row (`kahua.store.deletion.snapshots`).
    content: Mapped[bytes] = mapped_column(LargeBinary)


class DiscardedObjectRow(Base):
    """An object that a row ceased to refer to: it is deleted when no other row refers to it."""

    __tablename__ = "discarded_objects"

    id: Mapped[int] = mapped_column(primary_key=True)
    object_key: Mapped[str] = mapped_column(String(100))


class ObjectPlaceRow(Base):
    """Where the objects are, and whereto they are moving (`kahua.store.moving`); one row.

    Places are written as in the setting ``object_store``.
    """

    __tablename__ = "object_place"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Counts up with every change of phase: each process says by a lock which one it has taken up.
    generation: Mapped[int]
    #: `settled`, `opening`, `copying` or `removing`.
    phase: Mapped[str] = mapped_column(String(16))
    #: Where they are, or whence they are moving.
    source: Mapped[str] = mapped_column(String(500))
    #: Whereto they are moving; empty if they are not.
    target: Mapped[str] = mapped_column(String(500))
    #: The copies at the source stay when the move is over.
    keep: Mapped[bool] = mapped_column(default=False)
    #: Folders of the source of which every object is in the target, verified.
    folders: Mapped[int] = mapped_column(default=0)
    #: Objects and bytes that were copied.
    objects: Mapped[int] = mapped_column(default=0)
    size: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Why a process cannot use the target.
    obstacle: Mapped[str] = mapped_column(String(1000), default="")


class CommitmentRow(Base):
    """Storage commitment that a peer has asked for, until the report of it was delivered."""

    __tablename__ = "commitments"
    __table_args__ = (Index("ix_commitments_not_before", "not_before"),)

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    transaction_uid: Mapped[str] = mapped_column(String(64))
    #: AE titles: under which this site was called, and of who called.
    called: Mapped[str] = mapped_column(String(16))
    calling: Mapped[str] = mapped_column(String(16))
    #: Pairs of SOP Class and SOP Instance UID; none once the report was delivered or given up.
    items: Mapped[list[list[str]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Time of the next try; empty when the report was delivered or given up.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Why the last try failed.
    error: Mapped[str] = mapped_column(String(500), default="")
