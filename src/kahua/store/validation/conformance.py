"""What `dciodvfy` says of objects, in words: its lines sorted by kind, and counted over the instances.

It judges by the letter of the standard, and hardly any real object is without a line: so most of its errors are notes
here, and its warnings too. What stands in the way of programs is a warning, what cannot be read is an error.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kahua.store.validation.findings import Finding, Severity

#: A line about an attribute: grade, path with the tag at its end, and what is said.
_LINE = re.compile(r"^(Error|Warning) - (?:<(?P<path>[^>]*)> - )?(?P<said>.*)$")

#: An index of an item or value, and a value, which say nothing of the kind of a finding.
_INDEX = re.compile(r"\[\d+\]")

#: Lines that matter to nobody here: what a DICOMDIR would need, retired group lengths and person names.
_IGNORED = re.compile(r"DICOMDIR|,0000\)> - Retired attribute|Retired Person Name form")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of thing that `dciodvfy` says."""

    code: str
    severity: Severity
    pattern: re.Pattern[str]
    sentence: str
    remedy: str


def _kind(code: str, severity: Severity, pattern: str, sentence: str, remedy: str) -> Kind:
    return Kind(code=code, severity=severity, pattern=re.compile(pattern), sentence=sentence, remedy=remedy)


#: All kinds; the first one that fits a line is its kind.
KINDS: tuple[Kind, ...] = (
    _kind(
        "unreadable-to-validator",
        Severity.WARNING,
        r"read failed|Seek failed|Tags out of order|giving up",
        "The validator could not read the object to its end.",
        "It may be truncated or wrongly encoded: send it again from its source.",
    ),
    _kind(
        "frames-differ",
        Severity.ERROR,
        r"Number of items in PerFrameFunctionalGroupsSequence",
        "Number of Frames differs from the number of frames that are described.",
        "Frames cannot be placed: make or send the object again.",
    ),
    _kind(
        "bad-orientation",
        Severity.WARNING,
        r"ImageOrientationPatient.*Orientation vector",
        "The directions of rows and columns are no directions in space.",
        "Positions in the patient cannot be trusted: look at the image before it is used as a volume.",
    ),
    _kind(
        "missing-required",
        Severity.NOTE,
        r"(Missing attribute|Empty attribute).*Type 1C? ",
        "Attributes that the standard requires are missing or empty.",
        "Most programs go on without them. Ask the maker of the sending system, or add them at the source.",
    ),
    _kind(
        "unknown-object",
        Severity.NOTE,
        r"Information Object Not found",
        "The validator does not know this kind of object, or its attributes do not tell what it is.",
        "It is kept and handed out as it is.",
    ),
    _kind(
        "missing-optional",
        Severity.NOTE,
        r"(Missing attribute|Empty attribute).*Type 2",
        "Attributes that the standard wants to be there, even if empty, are missing.",
        "Hardly any program needs them.",
    ),
    _kind(
        "invalid-values",
        Severity.NOTE,
        r"Value invalid|Value Length|Illegal root|Unrecognized (enumerated|defined)|Value is zero|Multiplicity|dubious",
        "Attributes have values that the standard does not allow.",
        "Strict programs may refuse it: correct the values at the source.",
    ),
    _kind(
        "out-of-place",
        Severity.NOTE,
        r"[Ss]hall not be present|may not be present|condition (un|not )satisfied|not present in standard|Retired",
        "Attributes stand where the standard does not foresee them.",
        "They do no harm.",
    ),
    _kind(
        "value-representations",
        Severity.NOTE,
        r"value representation|Value Representation|Unrecognized tag|Private tag without owner",
        "Attributes are written with another value representation than the data dictionary has.",
        "Values may be read as text or bytes by some programs.",
    ),
)

OTHER = _kind(
    "other-remarks", Severity.NOTE, "", "The validator has other remarks.", "See the details; most do no harm."
)


@dataclass
class _Found:
    instances: set[int] = field(default_factory=set)
    details: dict[str, None] = field(default_factory=dict)


def conformance(answers: Sequence[dict[str, Any]], inherited: Iterable[str] = ()) -> Iterator[Finding]:
    """Make findings of what was said of instances.

    Parameters
    ----------
    answers
        What `kahua.store.validation.inspection` answers, for each instance.
    inherited
        Details of the findings of the images from which the series was made: what was said of these as well is not
        held against the program that made the series.
    """
    known = set(inherited)
    found: dict[tuple[Kind, bool], _Found] = defaultdict(_Found)
    for number, answer in enumerate(answers):
        for line in answer["lines"]:
            if (parsed := _parse(line)) is not None:
                kind, detail = parsed
                each = found[kind, detail in known]
                each.instances.add(number)
                each.details[detail] = None
    for (kind, is_inherited), each in found.items():
        yield _finding(kind, each, is_inherited=is_inherited)
    dead = [answer["died"] for answer in answers if answer["died"]]
    if dead:
        yield Finding(
            code="validator-gave-up",
            severity=Severity.NOTE,
            sentence=f"The validator {dead[0]} on the object and was stopped; nothing else was harmed.",
            remedy="The object is unusual: look at it before you send it to other programs.",
            instances=len(dead),
        )


def _finding(kind: Kind, found: _Found, *, is_inherited: bool) -> Finding:
    said_of_source = " The same is said of the image from which it was made." if is_inherited else ""
    return Finding(
        code=kind.code,
        severity=Severity.NOTE if is_inherited else kind.severity,
        sentence=kind.sentence + said_of_source,
        remedy="Correct the image, not what was made of it." if is_inherited else kind.remedy,
        instances=len(found.instances),
        details=tuple(found.details),
    )


def _parse(line: str) -> tuple[Kind, str] | None:
    """Return the kind of a line, and what it is about; None if it says nothing that matters."""
    match = _LINE.match(line.strip())
    if match is None or _IGNORED.search(line):
        return None
    path = _INDEX.sub("", match["path"] or "").strip("/")
    said = f"{path}: {match['said']}" if path else match["said"]
    return next((kind for kind in KINDS if kind.pattern.search(said)), OTHER), said
