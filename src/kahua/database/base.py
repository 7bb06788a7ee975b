"""What all tables share: the declarative base, ids and times."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

#: Names of constraints, so that migrations can name what they change on every database.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

ID_LENGTH = 20

#: What ids are written with, by each byte of chance: 5 bits of it.
_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567" * 8


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    # Sizes go beyond 32 bits. SQLite has one kind of integer, and numbers rows by itself only if it is called so.
    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger().with_variant(Integer(), "sqlite")}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, aware of its time zone on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without zone; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without zone cannot be stored.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def new_id() -> str:
    """Random id of 20 lower-case letters and digits (100 bits): safe in URLs, impossible to guess."""
    return secrets.token_bytes(ID_LENGTH).translate(_LETTERS).decode()


def now() -> datetime:
    """Give this moment, in UTC."""
    return datetime.now(UTC)


Id = Annotated[str, mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)]
