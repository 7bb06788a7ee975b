"""``kahua quarantine``: what arrived and could not be accepted, and what becomes of it."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, YesOption, confirm, say, show
from kahua.cli.removal import check_choice, let_go
from kahua.errors import DicomRefused, StateConflict
from kahua.site import Site, project_id
from kahua.store import quarantined

app = typer.Typer(
    name="quarantine", help="What arrived and could not be accepted: each with the reason.", no_args_is_help=True
)

ItemsArgument = Annotated[list[str], typer.Argument(help="Ids, as `kahua quarantine list` shows them.")]


@app.command("list")
def list_all(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most objects.")] = 50,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """List what is in quarantine, newest first."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        rows = [
            {
                "id": row.id,
                "name": row.name,
                "came_by": row.door,
                "sender": row.sender,
                "received": row.received_at,
                "size": row.size,
                "reason": row.reason,
            }
            for row in quarantined(session, project_id(session, project), limit=limit)
        ]
    show(rows, as_json=as_json, empty="Nothing is in quarantine: what `kahua import` refuses goes there.")


@app.command("get")
def get_object(
    context: typer.Context,
    item: Annotated[str, typer.Argument(help="Id, as `kahua quarantine list` shows it.")],
    out: Annotated[Path, typer.Option(help="File to write, which must not be there yet.")],
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Write an object into a file, to look at it."""
    options: Context = context.obj
    with options.site() as site:
        row = datasets.look_at(
            site.archive, project_id=_identity(site, project), actor=local_principal().name, quarantine_id=item
        )
        try:
            with out.open("xb") as file:
                for piece in site.objects.stream(row.object_key):
                    file.write(piece)
        except FileExistsError:
            raise StateConflict(f"{out} is there already.", remedy="Name another file.") from None


@app.command()
def release(context: typer.Context, items: ItemsArgument, project: ProjectOption = DEFAULT_PROJECT) -> None:
    """Store objects again: what stood in their way is gone, or you looked at what was held back."""
    options: Context = context.obj
    refused = 0
    with options.site() as site:
        for item in items:
            try:
                accepted = datasets.release(
                    site.archive, project_id=_identity(site, project), actor=local_principal().name, quarantine_id=item
                )
                say(f"{item} is in series {accepted.series_id}.")
            except DicomRefused as error:
                refused += 1
                say(f"{item} stays in quarantine: {error}")
    if refused:
        raise typer.Exit(1)


@app.command("discard")
def discard_all(
    context: typer.Context,
    items: Annotated[list[str] | None, typer.Argument(help="Ids, as `kahua quarantine list` shows them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is in quarantine in the project.")] = False,
    yes: YesOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Let objects go for ever."""
    check_choice(items, everything=everything)
    options: Context = context.obj
    what = f"{len(items)} objects" if items else "everything"
    confirm(f"Discard {what} in quarantine in {project}? This cannot be undone.", yes=yes)
    with options.site() as site:
        let_go(site, project, items, newest=_newest, discard=_discard)


def _identity(site: Site, project: str) -> str:
    with site.database.read() as session:
        return project_id(session, project)


def _newest(session: Session, identity: str, limit: int) -> list[str]:
    return [row.id for row in quarantined(session, identity, limit=limit)]


def _discard(session: Session, identity: str, item: str) -> None:
    datasets.discard_quarantined(session, project_id=identity, actor=local_principal().name, quarantine_id=item)
