"""What this site says of a workitem while and after it performs it (PS3.4 table CC.2.5-3; IHE RAD AIW-I)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kahua.store.workitems.attributes import (
    DESCRIPTION,
    OUTPUT,
    PERCENT,
    PERFORMED,
    PERFORMED_CODE,
    PROGRESS,
    WORKITEM_CODE,
)
from kahua.store.workitems.documents import Json, code_item, date_time, items_of, sequence, words
from kahua.workflows.workitems.codes import SCHEME

#: Most instances that are named one by one; of what is larger only the series is.
MAX_REFERENCES: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Station:
    """How the site is known to others."""

    ae_title: str
    name: str
    #: Address of the project's DICOMweb service.
    address: str


@dataclass(frozen=True, kw_only=True)
class ResultSeries:
    """A series that a run made."""

    study_uid: str
    series_uid: str
    #: SOP class and instance UIDs.
    instances: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Performed:
    """What a run did."""

    title: str
    started_at: datetime
    finished_at: datetime
    parameters: Mapping[str, Any]
    series: Sequence[ResultSeries]


def with_progress(document: Json, *, done: int, total: int, doing: str) -> Json:
    """Say how far the work is."""
    percent = round(100 * done / total) if total else 0
    return _said(document, percent, f"{done} of {total} tasks are done: {doing}")


def completed(document: Json, performed: Performed, station: Station) -> Json:
    """Say what was done, and where the results are."""
    codes = items_of(document, WORKITEM_CODE)
    item = {
        "00404028": sequence(code_item(station.ae_title, SCHEME, station.name)),
        "00404050": words("DT", date_time(performed.started_at)),
        "00404051": words("DT", date_time(performed.finished_at)),
        "00400254": words("LO", performed.title[:64]),
        PERFORMED_CODE: sequence(*codes),
        "00741212": sequence(*(parameter_item(name, value) for name, value in performed.parameters.items())),
        OUTPUT: sequence(*(_output(series, station) for series in performed.series)),
    }
    return {**_said(document, 100, "All tasks are done."), PERFORMED: sequence(item)}


def _said(document: Json, percent: int, description: str) -> Json:
    first = dict(next(iter(items_of(document, PROGRESS)), {}))
    first[PERCENT], first[DESCRIPTION] = words("DS", percent), words("ST", description[:1024])
    return {**document, PROGRESS: sequence(first)}


def parameter_item(name: str, value: Any) -> Json:
    """Write a parameter as a content item (PS3.3 table 10-2)."""
    concept = {"0040A043": sequence(code_item(name, SCHEME, name))}
    if isinstance(value, int | float) and not isinstance(value, bool):
        unit = code_item("1", "UCUM", "no units")
        return {
            "0040A040": words("CS", "NUMERIC"),
            **concept,
            "0040A30A": words("DS", value),
            "004008EA": sequence(unit),
        }
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"0040A040": words("CS", "TEXT"), **concept, "0040A160": words("UT", text)}


def _output(series: ResultSeries, station: Station) -> Json:
    """Say where a series of results is (PS3.3 table 10-3b)."""
    address = f"{station.address}/studies/{series.study_uid}/series/{series.series_uid}"
    item = {
        "0040E020": words("CS", "DICOM"),
        "0020000D": words("UI", series.study_uid),
        "0020000E": words("UI", series.series_uid),
        "0040E021": sequence({"00080054": words("AE", station.ae_title)}),
        "0040E025": sequence({"00081190": words("UR", address)}),
    }
    if len(series.instances) <= MAX_REFERENCES:
        item["00081199"] = sequence(
            *(
                {"00081150": words("UI", sop_class), "00081155": words("UI", sop_instance)}
                for sop_class, sop_instance in series.instances
            )
        )
    return item
