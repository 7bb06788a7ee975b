"""Tables of workitems, and of who wants to hear of them."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kahua.database import Base, Id, UtcDateTime


class WorkitemRow(Base):
    """A workitem (Unified Procedure Step) of a project."""

    __tablename__ = "workitems"
    __table_args__ = (
        UniqueConstraint("project_id", "uid"),
        Index("ix_workitems_newest", "project_id", "created_at", "id"),
        Index("ix_workitems_next", "project_id", "starts_at", "id"),
        Index("ix_workitems_state", "project_id", "state", "starts_at", "id"),
        Index("ix_workitems_patient", "project_id", "patient_id"),
        Index("ix_workitems_code", "state", "code"),
    )

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    uid: Mapped[str] = mapped_column(String(64))
    #: Of `kahua.store.workitems.states.State`.
    state: Mapped[str] = mapped_column(String(16))
    #: Lock of whoever performs it; never part of an answer.
    transaction_uid: Mapped[str | None] = mapped_column(String(64))
    #: Who performs it, by name; `SITE` if this site does.
    performer: Mapped[str] = mapped_column(String(100), default="")
    #: Scheduled Procedure Step Start DateTime: the order in which work is to be done.
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    patient_id: Mapped[str] = mapped_column(String(256))
    #: Procedure Step Label: what people read.
    label: Mapped[str] = mapped_column(String(256), default="")
    #: Values and meanings of the Scheduled Station Name Code Sequence.
    station: Mapped[str] = mapped_column(String(256), default="")
    #: First Scheduled Workitem Code, as `SCHEME^VALUE`.
    code: Mapped[str] = mapped_column(String(256))
    #: All attributes but the Transaction UID, as a DICOM JSON object.
    document: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(100))
    #: Id of that user; `local` for the operator of the machine.
    creator_id: Mapped[str] = mapped_column(String(20))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Somebody asked for its cancellation while it was performed, and why.
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_reason: Mapped[str] = mapped_column(String(1000), default="")
    #: What happened to it, oldest first, each with `at`, `what` (a state, or `CANCEL REQUESTED`) and `by`.
    history: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)


class SubscriberRow(Base):
    """An application that wants to hear of workitems of a project, and what it wants to hear of new ones."""

    __tablename__ = "workitem_subscribers"
    __table_args__ = (UniqueConstraint("project_id", "ae_title"),)

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    ae_title: Mapped[str] = mapped_column(String(16))
    #: Name of the user who subscribed it: only they open its channel, and change its subscriptions.
    owner: Mapped[str] = mapped_column(String(100))
    #: It is subscribed to new workitems: `no`, `yes` or `locked`, which keeps them from being removed.
    to_new: Mapped[str] = mapped_column(String(8), default="no")
    #: Names and values that a new workitem must have.
    filters: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    #: Id of the channel that was opened last, in whichever process: an older one tells no more.
    channel: Mapped[str | None] = mapped_column(String(20))


class SubscriptionRow(Base):
    """A subscription of an application to a workitem."""

    __tablename__ = "workitem_subscriptions"

    workitem_id: Mapped[str] = mapped_column(ForeignKey("workitems.id", ondelete="CASCADE"), primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(
        ForeignKey("workitem_subscribers.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    #: The workitem is not removed as long as this is so (Deletion Lock).
    locked: Mapped[bool]


class EventReportRow(Base):
    """An event report that waits until its subscriber opens the channel."""

    __tablename__ = "workitem_reports"
    __table_args__ = (
        Index("ix_workitem_reports_subscriber", "subscriber_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subscriber_id: Mapped[str] = mapped_column(ForeignKey("workitem_subscribers.id", ondelete="CASCADE"))
    #: DICOM JSON object, with the command elements of an N-EVENT-REPORT.
    report: Mapped[bytes] = mapped_column(LargeBinary)
