"""Whether a file of requirements is a lock: exact versions, files named by hash, and no place to fetch them from."""

import re
from collections.abc import Iterator

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[A-Za-z0-9,._ -]*\])?\s*"
    r"(?P<pin>==\s*[A-Za-z0-9.!+_]+)?\s*(;(?P<marker>.+))?"
)
_HASH = re.compile(r"\s--hash[=\s]sha(256|384|512):[0-9a-f]{64,128}(?=\s|$)")
_COMMENT = re.compile(r"(^|\s)#.*$")


def problems_of_lock(text: str, overrides: str = "") -> Iterator[tuple[int, str]]:
    """Everything by which a text is no lock: line and sentence.

    A package that the overrides name may stand without hashes: there the site chooses the build.
    """
    free = {_plain(match["name"]) for _, line in _lines(overrides) if (match := _REQUIREMENT.fullmatch(line))}
    count = 0
    for number, line in _lines(text):
        count += 1
        requirement, hashes = _HASH.subn("", line)
        match = _REQUIREMENT.fullmatch(requirement.strip())
        if match is None:
            yield number, _not_locked(line)
        elif not match["pin"]:
            yield number, f"{match['name']} has no exact version: write {match['name']}==VERSION"
        elif not hashes and _plain(match["name"]) not in free:
            yield number, f"{match['name']} has no hash: make the lock with uv pip compile --generate-hashes"
    if not count:
        yield 1, "the lock names no package"


def problems_of_overrides(text: str) -> Iterator[tuple[int, str]]:
    """Everything by which a text is no list of overrides: line and sentence."""
    for number, line in _lines(text):
        match = _REQUIREMENT.fullmatch(line)
        if match is None:
            yield number, _not_locked(line)
        elif not match["pin"] and not match["marker"]:
            yield number, f"{match['name']} has neither an exact version nor a condition that leaves it out"


def _not_locked(line: str) -> str:
    shown = line if len(line) <= 60 else f"{line[:60]}…"
    if line.startswith("-"):
        return f"'{shown}' is an option: a lock names packages, and the site's pip configuration says where they are"
    if "://" in line or "@" in line or line.startswith((".", "/")):
        return f"'{shown}' names a place: a lock names packages, and the site's pip configuration says where they are"
    return f"'{shown}' is not a package with an exact version: write NAME==VERSION --hash=sha256:…"


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines without comments, each with the number of its first line."""
    start, whole = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start or number
        whole += _COMMENT.sub("", line)
        if whole.endswith("\\"):
            whole = f"{whole[:-1]} "
            continue
        if whole.strip():
            yield start, whole.strip()
        start, whole = 0, ""
    if whole.strip():
        yield start, whole.strip()


def _plain(name: str) -> str:
    """Write a name as all its spellings are written (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
