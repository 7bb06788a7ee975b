"""Whether everything is there: images that can be seen, and what is referred to."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise

from kahua.dicom import transfer_syntaxes
from kahua.dicom.transfer_syntaxes import DECODED
from kahua.store.validation.facts import Facts, InstanceFacts
from kahua.store.validation.findings import Finding, Severity

#: Most ranges of numbers that a sentence names, and most missing numbers that are counted.
MAX_RANGES = 5
MAX_HOLES = 10_000

_REWRITTEN = "It was written anew when it came in. Correct the sender: other archives may refuse its files."
_READ = "It was read as it is; correct the encoding at the sender."

#: What is said of instances when they come in: a part of the sentence, how grave it is, and the way out.
ODDITIES = (
    ("no Pixel Data", Severity.ERROR, "Send the image again: its pixels are missing."),
    ("is left out", Severity.WARNING, "Look at the attribute at its source: it is longer than any reader expects."),
    ("not a valid UID", Severity.WARNING, "Programs that are strict about UIDs will refuse it: correct its source."),
    ("value representations, but announces", Severity.WARNING, _READ),
    (
        "is guessed",
        Severity.WARNING,
        "Look whether names and pictures are right, and send it as a file of Part 10.",
    ),
    ("Character Set", Severity.WARNING, "Names may be shown wrongly: correct Specific Character Set at the sender."),
    ("must be a value", Severity.WARNING, "The attribute is not used: correct it at the sender."),
    ("not a date", Severity.NOTE, "The series is not found by this date: correct it at the source, and send it again."),
    ("no data elements", Severity.NOTE, "They are kept and not looked at; correct the sender."),
    ("no preamble", Severity.NOTE, _REWRITTEN),
    ("File Meta Information", Severity.NOTE, _REWRITTEN),
)


def check_completeness(facts: Facts) -> Iterator[Finding]:
    """Find images that are missing, and those that cannot be seen."""
    yield from _numbers(facts.instances)
    yield from _undecodable(facts.instances)
    yield from _oddities(facts.instances)
    if facts.series.preview_state == "failed":
        yield Finding(
            code="undecodable-pixels",
            severity=Severity.ERROR,
            sentence=f"No picture could be made: {facts.series.preview_note}",
            remedy="Send the series again, or in another transfer syntax.",
        )


def missing_series(facts: Facts) -> Iterator[Finding]:
    """Find series that are referred to and are not here."""
    here = {source.series_uid for source in facts.sources}
    absent = [uid for uid in facts.targets if uid not in here]
    if absent:
        yield Finding(
            code="missing-reference",
            severity=Severity.NOTE if here or facts.is_image else Severity.WARNING,
            sentence=f"It refers to {len(facts.targets)} other series; {len(here) or 'none'} of them "
            f"{'is' if len(here) < 2 else 'are'} in this project.",
            remedy="Send what it was made from as well.",
            details=tuple(absent),
        )


def _numbers(instances: Sequence[InstanceFacts]) -> Iterator[Finding]:
    """Look for holes in the Instance Numbers: a hint only, for nothing obliges a scanner to count without any."""
    counts = Counter(each.row.instance_number for each in instances)
    numbers = sorted(number for number in counts if number is not None)
    if len(numbers) < 2 or counts[None]:
        return
    doubled = [number for number in numbers if counts[number] > 1]
    if doubled:
        yield Finding(
            code="instance-number-twice",
            severity=Severity.NOTE,
            sentence=f"Several instances have the same Instance Number: {_ranges(doubled)}.",
            remedy="Sort by position or time instead.",
            instances=sum(counts[number] for number in doubled),
        )
    steps = list(pairwise(numbers))
    holes = list(islice(chain.from_iterable(range(low + 1, high) for low, high in steps), MAX_HOLES))
    if holes and min(high - low for low, high in steps) == 1:
        yield Finding(
            code="instance-number-gap",
            severity=Severity.WARNING if len(holes) < len(numbers) else Severity.NOTE,
            sentence=f"Instance Numbers are missing between {numbers[0]} and {numbers[-1]}: {_ranges(holes)} "
            f"({len(holes)} of {numbers[-1] - numbers[0] + 1}).",
            remedy="Compare with the number of images at the source, and send the series again.",
        )


def _undecodable(instances: Sequence[InstanceFacts]) -> Iterator[Finding]:
    syntaxes = Counter(each.row.transfer_syntax_uid for each in instances if each.row.pixel_offset is not None)
    for syntax, count in syntaxes.items():
        if syntax in transfer_syntaxes.NATIVE or syntax in DECODED:
            continue
        yield _video(syntax, count) if transfer_syntaxes.encoding_of(syntax).video else _undecoded(syntax, count)


def _video(syntax: str, count: int) -> Finding:
    return Finding(
        code="video",
        severity=Severity.NOTE,
        sentence="It is a video: workflows that take an image do not take it.",
        remedy="Choose a workflow for videos, or send single pictures of it.",
        instances=count,
        details=(f"Transfer Syntax UID {syntax}",),
    )


def _undecoded(syntax: str, count: int) -> Finding:
    return Finding(
        code="undecodable-syntax",
        severity=Severity.WARNING,
        sentence="It is compressed in a way that is not read here: neither pictures nor volumes are made of it.",
        remedy="It is kept and handed out as it is; let its sender decompress it to use it here.",
        instances=count,
        details=(f"Transfer Syntax UID {syntax}",),
    )


def _oddities(instances: Sequence[InstanceFacts]) -> Iterator[Finding]:
    """Say what was odd when the instances came in."""
    odd = Counter(sentence for each in instances if each.row.findings for sentence in json.loads(each.row.findings))
    for sentence, count in odd.items():
        if sentence.startswith("Patient ID"):
            continue  # said of the study, see `check_identity`
        severity, remedy = _judged(sentence)
        yield Finding(code="odd-instance", severity=severity, sentence=sentence, remedy=remedy, instances=count)


def _judged(sentence: str) -> tuple[Severity, str]:
    """Say how grave it is what was said of an instance, and what can be done."""
    found = ((severity, remedy) for part, severity, remedy in ODDITIES if part in sentence)
    return next(found, (Severity.NOTE, "Correct it at the source, and send it again."))


def _ranges(numbers: Sequence[int]) -> str:
    """Write numbers in order as ranges: 3, 5–9.

    >>> _ranges([3, 5, 6, 7])
    '3, 5–7'
    """
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    named = ", ".join(f"{low}" if low == high else f"{low}–{high}" for low, high in ranges[:MAX_RANGES])
    return f"{named} and more" if len(ranges) > MAX_RANGES else named
