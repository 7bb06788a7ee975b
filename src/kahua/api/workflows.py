"""Workflows that can be run in a project, their forms, and whether series fit them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, model_validator

from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import Page, Request
from kahua.api.security import Access, SiteOfRequest
from kahua.workflows import CheckView, Choice, InstalledWorkflow, form_hints, form_schema

router = APIRouter(prefix="/api/projects/{project}/workflows", tags=["workflows"])

CanRead = Annotated[ProjectAccess, Depends(Access(Permission.WORKFLOW_READ))]


class WorkflowItem(BaseModel):
    """A workflow that is installed."""

    #: ``EXTENSION/WORKFLOW``.
    name: str
    title: str
    description: str
    version: str
    maturity: str
    #: Modalities that it takes; empty if it takes any.
    modality: list[str]
    #: A job for each series, or one for all: `series` or `dataset`.
    unit: str
    #: `building`, `ready` or `failed`, and why.
    state: str
    error: str


class InputItem(BaseModel):
    """Data that a workflow works on."""

    name: str
    type: str
    title: str
    description: str
    modality: list[str]
    minimum_slices: int


class OutputItem(BaseModel):
    """Something that a workflow gives."""

    name: str
    type: str
    title: str
    description: str


class WorkflowDetail(WorkflowItem):
    """A workflow with its form."""

    #: JSON Schema of the parameters, and hints how to show it.
    form: dict[str, Any]
    ui: dict[str, Any]
    inputs: list[InputItem]
    outputs: list[OutputItem]
    #: What each step needs: processors, memory, time.
    resources: list[dict[str, Any]]
    licence: str
    citation: str


class DatasetChoice(Request):
    """A dataset in a version; the newest if none is given."""

    name: str = Field(max_length=64)
    version: int | None = Field(None, ge=1)


class DataRequest(Request):
    """Data to work on: series, or a dataset."""

    series: list[Annotated[str, Field(max_length=20)]] | None = Field(None, max_length=10_000)
    dataset: DatasetChoice | None = None
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=1000)

    @model_validator(mode="after")
    def _one_of_both(self) -> "DataRequest":
        if (self.series is None) == (self.dataset is None):
            raise ValueError("give either series or a dataset")
        return self

    @property
    def choice(self) -> Choice:
        """What was chosen."""
        if self.dataset is None:
            return Choice(series=self.series or [])
        return Choice(dataset=self.dataset.name, dataset_version=self.dataset.version)


@router.get("", operation_id="list_workflows")
def list_workflows(_may: CanRead, site: SiteOfRequest) -> Page[WorkflowItem]:
    """List the workflows that are installed."""
    return Page(items=[WorkflowItem(**_item(installed)) for installed in site.runs.workflows()])


@router.get("/{extension}/{workflow}", operation_id="get_workflow")
def get_workflow(extension: str, workflow: str, _may: CanRead, site: SiteOfRequest) -> WorkflowDetail:
    """Show a workflow and its form."""
    installed: InstalledWorkflow = site.runs.workflow(f"{extension}/{workflow}")
    definition = installed.workflow
    return WorkflowDetail(
        **_item(installed),
        form=form_schema(definition),
        ui=form_hints(definition),
        inputs=[
            InputItem(name=name, **input_.model_dump(include=set(InputItem.model_fields) - {"name"}))
            for name, input_ in definition.inputs.items()
        ],
        outputs=[
            OutputItem(name=name, type=output.type, title=output.title, description=output.description)
            for name, output in definition.outputs.items()
            if output.keep
        ],
        resources=[{"step": step.name, **step.resources.model_dump(mode="json")} for step in definition.steps],
        licence=installed.licence,
        citation=installed.citation,
    )


@router.post("/{extension}/{workflow}/check", operation_id="check_workflow")
def check_workflow(extension: str, workflow: str, body: DataRequest, may: CanRead, site: SiteOfRequest) -> CheckView:
    """Say which series fit a workflow, and why the others do not. Nothing is started."""
    answer: CheckView = site.runs.check(
        may.project_id, workflow=f"{extension}/{workflow}", choice=body.choice, parameters=body.parameters
    )
    return answer


def _item(installed: InstalledWorkflow) -> dict[str, Any]:
    modality = {modality for input_ in installed.workflow.inputs.values() for modality in input_.modality}
    return {
        "name": installed.name,
        "title": installed.workflow.title,
        "description": installed.workflow.description,
        "version": installed.version,
        "maturity": installed.maturity,
        "modality": sorted(modality),
        "unit": installed.workflow.unit,
        "state": installed.state,
        "error": installed.error,
    }
