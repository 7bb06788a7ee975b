"""A table of measurements to a DICOM structured report (TID 1500)."""

from pathlib import Path

from pydicom import dcmread

from kahua.dicom.measurement_report import Measurement, build_report
from kahua.errors import InvalidInput
from kahua.workflows.converters import NOTICE
from kahua.workflows.converters.details import Details, as_code, read_details
from kahua.workflows.converters.series import read_series
from kahua.workflows.converters.tables import Row, read_rows

REPORT = "report.dcm"


def measurements_to_sr(table: Path, segmentation: Path | None, image: Path, details: Path, out: Path) -> None:
    """Write ``report.dcm`` into a folder: what was measured of the segments of a segmentation.

    A report says of what its numbers are. Where nothing was segmented, or the table names no segment,
    there is none, only the notice that says so; the numbers themselves are kept with the run.

    Raises
    ------
    InvalidInput
        The table is none, or contradicts the workflow.
    """
    wanted = read_details(details)
    rows = read_rows(table, {segment.label: segment.name for segment in wanted.segments})
    of_segments = [row for row in rows if row.label is not None]
    if segmentation is None or (segmentation / NOTICE).is_file() or not of_segments:
        sentence = "No segment was measured: the numbers are kept with the run, without a report."
        (out / NOTICE).write_text(f"{sentence}\n", encoding="utf-8")
        return
    (file,) = (entry for entry in segmentation.iterdir() if entry.is_file())
    report = build_report(
        read_series(image, with_pixels=False),
        dcmread(file),
        [_measurement(row, wanted) for row in of_segments],
        series_uid=wanted.series_uid,
        description=wanted.series_description,
        algorithm_name=wanted.algorithm.name,
        algorithm_version=wanted.algorithm.version,
    )
    report.save_as(out / REPORT, enforce_file_format=True)


def _measurement(row: Row, details: Details) -> Measurement:
    """Number segments as the segmentation does: from 1, in the order of the workflow."""
    quantity = details.quantities.get(row.name)
    if quantity and quantity.unit != row.unit:
        raise InvalidInput(
            f"The table gives '{row.name}' in {row.unit}, the workflow in {quantity.unit}.",
            remedy="The step has to write the unit that the extension.toml names.",
        )
    return Measurement(
        name=quantity.title if quantity else row.name,
        value=row.value,
        unit=row.unit,
        segment=[segment.label for segment in details.segments].index(row.label or 0) + 1,
        code=as_code(quantity.code) if quantity else None,
    )
