"""``kahua workitem``: what is to be done, by this site or by others (Unified Procedure Steps)."""

from pathlib import Path
from typing import Annotated, Any

import typer

from kahua.access import local_principal, record
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, say, show, show_json
from kahua.errors import InvalidInput
from kahua.site import project_id
from kahua.store.workitems import worklist
from kahua.store.workitems.attributes import CANCEL_REASON, DESCRIPTION, LABEL, PERFORMED, PROGRESS
from kahua.store.workitems.documents import Json, items_of, read_json, text_of, words
from kahua.store.workitems.search import parse_workitem_query, search
from kahua.store.workitems.states import State
from kahua.workflows.catalogue import full_name
from kahua.workflows.workitems import codes, requests

app = typer.Typer(name="workitem", help="What is to be done, by this site or by others.", no_args_is_help=True)

UidArgument = Annotated[str, typer.Argument(help="UID of the workitem.")]
CodeArgument = Annotated[str, typer.Argument(help="SCHEME:VALUE, a code of others, such as 99RIS:AI-BRAIN.")]


@app.command("list")
def list_all(
    context: typer.Context,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    patient_id: Annotated[str, typer.Option(help="Only those of this patient.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most workitems.")] = 50,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """List workitems, next work first."""
    options: Context = context.obj
    asked = [("limit", str(limit))]
    asked += [("ProcedureStepState", state.value)] if state else []
    asked += [("PatientID", patient_id)] if patient_id else []
    with options.site() as site, site.database.read() as session:
        found = search(session, project_id(session, project), parse_workitem_query(asked))
    show(
        [_row(each) for each in found.documents],
        as_json=as_json,
        empty="There is no such workitem: `kahua workitem create` makes one.",
    )


@app.command("show")
def show_one(
    context: typer.Context, uid: UidArgument, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False
) -> None:
    """Show a workitem: how far it is, what it waits for, what came of it."""
    options: Context = context.obj
    with options.site() as site:
        with site.database.read() as session:
            identity = project_id(session, project)
            document = worklist.document_of(worklist.find_workitem(session, identity, uid))
        waits = site.performer().waits_for(identity, uid)
    if as_json:
        show_json(document)
        return
    show([_row(document)], as_json=False, empty="")
    progress = next(iter(items_of(document, PROGRESS)), {})
    for line in (waits, text_of(progress, DESCRIPTION), text_of(progress, CANCEL_REASON)):
        if line:
            say(line)
    show(list(map(_output, _outputs(document))), as_json=False, empty="It has no results yet.")


@app.command()
def create(
    context: typer.Context,
    workflow: Annotated[str | None, typer.Argument(help="EXTENSION/WORKFLOW that this site is to run.")] = None,
    study: Annotated[list[str], typer.Option(help="Study Instance UID to work on; many times.")] = [],  # noqa: B006
    series: Annotated[list[str], typer.Option(help="STUDY/SERIES, two UIDs; many times.")] = [],  # noqa: B006 - typer
    label: Annotated[str, typer.Option(help="What people read; the workflow's title by default.")] = "",
    file: Annotated[
        Path | None, typer.Option(help="DICOM JSON file with the whole workitem, instead; - is standard input.")
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Create a workitem, and print its UID."""
    options: Context = context.obj
    if (workflow is None) == (file is None):
        raise InvalidInput("Name a workflow, or a file with --file.", field="workflow")
    with options.site() as site:
        if file is not None:
            given = _read(file)
        else:
            installed = site.runs.workflow(full_name(str(workflow)))
            given = _order(installed.name, label or installed.workflow.title, study, series)
        principal = local_principal()
        with site.database.write() as session:
            row = worklist.create(
                session,
                project_id(session, project),
                given,
                uid=None,
                creator=principal.name,
                creator_id=principal.user_id,
            )
            _note(session, row.project_id, "workitem.created", row.uid, code=row.code)
    say(row.uid)


@app.command()
def cancel(
    context: typer.Context,
    uid: UidArgument,
    reason: Annotated[str, typer.Option(help="Why; its performer is told.")] = "",
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Ask for the cancellation of a workitem."""
    options: Context = context.obj
    request = {CANCEL_REASON: words("LT", reason)} if reason else {}
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        requester = local_principal().name
        warning = worklist.request_cancellation(session, identity, uid, request, requester=requester)
        _note(session, identity, "workitem.cancellation-requested", uid)
    if warning:
        say(warning)


@app.command("codes")
def list_codes(context: typer.Context, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False) -> None:
    """List the codes of others that stand for workflows in a project."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        found = codes.codes_of(session, project_id(session, project))
        rows = [{"code": row.code.replace("^", ":", 1), "workflow": row.workflow} for row in found]
    show(rows, as_json=as_json, empty="No code of others stands for a workflow: `kahua workitem map`.")


@app.command("map")
def map_code(
    context: typer.Context,
    code: CodeArgument,
    workflow: Annotated[str, typer.Argument(help="EXTENSION/WORKFLOW, or EXTENSION alone.")],
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Let a code of others stand for a workflow in a project."""
    options: Context = context.obj
    scheme, _, value = code.partition(":")
    with options.site() as site:
        name = site.runs.workflow(full_name(workflow)).name
        with site.database.write() as session:
            identity = project_id(session, project)
            codes.set_code(session, identity, scheme, value, name)
            _note(session, identity, "workitem.code-mapped", code, workflow=name)


@app.command("unmap")
def unmap_code(context: typer.Context, code: CodeArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Let a code of others stand for nothing."""
    options: Context = context.obj
    scheme, _, value = code.partition(":")
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        codes.remove_code(session, identity, scheme, value)
        _note(session, identity, "workitem.code-unmapped", code)


def _order(workflow: str, label: str, studies: list[str], series: list[str]) -> Json:
    pairs = [each.partition("/") for each in (*studies, *series)]
    inputs = [requests.OrderedSeries(study_uid=study, series_uid=uid) for study, _, uid in pairs]
    return requests.workitem(requests.Order(workflow=workflow, label=label), inputs)


def _row(document: Json) -> dict[str, object]:
    progress = next(iter(items_of(document, PROGRESS)), {})
    return {
        "uid": text_of(document, "00080018"),
        "state": text_of(document, "00741000"),
        "label": text_of(document, LABEL),
        "patient": text_of(document, "00100020"),
        "start": text_of(document, "00404005"),
        "progress": text_of(progress, "00741004"),
    }


def _outputs(document: Json) -> list[Json]:
    return [item for performed in items_of(document, PERFORMED) for item in items_of(performed, "00404033")]


def _output(item: Json) -> dict[str, object]:
    return {
        "study_uid": text_of(item, "0020000D"),
        "series_uid": text_of(item, "0020000E"),
        "instances": len(items_of(item, "00081199")),
    }


def _read(file: Path) -> Json:
    try:
        return read_json(typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read.", field="file") from error


def _note(session: Any, identity: str, action: str, uid: str, **details: object) -> None:
    record(session, actor=local_principal().name, action=action, subject=uid, project_id=identity, **details)
