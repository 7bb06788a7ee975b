"""Bring the database to the schema of this version."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

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
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    with database.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise MisconfiguredSite(
            f"The database has schema {current}, which this version of Kahua does not know.",
            setting="database_url",
            remedy="It was written by a newer version: start that version, or restore a backup of this one.",
        )
    with database.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
