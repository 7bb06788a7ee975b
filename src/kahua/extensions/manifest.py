"""The manifest of an extension, ``extension.toml``: read, checked against its folder, explained where it is wrong."""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from kahua.errors import InvalidInput
from kahua.extensions.defects import Defect, defects_of_syntax, defects_of_validation
from kahua.extensions.locks import problems_of_lock, problems_of_overrides
from kahua.workflows.specification import Name, Part, Workflow

MANIFEST = "extension.toml"

#: Largest manifest and lock that are read.
LARGEST_TEXT_BYTES = 4_000_000

OWN_FILE = "{extension}/"


def _inside(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or "\0" in path:
        raise ValueError("must be a path inside the extension's folder, without '..'")
    return path


Text = Annotated[str, StringConstraints(max_length=4000)]
InnerPath = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_inside)]
Version = Annotated[
    str, StringConstraints(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}(-[0-9a-z]+(\.[0-9a-z]+)*)?$", max_length=32)
]


class Environment(Part):
    """Python packages that steps need."""

    #: Locked requirements: exact versions with hashes.
    requirements: InnerPath
    #: Requirements that replace those which packages declare.
    overrides: InnerPath | None = None


class Manifest(Part):
    """What an extension is and brings."""

    name: Name
    version: Version
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Text = ""
    licence: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    maturity: Literal["stable", "experimental"]
    citation: Text = ""
    environments: dict[Name, Environment] = Field(default_factory=dict)
    workflows: Annotated[dict[Name, Workflow], Field(min_length=1)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for name, workflow in self.workflows.items():
            for missing in sorted(workflow.environment_names() - set(self.environments)):
                raise ValueError(f"the workflow '{name}' names the environment '{missing}', which is not defined")
        used = {name for workflow in self.workflows.values() for name in workflow.environment_names()}
        for unused in sorted(set(self.environments) - used):
            raise ValueError(f"no step uses the environment '{unused}'")
        return self


class InvalidExtension(InvalidInput):
    """The extension cannot be installed as it is."""

    def __init__(self, defects: list[Defect]) -> None:
        sentences = "\n".join(str(defect) for defect in defects)
        super().__init__(
            f"The extension has {len(defects)} {'defect' if len(defects) == 1 else 'defects'}:\n{sentences}",
            remedy="Correct what is named, then try again.",
            field=defects[0].key or None,
            defects=[defect.public() for defect in defects],
        )


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of an extension's folder.

    Raises
    ------
    InvalidExtension
        Names every defect that was found, by file, line and key.
    """
    text = _text(folder, MANIFEST)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidExtension([defects_of_syntax(MANIFEST, error)]) from error
    try:
        manifest = Manifest.model_validate(data)
    except ValidationError as error:
        raise InvalidExtension(defects_of_validation(MANIFEST, text, data, error, known=_known_keys())) from error
    if defects := list(_defects_of_files(folder, manifest)):
        raise InvalidExtension(defects)
    return manifest


@cache
def _known_keys() -> frozenset[str]:
    schema = Manifest.model_json_schema()
    objects = (schema, *schema["$defs"].values())
    return frozenset(key for part in objects for key in part.get("properties", {}))


def _defects_of_files(folder: Path, manifest: Manifest) -> Iterator[Defect]:
    """Files that the manifest names: whether they are there, and whether the locks are locks."""
    for name, environment in manifest.environments.items():
        yield from _defects_of_environment(folder, f"environments.{name}", environment)
    for name, workflow in manifest.workflows.items():
        for step in workflow.steps:
            for argument in step.command:
                path = argument.removeprefix(OWN_FILE)
                if path != argument and "{" not in path and not (folder / path).exists():
                    key = f"workflows.{name}.steps.{step.name}.command"
                    yield Defect(file=MANIFEST, key=key, problem=f"names the file '{path}', which is not there")


def _defects_of_environment(folder: Path, key: str, environment: Environment) -> Iterator[Defect]:
    for kind in ("requirements", "overrides"):
        path = getattr(environment, kind)
        if path and not (folder / path).is_file():
            yield Defect(file=MANIFEST, key=f"{key}.{kind}", problem=f"names the file '{path}', which is not there")
            return
    overrides = _text(folder, environment.overrides) if environment.overrides else ""
    if environment.overrides:
        for line, problem in problems_of_overrides(overrides):
            yield Defect(file=environment.overrides, line=line, problem=problem)
    for line, problem in problems_of_lock(_text(folder, environment.requirements), overrides):
        yield Defect(file=environment.requirements, line=line, problem=problem)


def _text(folder: Path, path: str) -> str:
    file = folder / path
    if not file.is_file():
        raise InvalidExtension([Defect(file=path, problem="is missing: an extension is a folder with this file")])
    if file.stat().st_size > LARGEST_TEXT_BYTES:
        raise InvalidExtension([Defect(file=path, problem=f"is larger than {LARGEST_TEXT_BYTES // 1_000_000} MB")])
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidExtension([Defect(file=path, problem="is not text in UTF-8")]) from error


def version_order(version: str) -> tuple[Any, ...]:
    """Key that sorts versions from old to new; ``1.0.0-beta`` comes before ``1.0.0``."""
    numbers, _, early = version.partition("-")
    order = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in early.split("."))
    return (*(int(number) for number in numbers.split(".")), not early, order)
