"""Users, their links and passwords, and what protects the last administrator."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from kahua.access import (
    change_user,
    create_link,
    create_user,
    ensure_first_administrator,
    get_user,
    set_password,
    sign_in,
    sign_in_with_link,
)
from kahua.access.passwords import HASHER, NOBODY, hash_password, password_is_right
from kahua.access.tables import SignInLinkRow
from kahua.database import Database, now
from kahua.errors import InvalidInput, NotSignedIn, StateConflict


def test_first_start_gives_a_link_until_a_password_is_set(database: Database) -> None:
    with database.write() as session:
        assert ensure_first_administrator(session)
    with database.write() as session:
        secret = ensure_first_administrator(session)
        assert secret
        begun = sign_in_with_link(session, secret=secret, hours=1)
    assert begun.principal.is_administrator
    set_password(database, principal=begun.principal, current=None, new="a good password")
    with database.write() as session:
        assert ensure_first_administrator(session) is None


def test_newer_link_ends_the_older(database: Database) -> None:
    with database.write() as session:
        create_user(session, actor="test", name="ada")
        older = create_link(session, actor="test", name="ada")
        create_link(session, actor="test", name="ada")
        with pytest.raises(NotSignedIn):
            sign_in_with_link(session, secret=older, hours=1)


def test_link_ends_after_a_day(database: Database) -> None:
    with database.write() as session:
        create_user(session, actor="test", name="ada")
        secret = create_link(session, actor="test", name="ada")
        session.execute(update(SignInLinkRow).values(expires_at=now() - timedelta(seconds=1)))
        with pytest.raises(NotSignedIn):
            sign_in_with_link(session, secret=secret, hours=1)


@pytest.mark.parametrize("name", ["", "Ada", "a b", "../x", "a" * 65, "-a", "a\n", "ä"])
def test_odd_user_name_is_refused(database: Database, name: str) -> None:
    with database.write() as session, pytest.raises(InvalidInput):
        create_user(session, actor="test", name=name)


def test_name_belongs_to_one_user(database: Database) -> None:
    with database.write() as session:
        create_user(session, actor="test", name="ada")
        with pytest.raises(StateConflict):
            create_user(session, actor="test", name="ada")


@pytest.mark.parametrize("change", [{"is_administrator": False}, {"is_active": False}])
def test_last_administrator_stays(database: Database, change: dict[str, bool]) -> None:
    with database.write() as session:
        create_user(session, actor="test", name="ada", is_administrator=True)
    with pytest.raises(StateConflict), database.write() as session:
        change_user(session, actor="ada", name="ada", **change)  # type: ignore[arg-type]
    with database.read() as session:
        assert get_user(session, "ada").is_active


def test_person_without_password_cannot_sign_in_with_any(database: Database) -> None:
    with database.write() as session:
        create_user(session, actor="test", name="ada")
    for password in ("", "nobody has this password, and nobody can choose it" + "x" * 300):
        with pytest.raises(NotSignedIn):
            sign_in(database, name="ada", password=password, hours=1)


def test_inactive_person_cannot_sign_in(database: Database) -> None:
    with database.write() as session:
        user = create_user(session, actor="test", name="ada")
        user.password_hash = hash_password("a good password")
        change_user(session, actor="test", name="ada", is_administrator=True)
        create_user(session, actor="test", name="other", is_administrator=True)
        change_user(session, actor="test", name="ada", is_active=False)
    with pytest.raises(NotSignedIn):
        sign_in(database, name="ada", password="a good password", hours=1)


@pytest.mark.parametrize("password", ["short", "x" * 257])
def test_password_of_a_wrong_length_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput):
        hash_password(password)


def test_unknown_user_costs_as_much_as_a_known_one() -> None:
    assert not HASHER.check_needs_rehash(NOBODY)
    assert not password_is_right(None, "whatever")
