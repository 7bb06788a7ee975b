"""Tables of what the site knows of other DICOM applications."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kahua.database import Base, Id, UtcDateTime


class PeerRow(Base):
    """Another DICOM application that a project knows."""

    __tablename__ = "peers"
    __table_args__ = (UniqueConstraint("project_id", "name"), Index("ix_peers_ae_title", "ae_title"))

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(32))
    #: How it is called: `dimse` or `dicomweb`.
    kind: Mapped[str] = mapped_column(String(16))
    ae_title: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int | None]
    tls: Mapped[bool]
    #: How DIMSE retrieves: `get` or `move`.
    retrieve: Mapped[str] = mapped_column(String(16))
    #: Networks from which it may call.
    networks: Mapped[list[str]] = mapped_column(JSON)
    url: Mapped[str] = mapped_column(String(500))
    user_name: Mapped[str] = mapped_column(String(200))
    #: Password of that user, or without one a bearer token; locked (`kahua.store.vault`).
    secret: Mapped[str] = mapped_column(String(6000))
    may_store: Mapped[bool]
    may_query: Mapped[bool]
    max_associations: Mapped[int]
    deidentify: Mapped[bool]
    #: Hours for which what is fetched from it stays here; empty keeps it for good.
    keep_hours: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OrderColumns:
    """What pulls and deliveries have in common: they are orders that the worker carries out item by item."""

    id: Mapped[Id]
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    #: No foreign key: the history outlives the peer.
    peer_id: Mapped[str] = mapped_column(String(20))
    peer_name: Mapped[str] = mapped_column(String(32))
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: `active`, `done` or `cancelled`.
    state: Mapped[str] = mapped_column(String(16), default="active")
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Nothing more is begun before.
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)


class ItemColumns:
    """What the items of orders have in common; each table names its order in a column of its own."""

    if TYPE_CHECKING:
        order_id: Mapped[str]

        @property
        def series_here(self) -> Sequence[str]:
            """Ids of series of this site that the item is about."""

    id: Mapped[int] = mapped_column(primary_key=True)
    #: `waiting`, `done`, `failed` or `cancelled`.
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What went wrong last, or what is odd.
    note: Mapped[str] = mapped_column(String(1000), default="")


class PullRow(OrderColumns, Base):
    """A wish for studies or series of a peer."""

    __tablename__ = "pulls"
    __table_args__ = (
        Index("ix_pulls_newest", "project_id", "created_at", "id"),
        Index("ix_pulls_due", "state", "not_before"),
    )

    #: Instances a minute, on average; 0 is as fast as it goes.
    rate: Mapped[int]
    #: Times of the day, in the machine's own time zone, in which series may begin: `19:00-06:00`; none is always.
    windows: Mapped[list[str]] = mapped_column(JSON)
    #: Hours after which the objects that it brought go again, and are at the peer alone; empty keeps them.
    keep_hours: Mapped[int | None]
    #: Name of the dataset to which the series are added.
    dataset: Mapped[str | None] = mapped_column(String(64))


class PullItemRow(ItemColumns, Base):
    """A series to be fetched; or what names series that are still to be looked up."""

    __tablename__ = "pull_items"
    __table_args__ = (
        UniqueConstraint("pull_id", "patient_id", "accession_number", "study_uid", "series_uid"),
        Index("ix_pull_items_due", "pull_id", "state", "not_before"),
    )

    order_id: Mapped[str] = mapped_column("pull_id", ForeignKey("pulls.id", ondelete="CASCADE"))
    patient_id: Mapped[str] = mapped_column(String(64))
    accession_number: Mapped[str] = mapped_column(String(64))
    study_uid: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64))
    #: Instances that the peer says it has; those that came, were here before, or were refused.
    expected: Mapped[int | None]
    received: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    #: Ids of the series here to which instances were added.
    series_ids: Mapped[list[str]] = mapped_column(JSON, default=list)

    @property
    def series_here(self) -> Sequence[str]:
        """Ids of series of this site that the item is about."""
        return self.series_ids


class DeliveryRow(OrderColumns, Base):
    """Series that are sent to a peer."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("ix_deliveries_newest", "project_id", "created_at", "id"),
        Index("ix_deliveries_due", "state", "not_before"),
    )

    #: Profile of the de-identification (`kahua.dicom.Profile`); empty sends as stored.
    profile: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class DeliveryItemRow(ItemColumns, Base):
    """A series that is sent, and what became of its instances."""

    __tablename__ = "delivery_items"
    __table_args__ = (
        UniqueConstraint("delivery_id", "series_id"),
        Index("ix_delivery_items_due", "delivery_id", "state", "not_before"),
    )

    order_id: Mapped[str] = mapped_column("delivery_id", ForeignKey("deliveries.id", ondelete="CASCADE"))
    #: No foreign key: the history outlives the series.
    series_id: Mapped[str] = mapped_column(String(20), index=True)
    sent: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    #: Instances that de-identification held back.
    held_back: Mapped[int] = mapped_column(default=0)

    @property
    def series_here(self) -> Sequence[str]:
        """Ids of series of this site that the item is about."""
        return [self.series_id]


class SeriesSourceRow(Base):
    """A series whose objects are at a peer, and here only for a while (`kahua.store.remote.sourced`)."""

    __tablename__ = "series_sources"
    __table_args__ = (Index("ix_series_sources_peer", "project_id", "peer_id"),)

    series_id: Mapped[str] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    #: No foreign key: where the objects are is known even if the peer is not any more.
    peer_id: Mapped[str] = mapped_column(String(20))
    peer_name: Mapped[str] = mapped_column(String(32))
    #: UIDs by which the peer knows it; others than here, if arrivals are de-identified.
    study_uid: Mapped[str] = mapped_column(String(64))
    series_uid: Mapped[str] = mapped_column(String(64))
    keep_hours: Mapped[int]
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Instances up to this id have no object here since that time; 0 and empty while all are here.
    away_until: Mapped[int] = mapped_column(default=0)
    away_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
