"""An archive in a folder, with a database and two empty projects."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kahua.datasets.tables
import kahua.extensions.tables
import kahua.store.tables
import kahua.workflows.tables  # noqa: F401 - importing a component's tables registers them
from kahua.access.tables import ProjectRow
from kahua.database import Database, migrate, now
from kahua.settings import Settings
from kahua.site.adapters import open_object_store
from kahua.store import Archive, ObjectStore

#: Ids, and names, of the projects.
PROJECTS = ("main", "other")


@contextmanager
def archive_in(
    folder: Path, database_url: str | None = None, *, objects: ObjectStore | None = None, **settings: Any
) -> Iterator[Archive]:
    """Open the archive of a folder, and make what is missing; objects are synced only if `durability` asks for it.

    They are where `object_store` says, without the row that says where they have moved.
    """
    chosen = Settings(**{"data_dir": folder, "durability": "none", **settings})
    durable = chosen.durability != "none"
    database = Database(database_url, durable=durable) if database_url else Database.in_folder(folder, durable=durable)
    migrate(database)
    with database.write() as session:
        for name in PROJECTS:
            if session.get(ProjectRow, name) is None:
                session.add(ProjectRow(id=name, name=name, title=name, created_at=now()))
    if objects is None:
        objects = open_object_store(chosen, chosen.object_store)
    archive = Archive.from_settings(chosen, database=database, objects=objects)
    try:
        yield archive
    finally:
        archive.close()
        database.close()
