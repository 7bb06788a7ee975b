"""Workflows: specification, planning, runs, engines and runtimes."""

from kahua.workflows.forms import complete_parameters, form_hints, form_schema
from kahua.workflows.specification import Workflow
from kahua.workflows.states import JobState, RunState, TaskState

__all__ = [
    "JobState",
    "RunState",
    "TaskState",
    "Workflow",
    "complete_parameters",
    "form_hints",
    "form_schema",
]
