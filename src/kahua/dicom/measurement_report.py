"""Measurements as DICOM structured reports, by template TID 1500 (PS3.16)."""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import highdicom
from highdicom import sr
from pydicom import Dataset

from kahua.dicom.codes import Code, code_of
from kahua.dicom.derivation import complete_source
from kahua.dicom.segmentation import read_segment_labels
from kahua.dicom.uids import uid_from
from kahua.errors import InvalidInput

_REPORT_TITLE: Final = Code(value="126000", scheme="DCM", meaning="Imaging Measurement Report")
_PROCEDURE: Final = Code(value="363679005", scheme="SCT", meaning="Imaging")
_DEVICE: Final = Code(value="121007", scheme="DCM", meaning="Device")
_NO_UNITS: Final = Code(value="1", scheme="UCUM", meaning="no units")
_MEASUREMENT_GROUP: Final = ("125007", "DCM")
_REFERENCED_SEGMENT: Final = ("121191", "DCM")
_TRACKING_IDENTIFIER: Final = ("112039", "DCM")
#: Deepest content of a report that is looked at.
_DEEPEST: Final = 32


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A number that was measured, of a segment."""

    #: What was measured, in words.
    name: str
    value: float
    #: UCUM unit: ml, mm, [hnsf'U], 1.
    unit: str
    #: Number of the segment in the segmentation; None where a foreign report names none.
    segment: int | None = 1
    #: What was measured, for programs; None makes a private code of the name.
    code: Code | None = None
    #: What the measured thing is called in the report.
    tracking: str = ""


def build_report(
    sources: Sequence[Dataset],
    segmentation: Dataset,
    measurements: Sequence[Measurement],
    *,
    series_uid: str,
    description: str,
    algorithm_name: str,
    algorithm_version: str,
    series_number: int = 901,
) -> Dataset:
    """Write measurements of the segments of a segmentation as a Comprehensive SR.

    Parameters
    ----------
    sources
        The images of the series that was measured.
    segmentation
        The segmentation whose segments were measured, as it is stored.
    measurements
        Each of one segment, in the order in which a reader sees them.
    series_uid
        Series Instance UID of the new series. Its instance's UID depends on it alone.
    description
        Series Description.
    algorithm_name, algorithm_version
        What measured it.
    series_number
        Of the new series.

    Raises
    ------
    InvalidInput
        A measurement is of no segment of the segmentation or no finite number, or there are none.
    """
    segments = {segment.label: segment for segment in read_segment_labels(segmentation)}
    wrong = [each.name for each in measurements if each.segment not in segments]
    if wrong or not measurements:
        raise InvalidInput(f"No segment was measured: {', '.join(wrong[:5]) or 'nothing'}.", field="measurements")
    endless = [each.name for each in measurements if not math.isfinite(each.value)]
    if endless:
        raise InvalidInput(f"No number was measured: {', '.join(endless[:5])}.", field="measurements")
    instance_uid = uid_from("instance", series_uid, "1")
    by_segment: dict[int, list[Measurement]] = {}
    for measurement in measurements:
        by_segment.setdefault(measurement.segment or 0, []).append(measurement)
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=uid_from("device", algorithm_name, algorithm_version), name=algorithm_name[:64], manufacturer_name="Kahua"
    )
    with warnings.catch_warnings():
        # The sources come from elsewhere and are copied as they are, with values that pydicom remarks on.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom\.|highdicom\.")
        algorithm = sr.AlgorithmIdentification(name=algorithm_name, version=algorithm_version)
        groups = [
            _group(segmentation, sources, segments[number].name, segments[number].type, number, each, algorithm)
            for number, each in by_segment.items()
        ]
        observer = sr.ObserverContext(observer_type=_coded(_DEVICE), observer_identifying_attributes=device)
        report = sr.MeasurementReport(
            observation_context=sr.ObservationContext(observer_device_context=observer),
            procedure_reported=_coded(_PROCEDURE),
            imaging_measurements=groups,
            title=_coded(_REPORT_TITLE),
        )
        return sr.ComprehensiveSR(
            evidence=[*(complete_source(source) for source in sources), segmentation],
            content=report,
            series_instance_uid=series_uid,
            series_number=series_number,
            sop_instance_uid=instance_uid,
            instance_number=1,
            manufacturer="Kahua",
            is_complete=True,
            series_description=description[:64],
        )


def _coded(code: Code) -> highdicom.sr.CodedConcept:
    return sr.CodedConcept(code.value, code.scheme, code.meaning[:64])


def _group(
    segmentation: Dataset,
    sources: Sequence[Dataset],
    name: str,
    finding: Code,
    number: int,
    measurements: Sequence[Measurement],
    algorithm: sr.AlgorithmIdentification,
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=uid_from("tracking", segmentation.SOPInstanceUID, str(number)), identifier=name
        ),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=segmentation.SOPClassUID,
            sop_instance_uid=segmentation.SOPInstanceUID,
            segment_number=number,
            source_series=sr.SourceSeriesForSegmentation(sources[0].SeriesInstanceUID),
        ),
        finding_type=_coded(finding),
        measurements=[
            sr.Measurement(
                name=_coded(each.code or _private_code(each.name)),
                value=each.value,
                unit=_coded(_unit(each.unit)),
                algorithm_id=algorithm,
            )
            for each in measurements
        ],
    )


def _unit(unit: str) -> Code:
    return Code(value=unit, scheme="UCUM", meaning=unit) if unit not in {"", "1"} else _NO_UNITS


def _private_code(name: str) -> Code:
    """Return a code of our own for a quantity that has none: its value depends on the name alone."""
    return Code(value=f"K{int(uid_from(name).rpartition('.')[2]) % 10**12:012d}", scheme="99KAHUA", meaning=name[:64])


def read_measurements(dataset: Dataset) -> list[Measurement]:
    """Read the numbers of a structured report of any maker that follows TID 1500.

    Returns
    -------
    list[Measurement]
        In the order of the report. A measurement without a number (not measured, failed) is left out.
    """
    found: list[Measurement] = []
    for group in _groups(dataset, 0):
        items = list(group.get("ContentSequence") or [])
        tracking = next((str(i.get("TextValue", "")) for i in items if _concept(i) == _TRACKING_IDENTIFIER), "")
        segment = next((_segment_number(i) for i in items if _concept(i) == _REFERENCED_SEGMENT), None)
        found += [_measurement(item, segment, tracking) for item in items if _has_number(item)]
    return found


def _groups(item: Dataset, depth: int) -> Iterator[Dataset]:
    """Yield the containers of measurements below an item, in order."""
    if depth > _DEEPEST:
        return
    for child in item.get("ContentSequence") or []:
        if _concept(child) == _MEASUREMENT_GROUP:
            yield child
        else:
            yield from _groups(child, depth + 1)


def _concept(item: Dataset) -> tuple[str, str]:
    names = item.get("ConceptNameCodeSequence")
    code = code_of(names[0]) if names else Code(value="", scheme="", meaning="")
    return code.value, code.scheme


def _segment_number(item: Dataset) -> int | None:
    references = item.get("ReferencedSOPSequence")
    numbers: Any = references[0].get("ReferencedSegmentNumber") if references else None
    if isinstance(numbers, int):
        return numbers
    return int(numbers[0]) if numbers else None


def _has_number(item: Dataset) -> bool:
    values = item.get("MeasuredValueSequence") or []
    return item.get("ValueType") == "NUM" and any(value.get("NumericValue") is not None for value in values[:1])


def _measurement(item: Dataset, segment: int | None, tracking: str) -> Measurement:
    measured = item.MeasuredValueSequence[0]
    code = code_of(item.ConceptNameCodeSequence[0])
    units = measured.get("MeasurementUnitsCodeSequence")
    return Measurement(
        name=code.meaning,
        value=float(measured.NumericValue),
        unit=code_of(units[0]).value if units else "1",
        segment=segment,
        code=code,
        tracking=tracking,
    )
