"""``kahua series``: the images of a project."""

from typing import Annotated

import typer

from kahua.access import local_principal, record
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, YesOption, confirm, show
from kahua.datasets import SeriesFilter, find_series
from kahua.site import project_id
from kahua.store import delete_series

app = typer.Typer(name="series", help="The series of a project.", no_args_is_help=True)


@app.command("list")
def list_all(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Words, or fields such as Modality:MR; empty finds all.")] = "",
    dataset: Annotated[str, typer.Option(help="Only series of this dataset.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most series.")] = 50,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """List series, newest first."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        where = SeriesFilter(text=query, dataset=dataset)
        found, _ = find_series(session, project_id(session, project), where, limit=limit)
        rows = [
            {
                "id": item.series.id,
                "modality": item.series.modality,
                "description": item.series.description,
                "patient": item.study.patient_id,
                "study_date": item.study.study_date,
                "instances": item.series.instance_count,
            }
            for item in found
        ]
    show(rows, as_json=as_json, empty="No series: `kahua import FOLDER` brings some in.")


@app.command()
def delete(
    context: typer.Context,
    series: Annotated[list[str], typer.Argument(help="Ids of the series.")],
    yes: YesOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Delete series from a project; the trash keeps them for a while."""
    options: Context = context.obj
    with options.site() as site:
        keep = site.settings.trash_days > 0
        confirm(f"Delete {len(series)} series from {project}?{'' if keep else ' This cannot be undone.'}", yes=yes)
        with site.database.write() as session:
            identity = project_id(session, project)
            for series_id in series:
                delete_series(session, identity, series_id, actor=local_principal().name, keep=keep)
                record(
                    session,
                    actor=local_principal().name,
                    action="series.deleted",
                    subject=series_id,
                    project_id=identity,
                )
        site.archive.collect()
