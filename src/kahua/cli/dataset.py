"""``kahua dataset``: named lists of series."""

from typing import Annotated

import typer
from sqlalchemy.orm import Session

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, YesOption, confirm, show
from kahua.site import project_id

#: Series that are read at once.
PAGE = 1000

app = typer.Typer(name="dataset", help="Named lists of series, with versions.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the dataset.")]
SeriesArgument = Annotated[list[str], typer.Argument(help="Ids of series, as `kahua series list` shows them.")]


@app.command("list")
def list_all(context: typer.Context, project: ProjectOption = DEFAULT_PROJECT, as_json: JsonOption = False) -> None:
    """List the datasets of a project."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [
            {"name": row.name, "version": row.version, "series": count, "description": row.description}
            for row, count in datasets.list_datasets(session, project_id(session, project))
        ]
    show(rows, as_json=as_json, empty="There is no dataset yet: `kahua dataset create NAME`.")


@app.command()
def create(
    context: typer.Context,
    name: NameArgument,
    description: Annotated[str, typer.Option(help="What the dataset is for.")] = "",
    query: Annotated[str | None, typer.Option(help="Fill it with the series that this finds.")] = None,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Create a dataset, empty or from a query."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        found: list[str] = []
        if query is not None:
            found = _all_found(session, identity, query)
        datasets.create_dataset(
            session,
            project_id=identity,
            actor=local_principal().name,
            name=name,
            description=description,
            series=found,
        )


def _all_found(session: Session, identity: str, query: str) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = datasets.find_series(
            session, identity, datasets.SeriesFilter(text=query), limit=PAGE, cursor=cursor
        )
        found += [item.series.id for item in page]
        if cursor is None:
            return found


@app.command()
def add(
    context: typer.Context, name: NameArgument, series: SeriesArgument, project: ProjectOption = DEFAULT_PROJECT
) -> None:
    """Add series to a dataset."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        datasets.change_series(session, project_id=identity, actor=local_principal().name, name=name, add=series)


@app.command()
def remove(
    context: typer.Context, name: NameArgument, series: SeriesArgument, project: ProjectOption = DEFAULT_PROJECT
) -> None:
    """Take series out of a dataset; they stay in the project."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        datasets.change_series(session, project_id=identity, actor=local_principal().name, name=name, remove=series)


@app.command()
def delete(
    context: typer.Context, name: NameArgument, yes: YesOption = False, project: ProjectOption = DEFAULT_PROJECT
) -> None:
    """Delete a dataset; its series stay in the project."""
    options: Context = context.obj
    confirm(f"Delete the dataset {name} and its versions? The series stay.", yes=yes)
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, project)
        datasets.delete_dataset(session, project_id=identity, actor=local_principal().name, name=name)
