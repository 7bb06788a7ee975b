"""Pulls that are carried out at once."""

from kahua import datasets
from kahua.site import Site
from kahua.store import find_peer
from kahua.store.remote.pulls import PullTerms
from kahua.store.remote.wishes import Wish


def pull(site: Site, project: str, wish: Wish, **terms: int) -> str:
    """Pull something from the peer ``pacs``; give the id of the pull."""
    with site.database.write() as session:
        peer = find_peer(session, project, "pacs")
        started = datasets.start_pull(session, peer=peer, actor="ada", wishes=[wish], terms=PullTerms(**terms))
    puller = site.puller()
    while puller.step():
        pass
    return started.id
