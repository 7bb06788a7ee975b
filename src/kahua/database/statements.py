"""Statements of the busiest paths: compiled once, then given to the driver itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

from kahua.database.memory import Memory, Rows
from kahua.waiting import hurries

Convert = Callable[[Any], Any]


class Look:
    """A connection outside of any transaction, for the time of a `with` block: each statement sees what is committed.

    Those that are brief may all see what is committed when the first of them is asked. A connection is taken when one
    is needed. Every request has one or two of these: they are made of plain methods, which cost less than generators.
    """

    def __init__(
        self,
        dialect: Dialect,
        connected: Callable[[], AbstractContextManager[PoolProxiedConnection]],
        memory: Memory | None,
        explain: Callable[[BaseException], None],
    ) -> None:
        self.dialect = dialect
        self._connected = connected
        self._memory = memory
        self._explain = explain
        self._version: int | None = None
        self._held: AbstractContextManager[PoolProxiedConnection] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the connection back; raise what went wrong as a sentence."""
        if self._held is not None:
            self._held.__exit__(kind, error, trace)
        if error is not None:
            self._explain(error)

    @cached_property
    def connection(self) -> PoolProxiedConnection:
        """Connection of the driver."""
        held = self._connected()
        connection = held.__enter__()
        self._held = held
        return connection

    def brief(self, text: str, values: Sequence[Any], ask: Callable[[PoolProxiedConnection], Rows]) -> Rows:
        """Give what a brief statement answers for some values, asked now or before."""
        if self._memory is None:
            return ask(self.connection)
        if self._version is None:
            self._version = self._memory.version()
        key = (text, *values)
        rows = self._memory.get(self._version, key)
        if rows is None:
            rows = self._memory.ask(ask) if hurries() else ask(self.connection)
            self._memory.keep(self._version, key, rows)
        return rows


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
    One that is `brief` gives a few rows that are found by their keys: see `Memory`.
    """

    def __init__(self, statement: ClauseElement, names: Sequence[str] | None = None, *, brief: bool = False) -> None:
        self._statement = statement
        self._names = names
        self._brief = brief
        self._forms: dict[str, _Form] = {}

    def execute(self, readable: Readable, **parameters: Any) -> Rows:
        """Execute it; give its rows, which are not to be changed."""
        connection = readable.connection() if isinstance(readable, Session) else readable
        form = self._form(connection.dialect)
        values = form.values(parameters)
        if self._brief and isinstance(connection, Look):
            return connection.brief(form.text, values, lambda driver: _asked(driver, connection.dialect, form, values))
        return _asked(connection.connection, connection.dialect, form, values)

    def execute_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each of the rows."""
        form = self._form(connection.dialect)
        with _errors(form.text, connection.dialect):
            cursor = connection.connection.cursor()
            cursor.executemany(form.text, [form.values(row) for row in rows])
            cursor.close()

    def _form(self, dialect: Dialect) -> _Form:
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _Form.of(self._statement, self._names, dialect)
        return form


def _asked(connection: PoolProxiedConnection, dialect: Dialect, form: _Form, values: Any) -> Rows:
    with _errors(form.text, dialect):
        cursor = connection.cursor()
        cursor.execute(form.text, values)
        rows = list(cursor.fetchall()) if cursor.description else []
        cursor.close()
    return [form.read(row) for row in rows] if form.readers else rows


def raw_connection(engine: Engine) -> PoolProxiedConnection:
    """Take a connection of the driver out of the pool; errors are those of SQLAlchemy."""
    with _errors("", engine.dialect):
        return engine.raw_connection()


@contextmanager
def _errors(statement: str, dialect: Dialect) -> Iterator[None]:
    """Give the driver's errors the form that SQLAlchemy gives them."""
    kind = dialect.loaded_dbapi.Error
    try:
        yield
    except kind as error:
        raise DBAPIError.instance(statement, None, error, kind, dialect=dialect) from error
