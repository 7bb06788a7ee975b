"""How commands let go for ever: of what is named, or of all there is."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from kahua.errors import InvalidInput
from kahua.site import Site, project_id

#: Things that are let go of in one transaction.
BATCH = 100

#: Gives the ids of so many things that a project has.
Newest = Callable[[Session, str, int], Sequence[str]]

#: Lets go of one thing of a project, by its id.
Discard = Callable[[Session, str, str], None]


def check_choice(items: Sequence[str] | None, *, everything: bool) -> None:
    """Check that a command names what is to go or says that everything is: one of the two.

    Raises
    ------
    InvalidInput
        It does neither, or both.
    """
    if bool(items) == everything:
        raise InvalidInput("Name what is to go, or --all.", field="items")


def let_go(site: Site, project: str, items: Sequence[str] | None, *, newest: Newest, discard: Discard) -> None:
    """Let go of what is named, or of everything batch by batch; then of the objects that nothing needs any more."""
    if items:
        _discard_all(site, project, items, discard)
    else:
        while chosen := _newest(site, project, newest):
            _discard_all(site, project, chosen, discard)
    site.archive.collect()


def _newest(site: Site, project: str, newest: Newest) -> Sequence[str]:
    with site.database.read() as session:
        return newest(session, project_id(session, project), BATCH)


def _discard_all(site: Site, project: str, items: Sequence[str], discard: Discard) -> None:
    with site.database.write() as session:
        identity = project_id(session, project)
        for item in items:
            discard(session, identity, item)
