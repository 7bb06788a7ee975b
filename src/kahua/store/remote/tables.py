"""Tables of what the site knows of other DICOM applications."""

from datetime import datetime

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
    #: Password of that user, or without one a bearer token; it never leaves the database but to the peer.
    secret: Mapped[str] = mapped_column(String(4000))
    may_store: Mapped[bool]
    may_query: Mapped[bool]
    max_associations: Mapped[int]
    deidentify: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
