"""Whether the parts of a workflow agree with each other, told in words."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kahua.workflows.parts import FORMATS, Output, Step

if TYPE_CHECKING:
    from kahua.workflows.specification import Workflow

#: Outputs that make sense only for one series.
OUTPUTS_OF_ONE_SERIES = ("segmentation",)


def problems(workflow: "Workflow") -> Iterator[str]:
    """Everything by which a workflow contradicts itself, a sentence each."""
    yield from _problems_of_names(workflow)
    for place, step in enumerate(workflow.steps):
        yield from _problems_of_step(workflow, place, step)
    for name, output in workflow.outputs.items():
        yield from _problems_of_output(workflow, name, output)
    yield from _unused(workflow)


def _problems_of_names(workflow: "Workflow") -> Iterator[str]:
    names = [step.name for step in workflow.steps]
    if len(set(names)) < len(names):
        yield "two steps have the same name"
    for name in sorted(set(workflow.inputs) & set(workflow.outputs)):
        yield f"'{name}' is both an input and an output"
    if workflow.unit == "series" and len(workflow.inputs) > 1:
        yield "a workflow for single series has one input; set unit = 'dataset' for several"


def _problems_of_step(workflow: "Workflow", place: int, step: Step) -> Iterator[str]:
    earlier = {earlier.name for earlier in workflow.steps[:place]}
    for name, format_ in step.inputs.items():
        if name in workflow.inputs:
            allowed = FORMATS[workflow.inputs[name].type]
        elif name in workflow.outputs and workflow.outputs[name].source in earlier:
            allowed = FORMATS[workflow.outputs[name].type]
            allowed = ("dicom",) if workflow.outputs[name].type == "image" else allowed
        else:
            yield f"step '{step.name}' takes '{name}', which is neither an input nor an output of an earlier step"
            continue
        if format_ not in allowed:
            yield f"step '{step.name}' cannot take '{name}' as {format_}, only as {' or '.join(allowed)}"
    for placeholder in step.placeholders():
        yield from _problems_of_placeholder(workflow, step, placeholder)


def _problems_of_placeholder(workflow: "Workflow", step: Step, placeholder: str) -> Iterator[str]:
    kind, _, name = placeholder.partition(".")
    known: dict[str, Mapping[str, object]]
    known = {"inputs": step.inputs, "outputs": workflow.outputs_of(step.name), "parameters": workflow.parameters}
    if placeholder == "extension" or (kind in known and name in known[kind]):
        return
    yield f"the command of step '{step.name}' has the unknown placeholder {{{placeholder}}}"


def _problems_of_output(workflow: "Workflow", name: str, output: Output) -> Iterator[str]:
    if output.source not in {step.name for step in workflow.steps}:
        yield f"output '{name}' comes from the unknown step '{output.source}'"
        return
    if output.image is not None and output.image not in workflow.inputs:
        yield f"output '{name}' names the unknown image '{output.image}'"
    about = workflow.outputs.get(output.segmentation) if output.segmentation else None
    if output.segmentation and (about is None or about.type != "segmentation"):
        yield f"output '{name}' names the unknown segmentation '{output.segmentation}'"
    if about is not None and output.keep and not about.keep:
        yield f"output '{name}' refers to '{output.segmentation}', which is not kept"
    if workflow.unit == "dataset" and output.keep and output.type in OUTPUTS_OF_ONE_SERIES:
        yield f"output '{name}' is a {output.type}, which a job on a whole dataset cannot give"


def _unused(workflow: "Workflow") -> Iterator[str]:
    used = {placeholder for step in workflow.steps for placeholder in step.placeholders()}
    for name in workflow.parameters:
        if f"parameters.{name}" not in used:
            yield f"no step uses the parameter '{name}'"
    for name in workflow.inputs:
        if not any(name in step.inputs for step in workflow.steps):
            yield f"no step takes the input '{name}'"
    for step in workflow.steps:
        for name in step.inputs:
            if f"inputs.{name}" not in set(step.placeholders()):
                yield f"the command of step '{step.name}' does not name its input '{name}'"
        for name in workflow.outputs_of(step.name):
            if f"outputs.{name}" not in set(step.placeholders()):
                yield f"the command of step '{step.name}' does not name its output '{name}'"
