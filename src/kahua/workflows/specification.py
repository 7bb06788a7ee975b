"""What a workflow needs and gives: the part of an extension's manifest that people run.

A workflow says what it needs, not how to get it: `kahua.workflows.planner` adds the conversions.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from kahua.workflows.agreement import problems
from kahua.workflows.parts import (
    Code,
    Format,
    Input,
    Name,
    Output,
    Parameter,
    Part,
    Quantity,
    Resources,
    Rule,
    Segment,
    Step,
    Text,
)

__all__ = [
    "Code",
    "Format",
    "Input",
    "Name",
    "Output",
    "Parameter",
    "Part",
    "Quantity",
    "Resources",
    "Rule",
    "Segment",
    "Step",
    "Workflow",
]


class Workflow(Part):
    """A definition that can be run: typed inputs, parameters, steps, outputs."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Text = ""
    #: A job for each series, or one for all of them.
    unit: Literal["series", "dataset"] = "series"
    inputs: Annotated[dict[Name, Input], Field(min_length=1)]
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=100)]
    outputs: Annotated[dict[Name, Output], Field(min_length=1)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        found = list(problems(self))
        if found:
            raise ValueError("; ".join(found))
        return self

    def environment_names(self) -> frozenset[str]:
        """Environments that the steps name; the manifest must define them all."""
        return frozenset(step.environment for step in self.steps)

    def step(self, name: str) -> Step:
        """Give the step of that name."""
        return next(step for step in self.steps if step.name == name)

    def outputs_of(self, step: str) -> dict[str, Output]:
        """Outputs that a step writes, by name."""
        return {name: output for name, output in self.outputs.items() if output.source == step}

    def image_of(self, output: Output) -> str:
        """Name of the image input to which an output belongs."""
        return output.image or next(iter(self.inputs))

    def needs_volume(self, input_name: str) -> bool:
        """Whether the slices of an input must form one volume."""
        declared = self.inputs[input_name].volume
        return any(step.inputs.get(input_name) == "nifti" for step in self.steps) if declared is None else declared
