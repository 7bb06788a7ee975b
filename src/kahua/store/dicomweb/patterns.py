"""Conditions on the characters of a text, in words by which each database uses an index and minds the case."""

from typing import Any

from sqlalchemy import Boolean
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

#: Comes after every character that a text has.
_LAST = "\U0010ffff"


class _Condition(FunctionElement[bool]):
    """A condition that the databases have different words for."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> "_Condition":  # noqa: ARG002
        """Stay as it is: compared with true, as other functions are where there is no boolean, no index is used."""
        return self


class BeginsWith(_Condition):
    """A column's text begins with some characters: those of which `bounds` made the three values."""

    inherit_cache = True

    def __init__(self, column: Any, first: Any, last: Any, pattern: Any) -> None:
        super().__init__(column, first, last, pattern)

    @staticmethod
    def bounds(beginning: str) -> tuple[str, str, str]:
        """Give the first text that begins so, one after the last, and a pattern of all."""
        return beginning, beginning + _LAST, _like(beginning) + "%"


class Fits(_Condition):
    """A column's text fits a pattern with ``*`` and ``?``, of which `forms` made the two values."""

    inherit_cache = True

    def __init__(self, column: Any, glob: Any, like: Any) -> None:
        super().__init__(column, glob, like)

    @staticmethod
    def forms(pattern: str) -> tuple[str, str]:
        """Give the pattern as GLOB and as LIKE have it."""
        return pattern.replace("[", "[[]"), _like(pattern).replace("*", "%").replace("?", "_")


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


@compiles(BeginsWith)
def _by_pattern(element: BeginsWith, compiler: SQLCompiler, **options: Any) -> str:
    column, _, _, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} LIKE {pattern}"


@compiles(BeginsWith, "sqlite")
def _by_range(element: BeginsWith, compiler: SQLCompiler, **options: Any) -> str:
    """SQLite compares bytes, and has no index for LIKE."""
    column, first, last, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} >= {first} AND {column} < {last})"


@compiles(Fits)
def _by_like(element: Fits, compiler: SQLCompiler, **options: Any) -> str:
    column, _, like = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} LIKE {like}"


@compiles(Fits, "sqlite")
def _by_glob(element: Fits, compiler: SQLCompiler, **options: Any) -> str:
    """LIKE of SQLite takes no notice of case."""
    column, glob, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} GLOB {glob}"
