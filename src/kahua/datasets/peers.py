"""Changing what a project knows of other DICOM applications: each change is in the audit log, its secret never."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from kahua import store
from kahua.access import record
from kahua.store import Peer, PeerFacts
from kahua.store.remote.source import StudyQuery
from kahua.store.remote.worklist import StepQuery


def add_peer(session: Session, *, actor: str, project_id: str, name: str, facts: PeerFacts) -> Peer:
    """Add a peer to a project; see `kahua.store.peers.add_peer` for what is refused."""
    peer = store.add_peer(session, project_id=project_id, name=name, facts=facts)
    record(session, actor=actor, action="peer.added", subject=name, project_id=project_id, **_public(facts))
    return peer


def change_peer(session: Session, *, actor: str, project_id: str, name: str, facts: PeerFacts) -> Peer:
    """Replace what is known of a peer; the audit log tells what became different."""
    before = store.find_peer(session, project_id, name)
    peer = store.change_peer(session, project_id=project_id, name=name, facts=facts)
    old = _public(before)
    changed = {fact: value for fact, value in _public(peer).items() if value != old[fact]}
    record(
        session,
        actor=actor,
        action="peer.changed",
        subject=name,
        project_id=project_id,
        secret_changed=before.secret != peer.secret,
        **changed,
    )
    return peer


def remove_peer(session: Session, *, actor: str, project_id: str, name: str) -> None:
    """Forget a peer."""
    store.remove_peer(session, project_id=project_id, name=name)
    record(session, actor=actor, action="peer.removed", subject=name, project_id=project_id)


def note_search(session: Session, *, actor: str, project_id: str, name: str, query: StudyQuery | StepQuery) -> None:
    """Write down that a peer is asked, and by what; the values may name a patient and are left out."""
    conditions = [condition for condition, value in vars(query).items() if value]
    record(session, actor=actor, action="peer.searched", subject=name, project_id=project_id, conditions=conditions)


def _public(facts: PeerFacts) -> dict[str, Any]:
    """Give what may be read of a peer: everything but its secret."""
    hidden = ("secret", "id", "project_id", "name")
    return {fact: value for fact, value in asdict(facts).items() if fact not in hidden}
