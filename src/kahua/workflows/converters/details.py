"""What a converter must know to write a result: the planner writes it (`kahua.workflows.planner`)."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kahua.dicom.codes import Code as DicomCode
from kahua.errors import InvalidInput
from kahua.workflows.specification import Code, Quantity, Segment


class Algorithm(BaseModel):
    """What made the result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=64)]
    version: Annotated[str, Field(min_length=1, max_length=64)]


class Details(BaseModel):
    """UIDs, names and codes of a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Series Instance UID of the result; the UID of its instance follows from it.
    series_uid: Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")]
    sop_instance_uid: Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")]
    series_description: Annotated[str, Field(max_length=64)] = ""
    algorithm: Algorithm
    segments: tuple[Segment, ...] = ()
    quantities: dict[str, Quantity] = Field(default_factory=dict)


def as_code(code: Code) -> DicomCode:
    """Give a code of a manifest as the DICOM component has it."""
    return DicomCode(value=code.value, scheme=code.scheme, meaning=code.meaning)


def read_details(file: Path) -> Details:
    """Read what the planner wrote.

    Raises
    ------
    InvalidInput
        It is not what a planner writes.
    """
    try:
        return Details.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidInput(f"The details of the result are wrong: {first['loc']}: {first['msg']}.") from error
