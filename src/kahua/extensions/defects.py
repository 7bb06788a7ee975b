"""What is wrong with an extension, told by file, line and key."""

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_TABLE = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-.\"' ]+?)\s*=(?!=)")
_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")

Key = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One thing that is wrong."""

    file: str
    problem: str
    line: int | None = None
    #: Dotted key in the file.
    key: str = ""

    def __str__(self) -> str:
        place = ", ".join(part for part in (self.file, f"line {self.line}" if self.line else "", self.key) if part)
        return f"{place}: {self.problem}."

    def public(self) -> dict[str, Any]:
        """Write it for programs."""
        return {"file": self.file, "line": self.line, "key": self.key, "problem": self.problem}


def defects_of_syntax(file: str, error: tomllib.TOMLDecodeError) -> Defect:
    """Say where a file is no TOML."""
    place = _PLACE.search(str(error))
    line = int(place[1]) if place and place[1] else None
    return Defect(file=file, line=line, problem=f"this is not TOML: {_PLACE.sub('', str(error))}")


def defects_of_validation(
    file: str, text: str, data: Mapping[str, Any], error: ValidationError, *, known: Collection[str]
) -> list[Defect]:
    """Turn what pydantic found into sentences, one for each key, in the order of the file.

    A misspelt key is compared with the `known` ones, to guess what was meant.
    """
    lines = key_lines(text)
    found: dict[Key, Defect] = {}
    for details in error.errors(include_url=False):
        key = _key_in(data, details)
        # A value that fits none of several types is told once for each type: the first one is the plain one.
        if key not in found:
            problem, dotted = _problem(key, details, known), ".".join(map(str, key))
            found[key] = Defect(file=file, line=_line(lines, key), key=dotted, problem=problem)
    for key in _consequences(found, error, known):
        found.pop(key, None)
    return sorted(found.values(), key=lambda defect: defect.line or 0)


def _consequences(found: Collection[Key], error: ValidationError, known: Collection[str]) -> set[Key]:
    """Keys that are wrong only because another one is: missing since misspelt, empty since its parts are wrong."""
    consequences: set[Key] = set()
    for details in error.errors(include_url=False):
        key = details["loc"]
        if details["type"] == "too_short":
            consequences |= (
                {key} if any(len(other) > len(key) and other[: len(key)] == key for other in found) else set()
            )
        if details["type"] == "extra_forbidden" and (meant := _near(str(key[-1]), known)):
            consequences.add((*key[:-1], meant))
    return consequences


def key_lines(text: str) -> dict[Key, int]:
    """Line of each key of a TOML text, as far as it stands on a line of its own; arrays of tables are numbered."""
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _TABLE.match(line):
            table = _numbered(_parts(match[2]), counts, opens=match[1] == "[[")
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            lines.setdefault((*table, *_parts(match[1])), number)
    return lines


def _numbered(parts: Key, counts: dict[Key, int], *, opens: bool) -> Key:
    """Put the place in its array behind each name of an array of tables."""
    whole: Key = ()
    for place, part in enumerate(parts):
        whole = (*whole, part)
        if opens and place == len(parts) - 1:
            counts[whole] = counts.get(whole, -1) + 1
        if whole in counts:
            whole = (*whole, counts[whole])
    return whole


def _parts(dotted: str) -> Key:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _line(lines: Mapping[Key, int], key: Key) -> int | None:
    for length in range(len(key), 0, -1):
        if line := lines.get(key[:length]):
            return line
    return None


def _key_in(data: Any, details: ErrorDetails) -> Key:
    """Leave out of pydantic's location what is not in the file, such as the type that was tried."""
    key: list[str | int] = []
    for part in details["loc"]:
        if isinstance(data, Mapping) and part in data:
            data = data[str(part)]
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int):
            data = data[part]
        else:
            if details["type"] == "missing":
                key.append(part)
            break
        key.append(part)
    return tuple(key)


def _problem(key: Key, details: ErrorDetails, known: Collection[str]) -> str:
    context = details.get("ctx", {})
    match details["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return f"is not a known key{_meant(str(key[-1]), known)}"
        case "literal_error":
            return f"must be {context['expected']}, not {details['input']!r}"
        case "string_pattern_mismatch" if "[key]" in details["loc"] or "[a-z]" in str(context.get("pattern")):
            return "is no valid name: lower-case letters and digits, with single - or _ between them"
        case "string_pattern_mismatch":
            return f"must match {context['pattern']}"
        case "value_error":
            return str(context.get("error", details["msg"]))
        case _:
            message = details["msg"].removeprefix("Input ")
            return message[0].lower() + message[1:]


#: Keys that people look for under another name.
_WORDS = (
    ("license", "licence"),
    ("colour", "color"),
    ("source", "from"),
    ("cpu", "cpus"),
    ("gpu", "gpus"),
    ("timeout", "minutes"),
    ("lock", "requirements"),
    ("modalities", "modality"),
)


def _meant(word: str, known: Collection[str]) -> str:
    """Name the key that somebody meant, as far as one can guess."""
    near = _near(word, known)
    return f"; '{near}' is" if near and near != word else ""


def _near(word: str, known: Collection[str]) -> str:
    near = [right for wrong, right in _WORDS if wrong == word] or difflib.get_close_matches(word, known, n=1)
    return near[0] if near else ""
