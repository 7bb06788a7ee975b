"""Rows as compressed JSON, to be made rows again later, perhaps by another version of the tables."""

import zlib
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, Table

from kahua.database import Base
from kahua.store.tables import InstanceRow, SeriesRow

# JSON knows neither bytes nor times: each is an object with one of these names.
_BYTES = "$bytes"
_TIME = "$time"

#: State of a series of which nothing is derived yet.
NOTHING_DERIVED: dict[str, Any] = {
    "preview_state": "pending",
    "preview_note": "",
    "preview_key": None,
    "filmstrip_key": None,
    "metadata_key": None,
    "derived_revision": 0,
}


def pack(value: Any) -> bytes:
    """Write rows, and lists and dictionaries of them."""
    return zlib.compress(orjson.dumps(value, default=_written, option=orjson.OPT_PASSTHROUGH_DATETIME), 1)


def unpack(data: bytes) -> Any:
    """Read what `pack` wrote; nothing else may be read."""
    return _read(orjson.loads(zlib.decompress(data)))


def hanging_tables() -> Iterator[tuple[Table, Column[Any]]]:
    """Give every table whose rows hang on a series, and the column by which they do; but that of the instances."""
    series = Base.metadata.tables[SeriesRow.__tablename__]
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            refers = any(key.column is series.c.id for key in column.foreign_keys)
            if refers and table.name != InstanceRow.__tablename__:
                yield table, column


def known_columns(table: Table, values: dict[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Give the values of columns that this version of the table has."""
    return {name: value for name, value in values.items() if name in table.columns and name not in without}


def _written(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {_BYTES: value.decode("latin-1")}  # each byte a character: JSON within stays legible, and packs well
    if isinstance(value, datetime):
        return {_TIME: value.isoformat()}
    raise TypeError(f"A row with a {type(value).__name__} cannot be packed.")


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_BYTES}:
        return value[_BYTES].encode("latin-1")
    if value.keys() == {_TIME}:
        return datetime.fromisoformat(value[_TIME])
    return {name: _read(each) for name, each in value.items()}
