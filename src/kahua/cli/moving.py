"""``kahua move-objects``: all objects to another place while the site serves."""

from typing import Annotated, Any

import typer

from kahua.access import local_principal, record
from kahua.cli.output import Context, YesOption, confirm, progress, say
from kahua.site import Site
from kahua.store import FOLDERS, Moved


def move_objects(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="s3://BUCKET/PREFIX, or directory for the data folder.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look whether it could be done, and count.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the copies at the old place; nothing is erased there later.")
    ] = False,
    rate: Annotated[float | None, typer.Option(min=0.01, help="Megabytes a second at most.")] = None,
    yes: YesOption = False,
) -> None:
    """Move all objects to another place while the site serves; begun again after any end, it goes on."""
    options: Context = context.obj
    with options.site() as site:
        if dry_run:
            _say_what_would_be_done(site, target)
            return
        confirm(f"Move all objects to {target}?", yes=yes)
        moved = _move(site, target, keep=keep, rate=rate)
    say(f"{moved.objects} objects ({moved.size / 1e6:,.1f} MB) are at {moved.target} now.")
    if moved.damaged:
        say(f"{moved.damaged} were damaged before, and are as they were: `kahua doctor --thorough` tells which.")
    if moved.keep:
        say(f"Their copies at {moved.source} stay; what is erased from now on stays there, too.")
    say(f'Write object_store = "{moved.target}" in kahua.toml: the site will not start again without.')


def _say_what_would_be_done(site: Site, target: str) -> None:
    mover = site.mover()
    present = mover.check(target)
    say(f"{mover.count()} objects would be moved from {present.source} to {target}.")
    if present.moves:
        say(f"A move to {present.target} is under way: {present.folders} of {len(FOLDERS)} folders are copied.")


def _move(site: Site, target: str, *, keep: bool, rate: float | None) -> Moved:
    _note(site, "objects.move.begun", target)
    with progress("Moving objects", total=len(FOLDERS)) as steps:

        def tell(text: str, folders: int) -> None:
            steps.say(text)
            steps.to(folders)

        moved = site.mover(tell).move(target, keep=keep, rate=None if rate is None else rate * 1e6)
    _note(site, "objects.moved", target, source=moved.source, objects=moved.objects, bytes=moved.size)
    return moved


def _note(site: Site, action: str, target: str, **facts: Any) -> None:
    with site.database.write() as session:
        record(session, actor=local_principal().name, action=action, subject=target, **facts)
