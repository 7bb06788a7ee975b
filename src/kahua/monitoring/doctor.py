"""The doctor: what is wrong with a site, in words, and the way out."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select

from kahua.access import ProjectRow, verify_audit_chain
from kahua.database import Database, EventRow
from kahua.errors import KahuaError, StateConflict, Unavailable
from kahua.settings import Settings
from kahua.store import (
    FOLDERS,
    MOVER_LOCK,
    InstanceRow,
    ObjectStore,
    PeerRow,
    Vault,
    count_quarantined,
    damaged,
    is_nearly_full,
    left_over,
    missing,
    orphans,
    placement_of,
)

#: An event that failed this often needs a person.
PATIENCE = 5

#: Damaged objects that are named.
SHOWN = 20


class Severity(StrEnum):
    """How much a finding matters."""

    #: As it should be.
    FINE = "fine"
    #: Works, but someone should know.
    NOTICE = "notice"
    #: Something does not work.
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that the doctor looked at."""

    #: Stable name, for programs.
    id: str
    severity: Severity
    #: What was seen.
    text: str
    #: What can be done about it.
    remedy: str = ""


#: Looks at one thing.
Check = Callable[[], Iterable[Finding]]


def examine(checks: Iterable[Check]) -> Iterator[Finding]:
    """Look at everything; a check that itself fails is a finding too."""
    for check in checks:
        try:
            yield from check()
        except KahuaError as error:
            yield Finding(id=error.code, severity=Severity.PROBLEM, text=error.message, remedy=error.remedy or "")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """See whether images still have room."""
    free = shutil.disk_usage(settings.data_dir).free
    if free < settings.min_free_bytes:
        yield Finding(
            id="disk",
            severity=Severity.PROBLEM,
            text=f"{free / 1e9:,.1f} GB are free; below {settings.min_free_bytes / 1e9:,.1f} GB nothing is accepted.",
            remedy="Delete what is not needed, or move the data folder to a larger disk.",
        )
    else:
        yield Finding(id="disk", severity=Severity.FINE, text=f"{free / 1e9:,.0f} GB are free.")


def check_quarantine(database: Database, settings: Settings) -> Iterator[Finding]:
    """See whether what is refused can still be kept."""
    with database.read() as session:
        items, size = count_quarantined(session)
    if is_nearly_full(items, size, max_bytes=settings.max_quarantine_bytes):
        yield Finding(
            id="quarantine",
            severity=Severity.NOTICE,
            text=f"The quarantine is nearly full: {items} objects, {size / 1e9:,.1f} GB. When it is full, not even "
            "the reason of what is refused may be kept.",
            remedy="See who sends it with `kahua quarantine list`, and discard it; or raise max_quarantine_bytes.",
        )


def check_room(settings: Settings) -> Iterator[Finding]:
    """Say what takes room in the data folder besides images, and how much of it at most."""
    taken = {name: _size_of(settings.folder(name)) / 1e9 for name in ("cache", "runs", "environments", "logs")}
    yield Finding(
        id="room",
        severity=Severity.FINE,
        text=f"Conversions take {taken['cache']:,.1f} GB (at most {settings.cache_bytes / 1e9:,.0f}), "
        f"folders of runs {taken['runs']:,.1f} GB, environments {taken['environments']:,.1f} GB, "
        f"logs {taken['logs']:,.1f} GB.",
    )


def _size_of(folder: Path) -> int:
    """Add up what files take on the disk, each once, however many names it has."""
    found: dict[int, int] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                status = os.lstat(os.path.join(parent, name))  # noqa: PTH118 - there are many
                found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def check_durability(settings: Settings) -> Iterator[Finding]:
    """Say so when the promise of rule 1 is switched off."""
    if settings.durability == "none":
        yield Finding(
            id="durability",
            severity=Severity.PROBLEM,
            text="Instances are acknowledged before they are durable: a power cut may lose them.",
            remedy="Remove the setting durability, or set it to group.",
        )


def check_outbox(database: Database) -> Iterator[Finding]:
    """See whether events wait in vain."""
    with database.read() as session:
        waiting = session.scalar(select(func.count()).where(EventRow.not_before.is_not(None))) or 0
        stuck = session.scalars(
            select(EventRow).where(EventRow.not_before.is_not(None), EventRow.attempts >= PATIENCE).limit(5)
        ).all()
    for event in stuck:
        yield Finding(
            id="outbox",
            severity=Severity.PROBLEM,
            text=f"The event {event.name} number {event.sequence} failed {event.attempts} times: {event.error}",
            remedy="Correct the cause; it is tried again by itself.",
        )
    if not stuck:
        yield Finding(id="outbox", severity=Severity.FINE, text=f"{waiting} events wait for the worker.")


def check_web(folder: Path) -> Iterator[Finding]:
    """See whether the web interface was built."""
    if not (folder / "index.html").is_file():
        yield Finding(
            id="web",
            severity=Severity.PROBLEM,
            text="The web interface is not built; the API works without it.",
            remedy="Build it with `make setup`.",
        )


