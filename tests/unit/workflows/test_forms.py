import pytest

from kahua.errors import InvalidInput
from kahua.workflows.forms import complete_parameters, form_hints, form_schema

from .specifications import workflow

PARAMETERS = {
    "threshold": {"type": "number", "default": 0.5, "minimum": 0, "maximum": 1, "unit": "mm"},
    "rounds": {"type": "integer"},
    "fast": {"type": "boolean", "default": False},
    "model": {"type": "choice", "choices": ["small", "large"], "default": "small"},
    "note": {"type": "text", "default": "", "maximum_length": 5},
}


def with_parameters() -> object:
    used = ["python", "{inputs.image}", "{outputs.mask}", "{outputs.volumes}"]
    used += [f"{{parameters.{name}}}" for name in PARAMETERS]
    step = {"name": "extract", "environment": "deepbet", "command": used, "inputs": {"image": "nifti"}}
    return workflow(parameters=PARAMETERS, steps=[step])


def test_the_form_follows_the_parameters() -> None:
    schema = form_schema(with_parameters())
    assert schema["required"] == ["rounds"]
    assert schema["properties"]["threshold"] == {
        "type": "number",
        "title": "Threshold",
        "default": 0.5,
        "minimum": 0,
        "maximum": 1,
    }
    assert schema["properties"]["model"]["enum"] == ["small", "large"]
    assert form_hints(with_parameters())["ui:order"] == list(PARAMETERS)


def test_missing_values_take_their_defaults() -> None:
    assert complete_parameters(with_parameters(), {"rounds": 2}) == {
        "threshold": 0.5,
        "rounds": 2,
        "fast": False,
        "model": "small",
        "note": "",
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "'rounds' needs a value"),
        ({"rounds": 1, "other": 2}, "no parameter 'other'"),
        ({"rounds": 1.5}, "must be a whole number"),
        ({"rounds": True}, "must be a whole number"),
        ({"rounds": 1, "threshold": 1.5}, "at most 1"),
        ({"rounds": 1, "threshold": float("nan")}, "must be a number"),
        ({"rounds": 1, "fast": "yes"}, "true or false"),
        ({"rounds": 1, "model": "huge"}, "one of small, large"),
        ({"rounds": 1, "note": "a longer one"}, "at most 5 characters"),
        ({"rounds": 1, "note": "a\0b"}, "NUL"),
    ],
)
def test_a_wrong_value_is_refused_by_name(given: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem) as caught:
        complete_parameters(with_parameters(), given)
    assert str(caught.value.details["field"]).startswith("parameters.")
