from pathlib import Path
from typing import Any

from kahua.testing.site import temporary_database
from kahua.workflows.converters import NOTICE
from kahua.workflows.plan import PlannedTask, Source
from kahua.workflows.transfers import Kept, Transfer, Transfers

from .specifications import workflow


def keep_nothing(*_: Any) -> tuple[str, str]:
    raise AssertionError("a notice is no DICOM file")


def test_a_notice_in_place_of_dicom_is_kept_as_words(tmp_path: Path) -> None:
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / NOTICE).write_text("No voxel has a label.\n")
    task = PlannedTask(
        name="store:mask",
        kind="store",
        title="Store mask",
        inputs={"dicom": (Source(task="write:mask", path="dicom"),)},
        details={"output": "mask", "type": "segmentation"},
    )
    transfer = Transfer(
        project_id="p",
        run_id="r",
        job_id="j",
        person="ada",
        workflow=workflow(),
        task=task,
        out=tmp_path,
        log=tmp_path / "log",
        written_by=lambda _task: tmp_path,
    )
    database = temporary_database(tmp_path)
    kept = Transfers(database=database, objects=None, keep_dicom=keep_nothing).keep(transfer)
    database.close()
    assert kept == Kept(output_name="mask", type="segmentation", summary={"notice": "No voxel has a label."})
    assert (tmp_path / "log").read_text() == "No voxel has a label.\n"
