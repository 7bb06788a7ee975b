"""Tables of what projects do about the identity of their patients."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from kahua.database import Base, Id, UtcDateTime


class PseudonymKeyRow(Base):
    """The secret from which all pseudonyms of a project are made; it never leaves the database."""

    __tablename__ = "pseudonym_keys"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PolicyRow(Base):
    """What a project decided about confidentiality; one without a row has the defaults."""

    __tablename__ = "confidentiality_policies"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    #: Whatever comes in is de-identified before it is stored.
    on_arrival: Mapped[bool]
    #: Fields of `kahua.dicom.Profile`.
    profile: Mapped[dict[str, Any]] = mapped_column(JSON)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(100))


class SealRow(Base):
    """Keys with which a project seals who is behind the pseudonyms of its arrivals."""

    __tablename__ = "seals"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    #: With it anybody can seal; see `kahua.store.confidentiality.seal`.
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    #: With it and a passphrase that nobody here knows, what was sealed can be opened.
    locked_private_key: Mapped[bytes] = mapped_column(LargeBinary(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))


class SealedPatientRow(Base):
    """Who is behind a pseudonym, sealed."""

    __tablename__ = "sealed_patients"

    project_id: Mapped[str] = mapped_column(ForeignKey("seals.project_id"), primary_key=True)
    pseudonym: Mapped[str] = mapped_column(String(20), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary(4000))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PixelTemplateRow(Base):
    """Where a device writes into its pictures; see `kahua.dicom.PixelTemplate`."""

    __tablename__ = "pixel_templates"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: Fields of `kahua.dicom.PixelTemplate`, but the name.
    template: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))


class TreatmentReportRow(Base):
    """What one export, one sending or one day's arrivals of a project changed; never a value of an object."""

    __tablename__ = "treatment_reports"
    __table_args__ = (Index("ix_treatment_reports_newest", "project_id", "started_at", "id"),)

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    #: `arrival`, `export` or `send`.
    occasion: Mapped[str] = mapped_column(String(16))
    #: Day of the arrivals, dataset of the export, peer of the sending.
    subject: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Instances that went through, and those that did not.
    instances: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[int] = mapped_column(default=0)
    #: How often, by attribute and action; by reason of refusal; by sentence about the pixels.
    changes: Mapped[list[Any]] = mapped_column(JSON)
    refusals: Mapped[dict[str, Any]] = mapped_column(JSON)
    warnings: Mapped[dict[str, Any]] = mapped_column(JSON)
