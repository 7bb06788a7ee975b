import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from kahua.dicom.measurement_report import read_measurements
from kahua.dicom.segmentation import SegmentLabel, build_segmentation
from kahua.testing.factory import mr_series, part10
from kahua.workflows.converters import NOTICE
from kahua.workflows.converters.__main__ import main

STRUCTURE = {"value": "123037004", "scheme": "SCT", "meaning": "Anatomical Structure"}
VOLUME = {"value": "118565006", "scheme": "SCT", "meaning": "Volume"}
DETAILS = {
    "series_uid": "2.25.81",
    "sop_instance_uid": "2.25.82",
    "series_description": "Volumes",
    "algorithm": {"name": "Brain extraction", "version": "1.0.0"},
    "segments": [
        {"label": 7, "name": "Brain", "category": STRUCTURE, "type": STRUCTURE},
        {"label": 3, "name": "Ventricle", "category": STRUCTURE, "type": STRUCTURE},
    ],
    "quantities": {"volume": {"title": "Volume", "unit": "ml", "code": VOLUME}},
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a series, a segmentation of it, and what is known of the result."""
    series = mr_series(slices=3, rows=16, columns=16)
    for folder in ("image", "seg", "out"):
        (tmp_path / folder).mkdir()
    for number, instance in enumerate(series):
        (tmp_path / "image" / f"{number:06}.dcm").write_bytes(part10(instance))
    labels = np.zeros((3, 16, 16), np.uint8)
    labels[1, 4:8, 4:8], labels[2, 4:8, 4:8] = 7, 3
    segments = [SegmentLabel(label=7, name="Brain"), SegmentLabel(label=3, name="Ventricle")]
    about = {"series_uid": "2.25.91", "description": "x", "algorithm_name": "x", "algorithm_version": "1"}
    dataset = build_segmentation([dcmread(f) for f in (tmp_path / "image").iterdir()], labels, segments, **about)
    dataset.save_as(tmp_path / "seg" / "segmentation.dcm", enforce_file_format=True)
    (tmp_path / "details.json").write_text(json.dumps(DETAILS))
    return tmp_path


def convert(place: Path, table: str, segmentation: str = "seg") -> tuple[int, str]:
    (place / "table.csv").write_text(table)
    said = io.StringIO()
    with contextlib.chdir(place), contextlib.redirect_stderr(said):
        status = main(["measurements-to-sr", "table.csv", segmentation, "image", "details.json", "out"])
    return status, said.getvalue()


def test_measurements_come_back_from_the_report_with_their_segments(place: Path) -> None:
    table = "name,value,unit,segment\nvolume,12.5,ml,7\nvolume,1.5,ml,Ventricle\nroundness,0.5,1,3\nage,1,a,\n"
    assert convert(place, table) == (0, "")
    report = dcmread(place / "out" / "report.dcm")
    found = [(each.name, each.value, each.unit, each.segment, each.tracking) for each in read_measurements(report)]
    assert found == [
        ("Volume", 12.5, "ml", 1, "Brain"),
        ("Volume", 1.5, "ml", 2, "Ventricle"),
        ("roundness", 0.5, "1", 2, "Ventricle"),
    ]
    assert read_measurements(report)[0].code.value == VOLUME["value"]
    assert (report.SeriesInstanceUID, report.SeriesDescription) == ("2.25.81", "Volumes")
    referred = {
        item.SeriesInstanceUID for item in report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    }
    assert referred == {dcmread(place / "image" / "000000.dcm").SeriesInstanceUID, "2.25.91"}


@pytest.mark.parametrize(("segmentation", "segment"), [("-", "7"), ("seg", ""), ("empty", "7")])
def test_numbers_of_no_segment_give_a_notice_and_no_report(place: Path, segmentation: str, segment: str) -> None:
    (place / "empty").mkdir()
    (place / "empty" / NOTICE).write_text("No voxel of the image has a label.\n")
    assert convert(place, f"name,value,unit,segment\nvolume,1,ml,{segment}\n", segmentation) == (0, "")
    (notice,) = (place / "out").iterdir()
    assert (notice.name, notice.read_text()[:24]) == (NOTICE, "No segment was measured:")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("name,value,unit,segment\nvolume,1,mm3,7\n", "The table gives 'volume' in mm3, the workflow in ml."),
        ("name,value,unit,segment\nvolume,1,ml,9\n", "names the segment '9', which there is not"),
        ("volume 12", "has 0 rows"),
    ],
)
def test_a_table_that_contradicts_the_workflow_is_refused(place: Path, table: str, sentence: str) -> None:
    status, said = convert(place, table)
    assert status == 2
    assert sentence in said
    assert not list((place / "out").iterdir())
