import copy
from typing import Any

from kahua.workflows.facts import SeriesFacts
from kahua.workflows.plan import PlannedTask, Source, fill
from kahua.workflows.planner import JobPlan, Machine, plan, too_large

from .series import series, slice_at
from .specifications import brain_extraction, workflow


def job(*many: SeriesFacts, **changes: Any) -> JobPlan:
    given = workflow(**changes)
    return JobPlan(
        job_id="job1",
        workflow=given,
        algorithm="Brain extraction",
        version="1.0.0",
        parameters={"threshold": 0.5} if given.parameters else {},
        series={"image": many or (series(),)},
    )


def planned(*many: SeriesFacts, **changes: Any) -> dict[str, PlannedTask]:
    return {task.name: task for task in plan(job(*many, **changes))}


def test_conversions_are_added_between_archive_and_steps() -> None:
    after = {name: task.after for name, task in planned().items()}
    assert after == {
        "fetch:image": (),
        "convert:image:s1": ("fetch:image",),
        "extract": ("convert:image:s1",),
        "write:mask": ("extract", "fetch:image"),
        "store:mask": ("extract", "write:mask"),
        "write:volumes": ("extract", "fetch:image", "write:mask"),
        "store:volumes": ("extract", "write:volumes"),
    }


def test_every_task_comes_after_those_it_needs() -> None:
    seen: set[str] = set()
    for task in plan(job()):
        assert set(task.after) <= seen
        seen.add(task.name)


def test_a_step_on_dicom_needs_no_conversion() -> None:
    steps = copy.deepcopy(brain_extraction()["steps"])
    steps[0]["inputs"] = {"image": "dicom"}
    tasks = planned(steps=steps)
    assert "convert:image:s1" not in tasks
    assert tasks["extract"].inputs == {"image": (Source(task="fetch:image", path="s1"),)}


def test_an_output_for_later_steps_only_is_not_stored() -> None:
    outputs = copy.deepcopy(brain_extraction()["outputs"])
    outputs["mask"]["keep"] = False
    del outputs["volumes"]["segmentation"]
    assert {name for name in planned(outputs=outputs) if "mask" in name} == set()


def test_a_job_on_a_dataset_gets_all_series() -> None:
    outputs = {"table": {"type": "measurements", "from": "extract"}}
    step = {"name": "extract", "environment": "e", "inputs": {"image": "nifti"}}
    step["command"] = ["x", "{inputs.image}", "{outputs.table}"]
    tasks = planned(series(), series(id="s2"), unit="dataset", outputs=outputs, steps=[step], parameters={})
    assert tasks["extract"].inputs["image"] == (
        Source(task="convert:image:s1", path="image.nii.gz", name="s1.nii.gz"),
        Source(task="convert:image:s2", path="image.nii.gz", name="s2.nii.gz"),
    )
    assert tasks["store:table"].after == ("extract",)


def test_uids_of_results_depend_on_the_job_alone() -> None:
    first, second = planned()["write:mask"].details, planned()["write:mask"].details
    assert first == second
    assert first["series_uid"] != first["sop_instance_uid"]
    assert first["series_uid"].startswith("2.25.")
    assert len(first["series_uid"]) <= 64


def test_a_cached_conversion_is_named_by_content() -> None:
    key = planned()["convert:image:s1"].cache_key
    same_content_elsewhere = planned(series(id="s9"))["convert:image:s9"].cache_key
    other_content = planned(series(*(slice_at(2.0 * i) for i in range(11))))["convert:image:s1"].cache_key
    assert key == same_content_elsewhere != other_content


def test_a_plan_survives_json() -> None:
    for task in plan(job()):
        assert PlannedTask.model_validate(task.model_dump(mode="json")) == task


def test_a_task_larger_than_the_machine_is_told() -> None:
    small = Machine(cpus=1, memory_bytes=2_000_000_000)
    assert too_large(plan(job()), small) == ["The task 'extract' needs 3 GB of memory; tasks here may use 2 GB."]
    assert too_large(plan(job()), Machine(cpus=1, memory_bytes=10**11)) == []


def test_a_missing_gpu_is_told() -> None:
    steps = copy.deepcopy(brain_extraction()["steps"])
    steps[0]["resources"] = {"gpus": 1}
    assert "needs 1 GPU" in too_large(plan(job(steps=steps)), Machine(cpus=1, memory_bytes=10**11))[0]


def test_a_value_that_looks_like_a_placeholder_stays() -> None:
    values = {"parameters.note": "{outputs.mask}", "outputs.mask": "/out"}
    assert fill("{parameters.note}:{outputs.mask}", values) == "{outputs.mask}:/out"
