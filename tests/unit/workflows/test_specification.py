import copy

import pytest
from pydantic import ValidationError

from kahua.workflows.sizes import format_bytes, parse_bytes
from kahua.workflows.specification import Parameter, Workflow

from .specifications import brain_extraction, workflow


def refused(**changes: object) -> str:
    with pytest.raises(ValidationError) as caught:
        workflow(**changes)
    return str(caught.value)


def step(**changes: object) -> dict[str, object]:
    return brain_extraction()["steps"][0] | changes


def test_a_workflow_survives_json() -> None:
    original = workflow()
    assert Workflow.model_validate(original.model_dump(mode="json")) == original
    assert Workflow.model_validate_json(original.model_dump_json()) == original


def test_memory_is_read_with_its_unit() -> None:
    assert workflow().steps[0].resources.memory_bytes(10**9) == 3 * 10**9


def test_memory_may_grow_with_the_input() -> None:
    resources = {"memory": {"base": "1 GB", "per_input_byte": 12}}
    grown = workflow(steps=[step(resources=resources)]).steps[0].resources
    assert grown.memory_bytes(100_000_000) == 2_200_000_000


@pytest.mark.parametrize(("text", "count"), [("3 GB", 3 * 10**9), ("512MiB", 2**29), ("1.5 kb", 1500), ("7 B", 7)])
def test_amounts_are_read_as_people_write_them(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize("text", ["3", "GB", "-1 GB", "3 GB more", "1e3 GB", "3 Gb/s"])
def test_other_words_are_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="no amount of bytes"):
        parse_bytes(text)


def test_amounts_are_written_as_people_read_them() -> None:
    assert [format_bytes(n) for n in (3_200_000_000, 999, 1500)] == ["3.2 GB", "999 B", "1.5 KB"]


def test_an_unknown_key_is_refused() -> None:
    assert "Extra inputs are not permitted" in refused(colour="red")


def test_an_unknown_placeholder_is_refused() -> None:
    command = [*step()["command"], "{outputs.masc}"]  # type: ignore[misc]
    assert "unknown placeholder {outputs.masc}" in refused(steps=[step(command=command)])


def test_a_parameter_that_no_step_uses_is_refused() -> None:
    parameters = brain_extraction()["parameters"] | {"colour": {"type": "text", "default": "red"}}
    assert "no step uses the parameter 'colour'" in refused(parameters=parameters)


def test_an_input_that_no_step_takes_is_refused() -> None:
    inputs = brain_extraction()["inputs"] | {"other": {"type": "image"}}
    message = refused(inputs=inputs, unit="dataset")
    assert "no step takes the input 'other'" in message


def test_a_step_with_an_unknown_input_is_refused() -> None:
    assert "takes 'imag', which is neither" in refused(steps=[step(inputs={"imag": "nifti"})])


def test_a_format_that_an_input_cannot_have_is_refused() -> None:
    assert "cannot take 'image' as table" in refused(steps=[step(inputs={"image": "table"})])


def test_an_output_of_an_unknown_step_is_refused() -> None:
    outputs = copy.deepcopy(brain_extraction()["outputs"])
    outputs["mask"]["from"] = "other"
    assert "comes from the unknown step 'other'" in refused(outputs=outputs)


def test_a_segmentation_without_segments_is_refused() -> None:
    outputs = brain_extraction()["outputs"] | {"mask": {"type": "segmentation", "from": "extract"}}
    assert "has segments" in refused(outputs=outputs)


def test_two_segments_with_one_label_are_refused() -> None:
    outputs = copy.deepcopy(brain_extraction()["outputs"])
    outputs["mask"]["segments"] *= 2
    assert "two segments have the same label" in refused(outputs=outputs)


def test_measurements_of_an_unknown_segmentation_are_refused() -> None:
    outputs = copy.deepcopy(brain_extraction()["outputs"])
    outputs["volumes"]["segmentation"] = "volumes"
    assert "names the unknown segmentation 'volumes'" in refused(outputs=outputs)


def test_a_step_may_take_what_an_earlier_step_wrote() -> None:
    second = {
        "name": "measure",
        "environment": "deepbet",
        "command": ["measure", "{inputs.mask}", "{outputs.volumes}"],
        "inputs": {"mask": "labelmap"},
    }
    first = step(command=["python", "{inputs.image}", "{outputs.mask}", "{parameters.threshold}"])
    outputs = copy.deepcopy(brain_extraction()["outputs"])
    outputs["volumes"]["from"] = "measure"
    assert workflow(steps=[first, second], outputs=outputs).steps[1].inputs == {"mask": "labelmap"}
    assert "neither an input nor an output of an earlier step" in refused(steps=[second, first], outputs=outputs)


def test_a_job_on_a_dataset_gives_no_segmentation() -> None:
    assert "a job on a whole dataset cannot give" in refused(unit="dataset")


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "choice"},
        {"type": "text", "minimum": 1},
        {"type": "number", "minimum": 2, "maximum": 1},
        {"type": "number", "default": 3, "maximum": 1},
        {"type": "integer", "default": True},
        {"type": "choice", "choices": ["a"], "default": "b"},
    ],
)
def test_a_parameter_that_contradicts_itself_is_refused(definition: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Parameter.model_validate(definition)
