"""Statements of the busiest paths: compiled once, then given to the driver itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Look:
    """A connection outside of any transaction: each statement sees what is committed at its moment."""

    dialect: Dialect
    connection: PoolProxiedConnection


#: What prepared statements are put to.
Readable = Session | Connection | Look


@dataclass(frozen=True, kw_only=True)
class _Form:
    """A statement as one kind of database wants it."""

    text: str
    #: Names of the parameters in the order of their places; None where the driver takes them by name.
    places: tuple[str, ...] | None
    #: Values that the statement itself holds.
    constants: Mapping[str, Any]
    #: What makes a value of Python one of the driver, for those parameters that need it.
    converters: Mapping[str, Convert]
    #: What makes a value of the driver one of Python, for those columns of the answer that need it.
    readers: Mapping[int, Convert]

    @classmethod
    def of(cls, statement: ClauseElement, names: Sequence[str] | None, dialect: Dialect) -> "_Form":
        compiled = statement.compile(dialect=dialect, column_keys=names)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("Only statements that take values can be prepared.")
        converters = {
            name: convert
            for name, parameter in compiled.binds.items()
            if (convert := parameter.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        }
        constants = {name: each.effective_value for name, each in compiled.binds.items() if not each.required}
        places = tuple(compiled.positiontup or ()) if compiled.positional else None
        readers = {
            place: read
            for place, column in enumerate(getattr(statement, "exported_columns", ()))
            if (read := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        }
        return cls(text=str(compiled), places=places, constants=constants, converters=converters, readers=readers)

    def values(self, parameters: Mapping[str, Any]) -> Any:
        """Give the parameters as the driver takes them."""
        converted = {**self.constants, **parameters}
        for name, convert in self.converters.items():
            converted[name] = convert(converted[name])
        return converted if self.places is None else [converted[name] for name in self.places]

    def read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Give a row as Python wants it."""
        values = list(row)
        for place, read in self.readers.items():
            values[place] = read(values[place])
        return tuple(values)


class Prepared:
    """A statement that is executed for every received instance, or for every request.

    SQLAlchemy compiles it, once for each kind of database; its execution goes by no layer in between, which
    would cost more than the database does. Every parameter must be given, of an insertion every one of the
    columns `names`. Errors are those of SQLAlchemy. Rows are tuples of what the columns' types make of values.
    """

    def __init__(self, statement: ClauseElement, names: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._names = names
        self._forms: dict[str, _Form] = {}

    def execute(self, readable: Readable, **parameters: Any) -> list[tuple[Any, ...]]:
        """Execute it; give its rows."""
        connection = readable.connection() if isinstance(readable, Session) else readable
        form = self._form(connection.dialect)
        with _errors(form, connection.dialect):
            cursor = connection.connection.cursor()
            cursor.execute(form.text, form.values(parameters))
            rows = list(cursor.fetchall()) if cursor.description else []
            cursor.close()
        return [form.read(row) for row in rows] if form.readers else rows

    def execute_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each of the rows."""
        form = self._form(connection.dialect)
        with _errors(form, connection.dialect):
            cursor = connection.connection.cursor()
            cursor.executemany(form.text, [form.values(row) for row in rows])
            cursor.close()

    def _form(self, dialect: Dialect) -> _Form:
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form.of(self._statement, self._names, dialect)
        return form


@contextmanager
def _errors(form: _Form, dialect: Dialect) -> Iterator[None]:
    """Give the driver's errors the form that SQLAlchemy gives them."""
    kind = dialect.loaded_dbapi.Error
    try:
        yield
    except kind as error:
        raise DBAPIError.instance(form.text, None, error, kind, dialect=dialect) from error
