"""``kahua run`` and ``kahua runs``: start, follow and steer runs."""

import time
from typing import Annotated, Any

import typer

from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, Steps, progress, say, show, show_json
from kahua.database import Database
from kahua.errors import InvalidInput, TaskFailed
from kahua.site import Site, project_id
from kahua.workflows import Choice, RunDetail, RunState
from kahua.workflows.catalogue import full_name

app = typer.Typer(name="runs", help="Runs of workflows.", no_args_is_help=True)

FINAL = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)

#: Pause between two looks at a run.
POLL_SECONDS = 0.5

RunArgument = Annotated[str, typer.Argument(help="Id of the run.")]


def start(
    context: typer.Context,
    workflow: Annotated[str, typer.Argument(help="EXTENSION/WORKFLOW, or EXTENSION alone.")],
    dataset: Annotated[str | None, typer.Option(help="Run on the series of this dataset.")] = None,
    series: Annotated[list[str] | None, typer.Option(help="Run on this series; may be given again.")] = None,
    parameter: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE; may be given again.")] = None,
    skip_unfit: Annotated[bool, typer.Option("--skip-unfit", help="Leave out the series that do not fit.")] = False,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Wait for the end and show it.")] = True,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Start a run; the site must be up for it to go on."""
    options: Context = context.obj
    with options.site() as site:
        name = full_name(workflow)
        identity = _project(site.database, project)
        run_id = site.runs.start(
            identity,
            actor=local_principal().name,
            workflow=name,
            choice=Choice(series=series or (), dataset=dataset),
            parameters=_parameters(site, name, parameter or []),
            skip_unfit=skip_unfit,
        )
        detail = _follow(site, identity, run_id) if watch else site.runs.detail(identity, run_id)
    _tell(detail, as_json=as_json)


@app.command("list")
def list_all(
    context: typer.Context,
    project: ProjectOption = DEFAULT_PROJECT,
    state: Annotated[RunState | None, typer.Option(help="Only runs in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most runs.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    options: Context = context.obj
    with options.site() as site:
        runs, _ = site.runs.page(_project(site.database, project), state=state, limit=limit)
    rows = [
        {
            "id": run.id,
            "workflow": run.workflow,
            "state": run.state,
            "jobs": sum(run.jobs_by_state.values()),
            "by": run.created_by,
            "created": run.created_at,
        }
        for run in runs
    ]
    show(rows, as_json=as_json, empty="There is no run yet: `kahua run WORKFLOW --dataset NAME`.")


@app.command("show")
def show_one(
    context: typer.Context, run: RunArgument, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False
) -> None:
    """Show a run: its tasks, its results, and why it failed if it did."""
    options: Context = context.obj
    with options.site() as site:
        detail = site.runs.detail(_project(site.database, project), run)
    _tell(detail, as_json=as_json)


@app.command()
def cancel(context: typer.Context, run: RunArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """End a run and its processes."""
    options: Context = context.obj
    with options.site() as site:
        site.runs.cancel(_project(site.database, project), run, actor=local_principal().name)


@app.command()
def resume(context: typer.Context, run: RunArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Let a run that failed go on with what it did not finish."""
    options: Context = context.obj
    with options.site() as site:
        site.runs.resume(_project(site.database, project), run, actor=local_principal().name)


@app.command()
def record(context: typer.Context, run: RunArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Print the record of a run as JSON: data, code, parameters, person, results."""
    options: Context = context.obj
    with options.site() as site:
        show_json(site.runs.record(_project(site.database, project), run))


def _follow(site: Site, identity: str, run_id: str) -> RunDetail:
    with progress(f"Run {run_id}") as steps:
        while True:
            detail = site.runs.detail(identity, run_id)
            _show_states(detail, steps)
            if detail.state in FINAL:
                return detail
            time.sleep(POLL_SECONDS)


def _show_states(detail: RunDetail, steps: Steps) -> None:
    tasks = [task for job in detail.jobs for task in job.tasks]
    running = next((task.title for task in tasks if task.state == "running"), detail.state)
    steps.say(f"{detail.title}: {running}")
    steps.to(sum(task.state == "succeeded" for task in tasks), len(tasks))


def _tell(detail: RunDetail, *, as_json: bool) -> None:
    if as_json:
        show_json(detail.model_dump(mode="json"))
    else:
        say(f"{detail.title} ({detail.workflow} {detail.version}), run {detail.id}: {detail.state}")
        show([_result(result) for result in detail.results], as_json=False, empty="It has no results yet.")
    if detail.failure:
        raise TaskFailed(detail.failure.cause, remedy=detail.failure.next_step)


def _result(result: Any) -> dict[str, object]:
    values = [
        f"{entry['title']} {entry['value']:g} {entry['unit']}" for entry in result.summary.get("measurements", [])
    ]
    return {"result": result.title, "type": result.type, "series": result.series_uid, "values": values}


def _parameters(site: Site, workflow: str, given: list[str]) -> dict[str, Any]:
    known = site.runs.workflow(workflow).workflow.parameters
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise InvalidInput(
                f"{text!r} sets no parameter.", field=name, remedy=f"Write NAME=VALUE with {', '.join(known)}."
            )
        values[name] = _value(known[name].type, name, value)
    return values


def _value(kind: str, name: str, text: str) -> bool | int | float | str:
    try:
        match kind:
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case _:
                return text
    except (ValueError, KeyError):
        raise InvalidInput(f"{name} must be a {kind}, not {text!r}.", field=name) from None


def _project(database: Database, name: str) -> str:
    with database.read() as session:
        return project_id(session, name)
