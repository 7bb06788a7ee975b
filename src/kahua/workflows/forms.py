"""The form of a workflow's parameters, and the values that people gave."""

from collections.abc import Mapping
from typing import Any

from kahua.errors import InvalidInput
from kahua.workflows.specification import Parameter, Workflow

_JSON_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean", "choice": "string", "text": "string"}


def form_schema(workflow: Workflow) -> dict[str, Any]:
    """JSON Schema of the parameters, as an object with one property each."""
    required = [name for name, parameter in workflow.parameters.items() if parameter.default is None]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {name: _property(name, parameter) for name, parameter in workflow.parameters.items()},
        "required": required,
        "additionalProperties": False,
    }


def form_hints(workflow: Workflow) -> dict[str, Any]:
    """How to show the form: the order of its fields, and their units."""
    units = {name: {"ui:options": {"unit": p.unit}} for name, p in workflow.parameters.items() if p.unit}
    return {"ui:order": list(workflow.parameters), **units}


def complete_parameters(workflow: Workflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Add the defaults to the values given, in the order of the workflow.

    Raises
    ------
    InvalidInput
        A value is unknown, missing or not allowed; names the parameter.
    """
    for name in given:
        if name not in workflow.parameters:
            raise InvalidInput(f"There is no parameter '{name}'.", field=f"parameters.{name[:64]}")
    return {name: _value(name, parameter, given) for name, parameter in workflow.parameters.items()}


def _value(name: str, parameter: Parameter, given: Mapping[str, Any]) -> Any:
    value = given.get(name, parameter.default)
    if value is None:
        raise InvalidInput(f"The parameter '{name}' needs a value.", field=f"parameters.{name}")
    problem = parameter.problem(value)
    if problem:
        raise InvalidInput(f"The parameter '{name}' {problem}.", field=f"parameters.{name}")
    return value


def _property(name: str, parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": _JSON_TYPES[parameter.type],
        "title": parameter.title or name.replace("-", " ").replace("_", " ").capitalize(),
    }
    optional = {
        "description": parameter.description or None,
        "default": parameter.default,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "enum": list(parameter.choices) or None,
        "maxLength": parameter.maximum_length if parameter.type == "text" else None,
    }
    return schema | {key: value for key, value in optional.items() if value is not None}
