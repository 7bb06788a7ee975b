"""Workflows: specification, planning, runs, engines and runtimes.

What is exported is imported when it is first asked for: the converters, which are processes of their own below this
package, start for every conversion, and would pay for the database and the archive that they never use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kahua.workflows.catalogue import InstalledEnvironment, InstalledWorkflow, WorkflowCatalogue
    from kahua.workflows.erasure import RunTraces
    from kahua.workflows.folders import RunFolders
    from kahua.workflows.forms import complete_parameters, form_hints, form_schema
    from kahua.workflows.machine import machine_of
    from kahua.workflows.planner import Machine
    from kahua.workflows.runs import Choice, Runs
    from kahua.workflows.specification import Workflow
    from kahua.workflows.states import JobState, RunState, TaskState
    from kahua.workflows.transfers import Transfers, keep_dicom_in
    from kahua.workflows.views import CheckView, LogPart, RunDetail, RunItem

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
    "RunTraces",
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

#: Module of each name, below this package.
_MODULES = {
    "catalogue": ("InstalledEnvironment", "InstalledWorkflow", "WorkflowCatalogue"),
    "erasure": ("RunTraces",),
    "folders": ("RunFolders",),
    "forms": ("complete_parameters", "form_hints", "form_schema"),
    "machine": ("machine_of",),
    "planner": ("Machine",),
    "runs": ("Choice", "Runs"),
    "specification": ("Workflow",),
    "states": ("JobState", "RunState", "TaskState"),
    "transfers": ("Transfers", "keep_dicom_in"),
    "views": ("CheckView", "LogPart", "RunDetail", "RunItem"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name that is exported, once."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
