"""The port through which the engine and the use cases know which workflows are installed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from kahua.workflows.specification import Workflow


@dataclass(frozen=True, kw_only=True)
class InstalledEnvironment:
    """A Python environment in which steps run."""

    #: Interpreter of the environment, at ``bin/python`` below its folder.
    python: Path
    #: SHA-256 of the lock from which it was built.
    digest: str

    @property
    def folder(self) -> Path:
        """Folder of the environment."""
        return self.python.parent.parent


@dataclass(frozen=True, kw_only=True)
class InstalledWorkflow:
    """A workflow of an installed extension."""

    #: ``EXTENSION/WORKFLOW``.
    name: str
    #: Version of the extension, and SHA-256 over its files.
    version: str
    digest: str
    workflow: Workflow
    #: Folder with the extension's files.
    folder: Path
    #: Environments that are built, by the name that steps use.
    environments: Mapping[str, InstalledEnvironment] = field(default_factory=dict)
    state: Literal["building", "ready", "failed"] = "ready"
    #: Why it is not ready.
    error: str = ""
    maturity: Literal["stable", "experimental"] = "experimental"
    licence: str = ""
    citation: str = ""


class WorkflowCatalogue(Protocol):
    """Knows the workflows that are installed on this site.

    An implementation
    - MUST give the same workflow for a name and version as long as it is installed;
    - MUST raise `NotFound` for a name or version that is not installed;
    - MUST answer from what is stored, so that every process of the site sees the same.
    """

    def get(self, name: str, version: str | None = None) -> InstalledWorkflow:
        """Give the workflow of that name, ``EXTENSION/WORKFLOW``; without a version, the newest one."""

    def list(self) -> Sequence[InstalledWorkflow]:
        """Give every workflow in its newest version, by name."""


def full_name(name: str) -> str:
    """Write the name of an extension's only workflow in full: it is usually named as the extension."""
    return name if "/" in name else f"{name}/{name}"
