"""Whether a series fits a workflow, said in words before anything starts. Pure: facts in, sentences out."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from kahua.workflows.facts import SeriesFacts, Slice
from kahua.workflows.specification import Input, Workflow

#: Largest difference of a component of two direction vectors that still count as the same.
ORIENTATION_TOLERANCE = 1e-3

#: Slices nearer than this, in mm, are at the same place.
SAME_PLACE = 1e-2

#: A step between slices longer than this many usual steps is a gap.
GAP = 1.5

#: Steps between slices may differ by this part of the usual step.
SPACING_TOLERANCE = 0.1

#: Slices may drift sideways by this part of a step, before the gantry counts as tilted.
TILT_TOLERANCE = 0.02

#: Gaps that are told one by one.
TOLD_GAPS = 3

Vector = tuple[float, ...]


def unfit_reasons(workflow: Workflow, input_name: str, series: SeriesFacts) -> list[str]:
    """Why a series cannot serve an input; empty if it can."""
    wanted = workflow.inputs[input_name]
    reasons = list(_reasons_of_kind(wanted, series))
    if not reasons and workflow.needs_volume(input_name):
        reasons += _reasons_of_volume(series.slices)
    return reasons


def fitting_input(workflow: Workflow, series: SeriesFacts) -> tuple[str | None, list[str]]:
    """Name the first input that the series can serve, or say why there is none."""
    reasons: list[str] = []
    for name in workflow.inputs:
        found = unfit_reasons(workflow, name, series)
        if not found:
            return name, []
        reasons += found if len(workflow.inputs) == 1 else [f"{name}: {reason}" for reason in found]
    return None, reasons


def _reasons_of_kind(wanted: Input, series: SeriesFacts) -> Iterator[str]:
    if wanted.modality and series.modality not in wanted.modality:
        given = series.modality or "unknown"
        yield f"The modality is {given}; the workflow takes {' or '.join(wanted.modality)}."
    if not series.slices:
        yield "The series has no instances."
        return
    if not all(slice_.is_image for slice_ in series.slices):
        yield "The series holds objects that are no images."
        return
    count = sum(slice_.frames or 1 for slice_ in series.slices)
    if count < wanted.minimum_slices:
        yield f"The series has {_plural(count, 'slice')}; the workflow needs at least {wanted.minimum_slices}."


def _reasons_of_volume(slices: Sequence[Slice]) -> list[str]:
    """Why the slices form no volume: the first reason found, for the others follow from it."""
    if any((slice_.frames or 1) > 1 for slice_ in slices):
        return [] if len(slices) == 1 else ["The series mixes several multi-frame objects; they form no single volume."]
    for find in (_without_geometry, _of_several_sizes, _of_several_orientations, _badly_placed):
        reason = find(slices)
        if reason:
            return [reason]
    return []


def _without_geometry(slices: Sequence[Slice]) -> str | None:
    count = sum(1 for slice_ in slices if not (slice_.position and slice_.orientation))
    return f"{_plural(count, 'slice')} of {len(slices)} do not say where in the patient they lie." if count else None


def _of_several_sizes(slices: Sequence[Slice]) -> str | None:
    sizes = Counter((slice_.columns, slice_.rows) for slice_ in slices)
    if len(sizes) == 1:
        return None
    told = ", ".join(f"{columns}×{rows}" for (columns, rows), _ in sizes.most_common(3))
    return f"The slices have {len(sizes)} different sizes ({told})."


def _of_several_orientations(slices: Sequence[Slice]) -> str | None:
    found: list[Vector] = []
    for slice_ in slices:
        if not any(_near(slice_.orientation, other) for other in found):
            found.append(slice_.orientation)
        if len(found) > 3:
            break
    if len(found) == 1:
        return None
    count = str(len(found)) if len(found) <= 3 else "more than 3"
    return f"The slices have {count} orientations, as in a localiser; they form no single volume."


def _badly_placed(slices: Sequence[Slice]) -> str | None:
    normal = _normal(slices[0].orientation)
    placed = sorted((_dot(slice_.position, normal), slice_.position) for slice_ in slices)
    steps = [after[0] - before[0] for before, after in pairwise(placed)]
    if not steps:
        return None
    same = sum(1 for step in steps if step < SAME_PLACE)
    if same:
        return f"{_plural(same + 1, 'slice')} or more lie at the same place; the series holds several images of it."
    usual = median(steps)
    return _gaps(steps, usual) or _uneven(steps, usual) or _tilt(placed, normal, usual)


def _gaps(steps: Sequence[float], usual: float) -> str | None:
    gaps = [(place, round(step / usual) - 1) for place, step in enumerate(steps, 1) if step > GAP * usual]
    if not gaps:
        return None
    missing = sum(count for _, count in gaps)
    where = ", ".join(f"{place} and {place + 1}" for place, _ in gaps[:TOLD_GAPS])
    more = f" and in {len(gaps) - TOLD_GAPS} more places" if len(gaps) > TOLD_GAPS else ""
    verb = "is" if missing == 1 else "are"
    return f"{_plural(missing, 'slice')} {verb} missing, between the slices {where}{more}. Send the series again."


def _uneven(steps: Sequence[float], usual: float) -> str | None:
    worst = max(abs(step - usual) for step in steps)
    if worst <= SPACING_TOLERANCE * usual:
        return None
    return f"The distance between slices is not even: usually {usual:.2f} mm, differing by up to {worst:.2f} mm."


def _tilt(placed: Sequence[tuple[float, Vector]], normal: Vector, usual: float) -> str | None:
    (first_place, first), (last_place, last) = placed[0], placed[-1]
    along = last_place - first_place
    drift = math.dist(last, tuple(f + along * n for f, n in zip(first, normal, strict=True)))
    if drift <= TILT_TOLERANCE * usual * len(placed):
        return None
    return f"The slices are tilted against their stack by {math.degrees(math.atan2(drift, along)):.1f}° (gantry tilt)."


def _near(one: Vector, other: Vector) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= ORIENTATION_TOLERANCE


def _normal(orientation: Vector) -> Vector:
    """Direction across the slices: row direction × column direction, of length 1."""
    a, b, c, d, e, f = orientation
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = math.hypot(*normal) or 1.0
    return tuple(part / length for part in normal)


def _dot(one: Vector, other: Vector) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
