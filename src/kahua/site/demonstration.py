"""What the demonstration needs on a site."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from kahua.access import Role, UserRow, create_link, create_token, create_user, get_user, local_principal, set_role
from kahua.errors import NotFound
from kahua.extensions import find_extension
from kahua.settings import Settings
from kahua.site.projects import project_id
from kahua.site.site import build_site

#: Person as whom the demonstration works.
DEMO_USER = "demo"

#: Days for which the token of a demonstration works.
DEMO_DAYS = 1


@dataclass(frozen=True, kw_only=True)
class DemoAccess:
    """What the demonstration needs to work on a site, as a manager of its default project."""

    project: str
    #: API token.
    token: str
    #: Secret of a sign-in link, for the person who watches.
    link: str


def prepare_demo(settings: Settings, tell: Callable[[str], None]) -> DemoAccess:
    """Install the demonstration's extension and make a token for it."""
    site = build_site(settings)
    try:
        site.extensions.install(find_extension("brain-extraction"), actor=local_principal().name, progress=tell)
        with site.database.write() as session:
            user = _demo_user(session, project_id(session, settings.default_project))
            _, token = create_token(session, user_id=user.id, label="demonstration", days=DEMO_DAYS)
            link = create_link(session, actor=local_principal().name, name=user.name)
        return DemoAccess(project=settings.default_project, token=token, link=link)
    finally:
        site.close()


def _demo_user(session: Session, identity: str) -> UserRow:
    """Give the person of the demonstration, a manager of the default project; nobody else's password is touched."""
    actor = local_principal().name
    try:
        return get_user(session, DEMO_USER)
    except NotFound:
        user = create_user(session, actor=actor, name=DEMO_USER, display_name="Demonstration")
        set_role(session, actor=actor, project_id=identity, user_name=DEMO_USER, role=Role.MANAGER)
        return user
