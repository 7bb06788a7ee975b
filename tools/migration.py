"""Write a migration: what the tables say now, less what the migrations already make.

Usage: python tools/migration.py NUMBER "what it does"      for example 0002 "add tags"
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

import kahua.access.tables
import kahua.datasets.tables
import kahua.extensions.tables
import kahua.store.tables
import kahua.workflows.tables  # noqa: F401 - importing a component's tables registers them
from kahua.database import Database, migrate
from kahua.database.migrate import SCRIPTS


def main(number: str, message: str) -> None:
    """Compare the tables with a database at the newest migration and write the difference."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.in_folder(Path(folder))
        if any((SCRIPTS / "versions").glob("*.py")):
            migrate(database)
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        with database.write() as session:
            config.attributes["connection"] = session.connection()
            command.revision(config, message, autogenerate=True, rev_id=number)
        database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
