"""Bring the database to the schema of this version."""

from pathlib import Path

from sqlalchemy import inspect, text

from kahua.database.engine import Database
from kahua.errors import MisconfiguredSite

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Apply every migration that the database lacks, in one transaction.

    Raises
    ------
    MisconfiguredSite
        The database was made by a newer version of Kahua.
    """
    known, current = _known(), _revision(database)
    if current == known[-1]:
        return
    if current is not None and current not in known:
        raise _too_new(current)
    _upgrade(database)


def check_schema(database: Database) -> None:
    """Refuse a database that is not of this version, without changing it.

    Raises
    ------
    MisconfiguredSite
        It was made by a newer version, or it lacks a migration.
    """
    known, current = _known(), _revision(database)
    if current == known[-1]:
        return
    if current is not None and current not in known:
        raise _too_new(current)
    raise MisconfiguredSite(
        f"The database has schema {current or 'none'}; this version of Kahua needs {known[-1]}.",
        setting="database_url",
        remedy="`kahua up` brings it to this version.",
    )


def _known() -> list[str]:
    return sorted(script.stem.split("_")[0] for script in (SCRIPTS / "versions").glob("[0-9]*.py"))


def _too_new(current: str) -> MisconfiguredSite:
    return MisconfiguredSite(
        f"The database has schema {current}, which this version of Kahua does not know.",
        setting="database_url",
        remedy="It was written by a newer version: start that version, or restore a backup of this one.",
    )


def _revision(database: Database) -> str | None:
    with database.read() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        revision: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


def _upgrade(database: Database) -> None:
    from alembic import command  # late: most starts find nothing to do, and need not carry it in memory
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with database.write(alone=True) as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
