"""A site in a folder of its own, for tests: real database, real object store, no network."""

import warnings
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import FastAPI

import kahua.datasets.tables
import kahua.extensions.tables
import kahua.store.tables
import kahua.workflows.tables  # noqa: F401 - the tables of every component make the schema
from kahua.access import Role, create_token, create_user, csrf_token_of, ensure_project, get_user, set_role
from kahua.access.credentials import hash_of, new_secret
from kahua.access.tables import BrowserSessionRow
from kahua.api.security import COOKIE, CSRF_HEADER
from kahua.database import Base, Database, now
from kahua.settings import Settings
from kahua.site import Site, build_site

with warnings.catch_warnings():  # it would like another HTTP library than the one that Kahua uses
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient, WebSocketDenialResponse  # noqa: F401 - for tests of channels

#: Name of the database's file in a data folder.
DATABASE_FILE = "kahua.sqlite3"

#: Under this address the test clients reach the application.
ADDRESS = "http://localhost"


def temporary_database(folder: Path, url: str | None = None) -> Database:
    """Open the database in a folder; where there is none yet, an empty one with the tables of this version.

    With an address that database is opened, which must have its tables already.
    """
    if url is not None:
        return Database(url)
    file = folder / DATABASE_FILE
    if not file.exists():
        file.write_bytes(_empty_database())
    return Database.in_folder(folder)


@cache
def _empty_database() -> bytes:
    with TemporaryDirectory() as name:
        database = Database.in_folder(Path(name))
        with database.write() as session:
            Base.metadata.create_all(session.connection())
        database.close()
        return (Path(name) / DATABASE_FILE).read_bytes()


def temporary_site(folder: Path, **settings: object) -> Site:
    """Make a site that keeps everything in a folder."""
    temporary_database(folder).close()
    return build_site(Settings(data_dir=folder, durability="none", **settings))  # type: ignore[arg-type]


def add_person(database: Database, name: str, *, is_administrator: bool = False, **roles: Role) -> None:
    """Add a user with roles by project; projects that are missing are made."""
    with database.write() as session:
        create_user(session, actor="test", name=name, is_administrator=is_administrator)
        for project, role in roles.items():
            row = ensure_project(session, name=project)
            set_role(session, actor="test", project_id=row.id, user_name=name, role=role)


def anonymous(application: FastAPI) -> TestClient:
    """Make a client of nobody."""
    return TestClient(application, base_url=ADDRESS, raise_server_exceptions=False, follow_redirects=False)


def browser(application: FastAPI, name: str) -> TestClient:
    """Make a client with a session of a user, as after signing in."""
    cookie, moment = new_secret(), now()
    with application.state.site.database.write() as session:
        user = get_user(session, name)
        session.add(
            BrowserSessionRow(
                token_hash=hash_of(cookie), user_id=user.id, created_at=moment, expires_at=moment + timedelta(hours=12)
            )
        )
    client = anonymous(application)
    client.cookies.set(COOKIE, cookie, domain="localhost.local")
    client.headers[CSRF_HEADER] = csrf_token_of(cookie)
    return client


def program(application: FastAPI, name: str) -> TestClient:
    """Make a client with an API token of a user."""
    with application.state.site.database.write() as session:
        _, secret = create_token(session, user_id=get_user(session, name).id, label="test", days=1)
    client = anonymous(application)
    client.headers["Authorization"] = f"Bearer {secret}"
    return client
