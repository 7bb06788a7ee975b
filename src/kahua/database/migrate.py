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
    known = sorted(script.stem.split("_")[0] for script in (SCRIPTS / "versions").glob("[0-9]*.py"))
    current = _revision(database)
    if known and current == known[-1]:
        return
    if current is not None and current not in known:
        raise MisconfiguredSite(
            f"The database has schema {current}, which this version of Kahua does not know.",
            setting="database_url",
            remedy="It was written by a newer version: start that version, or restore a backup of this one.",
        )
    _upgrade(database)


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
    with database.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
