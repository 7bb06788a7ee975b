"""``kahua trash``: what was deleted and can still be brought back."""

from datetime import timedelta
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from kahua.access import local_principal, record
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, YesOption, confirm, say, show
from kahua.cli.removal import check_choice, let_go
from kahua.site import project_id
from kahua.store import Restored, TrashRow, empty_trashed, find_trashed, restore, trash_of

app = typer.Typer(name="trash", help="What was deleted and can still be brought back.", no_args_is_help=True)


@app.command("list")
def list_all(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most things.")] = 50,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """List what is in the trash, newest first."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        kept = timedelta(days=site.settings.trash_days)
        rows = [
            {
                "id": row.id,
                "modality": row.modality,
                "description": row.description,
                "patient": row.patient_id,
                "instances": row.instance_count,
                "deleted_at": row.deleted_at,
                "deleted_by": row.deleted_by,
                "kept_until": row.deleted_at + kept,
            }
            for row in trash_of(session, project_id(session, project), limit=limit)
        ]
    show(rows, as_json=as_json, empty="The trash is empty: `kahua series delete` puts something there.")


@app.command("restore")
def bring_back(
    context: typer.Context,
    items: Annotated[list[str], typer.Argument(help="Ids, as `kahua trash list` shows them.")],
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Bring things back, as they were."""
    options: Context = context.obj
    with options.site() as site:
        for item in items:
            with site.database.write() as session:
                row = find_trashed(session, project_id(session, project), item)
                restored = restore(session, row)
                _record(session, "trash.restored", row)
            say(_told(restored))


@app.command()
def empty(
    context: typer.Context,
    items: Annotated[list[str] | None, typer.Argument(help="Ids, as `kahua trash list` shows them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is in the trash of the project.")] = False,
    yes: YesOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Let go of things in the trash for ever."""
    check_choice(items, everything=everything)
    options: Context = context.obj
    what = f"{len(items)} things" if items else "everything"
    confirm(f"Let go of {what} in the trash of {project}? This cannot be undone.", yes=yes)
    with options.site() as site:
        let_go(site, project, items, newest=_newest, discard=_empty)


def _newest(session: Session, identity: str, limit: int) -> list[str]:
    return [row.id for row in trash_of(session, identity, limit=limit)]


def _empty(session: Session, identity: str, item: str) -> None:
    row = find_trashed(session, identity, item)
    empty_trashed(session, row)
    _record(session, "trash.emptied", row)


def _record(session: Session, action: str, row: TrashRow) -> None:
    record(
        session,
        actor=local_principal().name,
        action=action,
        subject=row.series_uid,
        project_id=row.project_id,
        study_uid=row.study_uid,
        instances=row.instance_count,
    )


def _told(restored: Restored) -> str:
    text = f"{restored.restored} instances are back in the series {restored.series_id}."
    if restored.duplicates:
        text += f" {restored.duplicates} had come in again meanwhile."
    if restored.conflicts:
        text += f" {restored.conflicts} are in quarantine: others have their UIDs now."
    return text
