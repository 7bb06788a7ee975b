"""Whether the slices of a series are a volume, and if not, what they are instead (PS3.3 C.7.6.2.1.1)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from pydicom import Dataset

from kahua.dicom.geometry import SAME_PLACE, check_volume, slice_positions, sort_slices, split_stacks
from kahua.errors import GeometryError
from kahua.store.validation.facts import Facts, InstanceFacts
from kahua.store.validation.findings import Finding, Severity

#: Modalities whose images lie in the patient.
PLACED = ("CT", "MR", "PT")

#: SOP classes of enhanced multi-frame images (PS3.3 A.36, A.38, A.56).
ENHANCED = {
    "1.2.840.10008.5.1.4.1.1.2.1": "CT",
    "1.2.840.10008.5.1.4.1.1.4.1": "MR",
    "1.2.840.10008.5.1.4.1.1.4.3": "MR",
    "1.2.840.10008.5.1.4.1.1.130": "PET",
}

#: Most slices that are looked at one by one.
MAX_SLICES = 20_000

#: Attributes by which images at one place may differ, and what each is called.
DIFFERENCES = (
    ("00200100", "temporal positions"),
    ("00189087", "b-values"),
    ("00180081", "echo times"),
    ("00181060", "trigger times"),
    ("00080008", "image types"),
    ("00200012", "acquisitions"),
    ("00080032", "acquisition times"),
    ("00080033", "content times"),
    ("00200013", "Instance Numbers alone"),
)


def check_geometry(facts: Facts) -> Iterator[Finding]:
    """Find stacks, holes, doubled slices, uneven spacing, a tilted gantry; note what is enhanced or has time points."""
    yield from _enhanced(facts)
    single = [each for each in facts.instances if (each.row.number_of_frames or 1) == 1][:MAX_SLICES]
    if facts.series.modality not in PLACED or len(single) < 2:
        return
    placed = [(each, plane) for each in single if (plane := _plane(each)) is not None]
    if len(placed) < len(single):
        yield _unplaced(len(single) - len(placed), len(single))
    by_plane = {id(plane): each for each, plane in placed}
    stacks = split_stacks([plane for _, plane in placed])
    if len(stacks) > 1:
        yield Finding(
            code="several-stacks",
            severity=Severity.NOTE,
            sentence=f"The images lie in {len(stacks)} stacks of different orientation or size: a localiser, or "
            "several stacks in one series. They are no single volume.",
            remedy="Converters take one stack at a time: choose another series, or split this one.",
            details=tuple(f"Stack {number}: {len(stack)} images" for number, stack in enumerate(stacks, 1)),
        )
    for stack in stacks:
        if len(stack) > 1:
            yield from _check_stack(stack, [by_plane[id(plane)] for plane in stack])


def _enhanced(facts: Facts) -> Iterator[Finding]:
    enhanced = [each for each in facts.instances if each.row.sop_class_uid in ENHANCED]
    if enhanced:
        frames = sum(each.row.number_of_frames or 1 for each in enhanced)
        yield Finding(
            code="enhanced-multi-frame",
            severity=Severity.NOTE,
            sentence=f"It is an enhanced multi-frame image of {frames} frames: older programs may not read it.",
            remedy="Workflows of this site read it; convert it to single images for programs that cannot.",
            instances=len(enhanced),
        )


def _unplaced(count: int, of: int) -> Finding:
    return Finding(
        code="no-position",
        severity=Severity.WARNING,
        sentence=f"{count} of {of} images do not say where they lie in the patient.",
        remedy="No volume can be made of them: send the original images instead of secondary captures.",
        instances=count,
    )


def _check_stack(planes: Sequence[Dataset], instances: Sequence[InstanceFacts]) -> Iterator[Finding]:
    """Look at slices of one orientation and size."""
    places: dict[int, list[int]] = defaultdict(list)
    for number, position in enumerate(slice_positions(planes)):
        places[round(float(position) / SAME_PLACE)].append(number)
    groups = _joined(places)
    times = {len(group) for group in groups}
    if max(times) > 1:
        yield _doubled(groups, instances, times)
    try:
        check_volume(sort_slices([planes[group[0]] for group in groups]))
    except GeometryError as error:
        kind = str(error.details.get("kind", "no-volume"))
        grave = Severity.WARNING if len(groups) > 2 else Severity.NOTE
        yield Finding(code=kind, severity=grave, sentence=error.message, remedy=error.remedy or "")


def _joined(places: dict[int, list[int]]) -> list[list[int]]:
    """Join what lies at neighbouring roundings of one place."""
    groups: list[list[int]] = []
    last = None
    for place in sorted(places):
        if last is not None and place - last <= 1:
            groups[-1] += places[place]
        else:
            groups.append(list(places[place]))
        last = place
    return groups


def _doubled(groups: Sequence[Sequence[int]], instances: Sequence[InstanceFacts], times: set[int]) -> Finding:
    """Say why several images lie at one place: time points if that holds for all places, else doubles."""
    most = max(times)
    reason = next((name for tag, name in DIFFERENCES if _tells_apart(groups, instances, tag)), None)
    if times == {most} and reason is not None:
        where = "At one place" if len(groups) == 1 else f"At each of {len(groups)} places"
        return Finding(
            code="several-time-points",
            severity=Severity.NOTE,
            sentence=f"{where} lie {most} images, told apart by their {reason}: it is no single volume, but several.",
            remedy="Workflows that take one volume will refuse it: split it, or choose a workflow for such series.",
            instances=len(instances),
        )
    doubled = sum(len(group) > 1 for group in groups)
    return Finding(
        code="doubled-positions",
        severity=Severity.WARNING if reason is None or doubled < len(groups) else Severity.NOTE,
        sentence=f"At {doubled} of {len(groups)} places lie several images, up to {most}"
        + (f", told apart by their {reason}." if reason else ", and nothing tells them apart."),
        remedy="The series may hold two reconstructions or an incomplete time point: look at it, and split it.",
        instances=sum(len(group) for group in groups if len(group) > 1),
    )


def _tells_apart(groups: Sequence[Sequence[int]], instances: Sequence[InstanceFacts], tag: str) -> bool:
    """Whether an attribute has another value in each of the images of a place."""
    crowded = [group for group in groups if len(group) > 1]
    values = [[str(instances[number].elements.get(tag, {}).get("Value")) for number in group] for group in crowded]
    return all(len(set(each)) == len(each) for each in values)


def _plane(instance: InstanceFacts) -> Dataset | None:
    """Return what geometry reads of an instance, or None if it does not say where it lies."""
    position, orientation = instance.numbers("00200032", 3), instance.numbers("00200037", 6)
    spacing = instance.numbers("00280030", 2)
    if position is None or orientation is None or spacing is None or min(spacing) <= 0:
        return None
    if not np.isclose([np.linalg.norm(orientation[:3]), np.linalg.norm(orientation[3:])], 1, atol=0.01).all():
        return None
    plane = Dataset()
    plane.Rows, plane.Columns = instance.row.rows or 0, instance.row.columns or 0
    plane.ImagePositionPatient, plane.ImageOrientationPatient = list(position), list(orientation)
    plane.PixelSpacing = list(spacing)
    return plane
