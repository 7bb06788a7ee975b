"""The parts of a workflow's specification: inputs, parameters, steps, outputs."""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from kahua.workflows.sizes import Bytes

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$", max_length=64)]
Text = Annotated[str, StringConstraints(max_length=4000)]

#: Format in which a step gets an input: a folder of DICOM files, a NIfTI volume, or what another step wrote.
Format = Literal["dicom", "nifti", "labelmap", "table", "folder"]

#: Formats that a step may ask of an input of the workflow, or of an output of another step, by type.
FORMATS: dict[str, tuple[Format, ...]] = {
    "image": ("dicom", "nifti"),
    "segmentation": ("labelmap",),
    "measurements": ("table",),
    "files": ("folder",),
    "report": ("folder",),
}

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Part(BaseModel):
    """Base of every part of a specification: never changed, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Code(Part):
    """A coded concept, such as a SNOMED CT term."""

    value: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    scheme: Annotated[str, StringConstraints(min_length=1, max_length=16)] = "SCT"
    meaning: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Segment(Part):
    """What a label of a labelmap means (PS3.3 C.8.20.4)."""

    label: Annotated[int, Field(ge=1, le=65535)]
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    category: Code
    type: Code
    #: Where in the body it lies, if the type does not say so.
    region: Code | None = None
    #: Colour in which to draw it, ``#rrggbb``.
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None


class Quantity(Part):
    """What a name in a table of measurements means."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    code: Code
    #: UCUM unit, as the table writes it.
    unit: Annotated[str, StringConstraints(min_length=1, max_length=16)]


class Input(Part):
    """Data that the workflow works on."""

    type: Literal["image"]
    title: Text = ""
    description: Text = ""
    #: Accepted modalities; empty accepts all.
    modality: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,16}$")], ...] = ()
    minimum_slices: Annotated[int, Field(ge=1)] = 1
    #: The slices must form one volume; by default, if a step takes the input as NIfTI.
    volume: bool | None = None


class Parameter(Part):
    """A value that people choose in the form."""

    type: Literal["number", "integer", "boolean", "choice", "text"]
    title: Text = ""
    description: Text = ""
    unit: Annotated[str, StringConstraints(max_length=32)] = ""
    #: Without a default a value must be given.
    default: bool | int | float | str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = ()
    maximum_length: Annotated[int, Field(ge=1, le=10_000)] = 1000

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices are given for the type 'choice', and only for it")
        if self.type not in ("number", "integer") and (self.minimum is not None or self.maximum is not None):
            raise ValueError("minimum and maximum are for numbers")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("the minimum is above the maximum")
        if self.default is not None and (problem := self.problem(self.default)):
            raise ValueError(f"the default {problem}")
        return self

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value, to follow its name; None if it is fine."""
        if not _IS[self.type](value):
            return f"must be {_ARTICLE[self.type]}"
        if self.type == "choice" and value not in self.choices:
            return f"must be one of {', '.join(self.choices)}"
        if self.type == "text":
            return _problem_of_text(value, self.maximum_length)
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum:g}"
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _problem_of_text(value: str, maximum_length: int) -> str | None:
    if len(value) > maximum_length:
        return f"must have at most {maximum_length} characters"
    return "must not contain the character NUL" if "\0" in value else None


_IS = {
    "number": _is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "choice": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str),
}
_ARTICLE = {"number": "a number", "integer": "a whole number", "boolean": "true or false"}
_ARTICLE |= {"choice": "a text", "text": "a text"}


class Rule(Part):
    """An amount that grows with the bytes of the inputs: ``base + per_input_byte × input bytes``."""

    base: Bytes
    per_input_byte: Annotated[float, Field(ge=0, le=10_000)]


class Resources(Part):
    """What a step needs to run; more than this it does not get."""

    cpus: Annotated[int, Field(ge=1, le=1024)] = 1
    memory: Bytes | Rule = 1_000_000_000
    disk: Bytes | Rule = 10_000_000_000
    gpus: Annotated[int, Field(ge=0, le=64)] = 0
    minutes: Annotated[float, Field(gt=0, le=60 * 24 * 30)] = 60

    def memory_bytes(self, input_bytes: int) -> int:
        """Memory for inputs of this size."""
        return _amount(self.memory, input_bytes)

    def disk_bytes(self, input_bytes: int) -> int:
        """Largest size of one file written, for inputs of this size."""
        return _amount(self.disk, input_bytes)


def _amount(amount: int | Rule, input_bytes: int) -> int:
    return amount if isinstance(amount, int) else amount.base + int(amount.per_input_byte * input_bytes)


class Step(Part):
    """A command in an environment of the extension."""

    name: Name
    #: What it does, for people; its name if empty.
    title: Text = ""
    environment: Name
    #: Arguments, without a shell. Placeholders: ``{extension}``, ``{inputs.NAME}``, ``{outputs.NAME}``,
    #: ``{parameters.NAME}``.
    command: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
    #: Format of each input of the workflow, or output of an earlier step, that this step gets.
    inputs: dict[Name, Format] = Field(default_factory=dict)
    resources: Resources = Resources()
    network: bool = False
    #: Further attempts after one that failed.
    retries: Annotated[int, Field(ge=0, le=10)] = 0

    def placeholders(self) -> Iterator[str]:
        """Give every placeholder of the command, without its braces."""
        for argument in self.command:
            yield from PLACEHOLDER.findall(argument)


class Output(Part):
    """Something that the workflow gives: kept as DICOM or as a file of the project, or for later steps only."""

    type: Literal["segmentation", "measurements", "image", "files", "report"]
    #: Step that writes it.
    source: Name = Field(alias="from")
    title: Text = ""
    description: Text = ""
    #: Not kept if false: it only serves later steps.
    keep: bool = True
    #: Image input on whose grid a segmentation lies, or which was measured; the first one by default.
    image: Name | None = None
    segments: tuple[Segment, ...] = ()
    #: Segmentation output whose segments were measured.
    segmentation: Name | None = None
    #: Coded meaning of the names in a table of measurements.
    quantities: dict[Name, Quantity] = Field(default_factory=dict)

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if bool(self.segments) != (self.type == "segmentation"):
            raise ValueError("a segmentation, and nothing else, has segments")
        if len({segment.label for segment in self.segments}) < len(self.segments):
            raise ValueError("two segments have the same label")
        if self.type != "measurements" and (self.quantities or self.segmentation):
            raise ValueError("quantities and segmentation are for measurements")
        return self