def check_objects(database: Database, objects: ObjectStore) -> Iterator[Finding]:
    """See whether the store can be used, every instance has its object, and every object a row."""
    objects.check()
    lost = sum(1 for _ in missing(database, objects))
    unused = sum(1 for _ in orphans(database, objects))
    if lost:
        yield Finding(
            id="objects-missing",
            severity=Severity.PROBLEM,
            text=f"{lost} instances have lost their file: the disk failed, or someone deleted files by hand.",
            remedy="Restore the folder objects from a backup, or send the series again.",
        )
    if unused:
        yield Finding(
            id="objects-unused",
            severity=Severity.NOTICE,
            text=f"{unused} files belong to nothing: the site was killed between file and row.",
            remedy="`kahua doctor --mend` removes them.",
        )
    if not lost and not unused:
        yield Finding(id="objects", severity=Severity.FINE, text="Every instance has its file, and every file its row.")


def check_left_over(objects: ObjectStore) -> Iterator[Finding]:
    """See whether writers that died left what is no object and takes room."""
    try:
        number = left_over(objects)
    except Unavailable as error:
        yield Finding(id="objects-begun", severity=Severity.NOTICE, text=error.message, remedy=error.remedy or "")
        return
    if number:
        yield Finding(
            id="objects-begun",
            severity=Severity.NOTICE,
            text=f"Objects that were begun and never completed, for their writers were killed: {number}.",
            remedy="`kahua doctor --mend` removes them; a site that runs does so after a day.",
        )


def check_contents(database: Database, objects: ObjectStore) -> Iterator[Finding]:
    """Read every object: see whether it is as it was stored."""
    found = list(damaged(objects))
    with database.read() as session:
        for key in found[:SHOWN]:
            series = session.scalars(select(InstanceRow.series_id).where(InstanceRow.object_key == key)).all()
            yield Finding(
                id="object-damaged",
                severity=Severity.PROBLEM,
                text=f"The object {key} is not as it was stored; "
                + (f"it is an instance of the series {', '.join(series)}." if series else "it is no instance."),
                remedy="Send the series again, which mends it, or restore it from a backup; look at the disk.",
            )
    if not found:
        yield Finding(id="objects-whole", severity=Severity.FINE, text="Every object is as it was stored.")
    elif len(found) > SHOWN:
        yield Finding(
            id="objects-damaged",
            severity=Severity.PROBLEM,
            text=f"{len(found) - SHOWN} more objects are not as they were stored.",
        )


def check_place_of_objects(database: Database, place: str) -> Iterator[Finding]:
    """See whether objects are moving, whether anybody moves them, and whether the setting says where they are."""
    with database.read() as session:
        placement = placement_of(session, place)
    if placement.moves:
        hold = database.take_now(MOVER_LOCK, alone=False)
        if hold is not None:
            hold.end()
        yield Finding(
            id="objects-moving",
            severity=Severity.NOTICE,
            text=f"Objects are moving from {placement.source} to {placement.target}: {placement.phase}, "
            f"{placement.objects} copied, {placement.folders} of {len(FOLDERS)} folders."
            + (" Nobody goes on with it." if hold is not None else ""),
            remedy=f"`kahua move-objects {placement.target}` goes on with it." if hold is not None else "",
        )
    elif place != placement.source:
        yield Finding(
            id="object-store",
            severity=Severity.NOTICE,
            text=f"The objects have moved to {placement.source}; the setting object_store still says {place}.",
            remedy=f'Write object_store = "{placement.source}": the site will not start again without.',
        )


def check_secrets(database: Database, vault: Vault) -> Iterator[Finding]:
    """See whether the secrets of peers can be read with the key that is here."""
    query = select(PeerRow.name, ProjectRow.name, PeerRow.secret).join(ProjectRow, ProjectRow.id == PeerRow.project_id)
    with database.read() as session:
        rows = session.execute(query.where(PeerRow.secret != "").order_by(ProjectRow.name, PeerRow.name)).all()
    for peer, project, secret in rows:
        try:
            vault.open(secret)
        except StateConflict as error:
            yield Finding(
                id="secret",
                severity=Severity.PROBLEM,
                text=f"The peer {peer} of the project {project} cannot be called. {error.message}",
                remedy=error.remedy or "",
            )


def check_audit(database: Database) -> Iterator[Finding]:
    """See whether the audit log is whole."""
    with database.read() as session:
        verdict = verify_audit_chain(session)
    if verdict.intact:
        yield Finding(id="audit", severity=Severity.FINE, text=f"The audit log is whole: {verdict.entries} entries.")
    else:
        yield Finding(
            id="audit",
            severity=Severity.PROBLEM,
            text=f"The audit log was changed by hand: {verdict.finding}",
            remedy="Compare it with a backup; find out who can write to the database.",
        )


def check_sandbox(reason: str, *, shut_in: bool) -> Iterator[Finding]:
    """Say whether tasks are shut in, and why not."""
    yield Finding(
        id="sandbox",
        severity=Severity.FINE if shut_in else Severity.NOTICE,
        text=reason,
        remedy="" if shut_in else "Install the package bubblewrap: tasks then have no network and see only their data.",
    )


def check_installed(extensions: Iterable[tuple[str, str, str]]) -> Iterator[Finding]:
    """See whether every extension can run.

    Parameters
    ----------
    extensions
        Name and version, state, and error of each.
    """
    for name, state, error in extensions:
        if state == "failed":
            cause = error.splitlines()[0] if error else "its environment is missing"
            yield Finding(
                id="extension",
                severity=Severity.PROBLEM,
                text=f"The extension {name} cannot run: {cause}",
                remedy="Install it again: `kahua extension install`.",
            )
