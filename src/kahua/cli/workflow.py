"""``kahua workflow``: what can be run."""

from typing import Annotated

import typer

from kahua.cli.output import Context, JsonOption, say, show, show_json
from kahua.workflows import form_schema
from kahua.workflows.catalogue import full_name

app = typer.Typer(name="workflow", help="What can be run.", no_args_is_help=True)


@app.command("list")
def list_all(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the workflows of all extensions."""
    options: Context = context.obj
    with options.site() as site:
        rows = [
            {
                "name": installed.name,
                "version": installed.version,
                "title": installed.workflow.title,
                "state": installed.state,
                "maturity": installed.maturity,
            }
            for installed in site.runs.workflows()
        ]
    show(rows, as_json=as_json, empty="No workflow is installed yet: `kahua extension install brain-extraction`.")


@app.command("show")
def show_one(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="EXTENSION/WORKFLOW, or EXTENSION alone if it has one workflow.")],
    as_json: JsonOption = False,
) -> None:
    """Say what a workflow does and which parameters it has."""
    options: Context = context.obj
    with options.site() as site:
        installed = site.runs.workflow(full_name(name))
    if as_json:
        show_json({"name": installed.name, "version": installed.version, "form": form_schema(installed.workflow)})
        return
    say(f"{installed.workflow.title} ({installed.name} {installed.version})")
    say(installed.workflow.description)
    rows = [
        {"parameter": key, "type": value.type, "default": value.default, "unit": value.unit, "means": value.description}
        for key, value in installed.workflow.parameters.items()
    ]
    show(rows, as_json=False, empty="It has no parameters.")
