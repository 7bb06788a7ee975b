"""Tables of installed extensions."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from kahua.database import Base, Id, UtcDateTime


class ExtensionRow(Base):
    """An extension in one version, installed on this site."""

    __tablename__ = "extensions"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(32))
    #: The manifest, as validated.
    manifest: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: SHA-256 over names and contents of all files of the extension.
    digest: Mapped[str] = mapped_column(String(64))
    #: `building`, `ready`, `failed`.
    state: Mapped[str] = mapped_column(String(16))
    #: Why the environment could not be built, with the last lines of the builder.
    error: Mapped[str] = mapped_column(String(8000), default="")
    installed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    installed_by: Mapped[str] = mapped_column(String(100))
