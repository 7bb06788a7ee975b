"""Projects, roles, and the check that every door goes through."""

import itertools

import pytest

from kahua.access import (
    PERMISSIONS,
    Permission,
    Principal,
    Role,
    authorize,
    authorize_site,
    create_project,
    create_user,
    local_principal,
    project_of_ae_title,
    set_role,
)
from kahua.access.principal import load_principal
from kahua.database import Database
from kahua.errors import InvalidInput, NotAllowed, NotFound, StateConflict


@pytest.fixture
def database_url() -> None:
    """SQLite alone: these many cases ask the database for nothing but single rows by name."""


def somebody(database: Database, *, via: str = "session", **roles: Role) -> Principal:
    with database.write() as session:
        user = create_user(session, actor="test", name="ada")
        for name, role in roles.items():
            project = create_project(session, actor="test", name=name)
            set_role(session, actor="test", project_id=project.id, user_name="ada", role=role)
        principal = load_principal(session, user.id, via)  # type: ignore[arg-type]
    assert principal
    return principal


@pytest.mark.parametrize("name", ["", "Liver", "a" * 14, "-a", "a_b", "../x", "new", "api", "a\n", "ä"])
def test_odd_or_reserved_project_name_is_refused(database: Database, name: str) -> None:
    with database.write() as session, pytest.raises(InvalidInput):
        create_project(session, actor="test", name=name)


def test_project_name_is_unique(database: Database) -> None:
    with database.write() as session:
        create_project(session, actor="test", name="liver")
        with pytest.raises(StateConflict):
            create_project(session, actor="test", name="liver")


def test_every_role_may_all_that_the_one_before_may() -> None:
    roles = list(Role)
    assert all(PERMISSIONS[low] < PERMISSIONS[high] for low, high in itertools.pairwise(roles))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_role_allows_what_its_row_says(database: Database, role: Role, permission: Permission) -> None:
    principal = somebody(database, liver=role)
    with database.read() as session:
        if permission in PERMISSIONS[role]:
            assert authorize(session, principal, "liver", permission).role == role
        else:
            with pytest.raises(NotAllowed):
                authorize(session, principal, "liver", permission)


def test_project_of_others_looks_like_none(database: Database) -> None:
    principal = somebody(database, liver=Role.MANAGER)
    with database.write() as session:
        create_project(session, actor="test", name="brain")
        messages = []
        for name in ("brain", "nosuch"):
            with pytest.raises(NotFound) as caught:
                authorize(session, principal, name, Permission.SERIES_READ)
            messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_token_may_not_what_needs_a_person(database: Database) -> None:
    principal = somebody(database, via="token", liver=Role.MANAGER)
    with database.read() as session:
        assert authorize(session, principal, "liver", Permission.RUN_START)
        for permission in (Permission.SERIES_ERASE, Permission.MEMBER_MANAGE):
            with pytest.raises(NotAllowed):
                authorize(session, principal, "liver", permission)


def test_operator_is_manager_everywhere(database: Database) -> None:
    with database.write() as session:
        create_project(session, actor="test", name="brain")
        assert authorize(session, local_principal(), "brain", Permission.SERIES_DELETE).role == Role.MANAGER
    assert authorize_site(local_principal(), Permission.USER_MANAGE)


def test_member_has_no_site_permission_but_to_read_extensions(database: Database) -> None:
    principal = somebody(database, liver=Role.MANAGER)
    assert principal.site_permissions == {Permission.EXTENSION_READ}
    with pytest.raises(NotAllowed):
        authorize_site(principal, Permission.AUDIT_READ)


@pytest.mark.parametrize("title", ["kp-liver", "KP-LIVER", " Kp-Liver "])
def test_ae_title_names_a_project(database: Database, title: str) -> None:
    with database.write() as session:
        create_project(session, actor="test", name="liver")
        project = project_of_ae_title(session, title)
    assert project is not None
    assert project.name == "liver"


@pytest.mark.parametrize("title", ["liver", "kp-", "kp-../x", "kp-%", "KAHUA", ""])
def test_other_ae_title_names_no_project(database: Database, title: str) -> None:
    with database.write() as session:
        create_project(session, actor="test", name="liver")
        assert project_of_ae_title(session, title) is None
