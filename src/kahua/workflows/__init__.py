"""Workflows: specification, planning, runs, engines and runtimes."""

from kahua.workflows.catalogue import InstalledEnvironment, InstalledWorkflow, WorkflowCatalogue
from kahua.workflows.folders import RunFolders
from kahua.workflows.forms import complete_parameters, form_hints, form_schema
from kahua.workflows.machine import machine_of
from kahua.workflows.planner import Machine
from kahua.workflows.runs import Choice, Runs
from kahua.workflows.specification import Workflow
from kahua.workflows.states import JobState, RunState, TaskState
from kahua.workflows.transfers import Transfers, keep_dicom_in
from kahua.workflows.views import (
    CheckView,
    LogPart,
    RunDetail,
    RunItem,
)

__all__ = [
    "CheckView",
    "Choice",
    "InstalledEnvironment",
    "InstalledWorkflow",
    "JobState",
    "LogPart",
    "Machine",
    "RunDetail",
    "RunFolders",
    "RunItem",
    "RunState",
    "Runs",
    "TaskState",
    "Transfers",
    "Workflow",
    "WorkflowCatalogue",
    "complete_parameters",
    "form_hints",
    "form_schema",
    "keep_dicom_in",
    "machine_of",
]
