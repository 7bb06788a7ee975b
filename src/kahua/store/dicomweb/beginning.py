"""The condition that a text begins with given characters, in words by which each database uses an index."""

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: Comes after every character that a text has.
_LAST = "\U0010ffff"


class BeginsWith(FunctionElement[bool]):
    """A column's text begins with some characters: those of which `bounds` made the three values."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: Any, first: Any, last: Any, pattern: Any) -> None:
        super().__init__(column, first, last, pattern)

    @staticmethod
    def bounds(beginning: str) -> tuple[str, str, str]:
        """Give the first text that begins so, one after the last, and a pattern of all."""
        pattern = beginning.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return beginning, beginning + _LAST, pattern

    def self_group(self, against: Any = None) -> "BeginsWith":  # noqa: ARG002
        """Stay as it is: compared with true, as other functions are where there is no boolean, no index is used."""
        return self


@compiles(BeginsWith)
def _by_pattern(element: BeginsWith, compiler: SQLCompiler, **options: Any) -> str:
    column, _, _, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} LIKE {pattern}"


@compiles(BeginsWith, "sqlite")
def _by_range(element: BeginsWith, compiler: SQLCompiler, **options: Any) -> str:
    """SQLite compares bytes, and has no index for LIKE."""
    column, first, last, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} >= {first} AND {column} < {last})"
