"""Tables of measurements as steps write them: ``name,value,unit[,segment]``, one row each."""

import csv
import math
from pathlib import Path
from typing import Any

from kahua.errors import TaskFailed
from kahua.workflows.specification import Workflow

#: Largest table, and most rows of it, that are shown beside a result.
MAX_BYTES = 2_000_000
MAX_ROWS = 5_000

COLUMNS = ("name", "value", "unit")


def read_measurements(table: Path, workflow: Workflow, output_name: str) -> list[dict[str, Any]]:
    """Read a table, with titles of quantities and names of segments from the workflow.

    Raises
    ------
    TaskFailed
        It is no such table; names the row.
    """
    if table.stat().st_size > MAX_BYTES:
        raise TaskFailed("The table of measurements is too large.", remedy="Write large tables as an output of files.")
    with table.open(newline="", encoding="utf-8", errors="strict") as file:
        try:
            rows = list(csv.DictReader(file))
        except (csv.Error, UnicodeDecodeError) as error:
            raise TaskFailed(f"The table of measurements cannot be read: {error}.") from error
    if len(rows) > MAX_ROWS:
        raise TaskFailed(f"The table of measurements has more than {MAX_ROWS} rows.")
    return [_measurement(number, row, workflow, output_name) for number, row in enumerate(rows, 1)]


def _measurement(number: int, row: dict[str, Any], workflow: Workflow, output_name: str) -> dict[str, Any]:
    output = workflow.outputs[output_name]
    if any(not isinstance(row.get(column), str) for column in COLUMNS):
        raise TaskFailed(f"Row {number} of the measurements lacks one of the columns {', '.join(COLUMNS)}.")
    quantity = output.quantities.get(row["name"])
    segment = (row.get("segment") or "").strip()
    return {
        "name": row["name"][:64],
        "title": quantity.title if quantity else row["name"][:64],
        "value": _number(number, row["value"]),
        "unit": row["unit"][:16],
        "segment": _segment_name(segment, workflow, output.segmentation)[:64] or None,
    }


def _number(row: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise TaskFailed(f"Row {row} of the measurements has the value {text[:40]!r}, which is no number.") from error
    if not math.isfinite(value):
        raise TaskFailed(f"Row {row} of the measurements has a value that is not finite.")
    return value


def _segment_name(text: str, workflow: Workflow, segmentation: str | None) -> str:
    """Name of a segment that the table gives by its label; what is no label stays as it is."""
    segments = workflow.outputs[segmentation].segments if segmentation else ()
    return next((segment.name for segment in segments if str(segment.label) == text), text)
