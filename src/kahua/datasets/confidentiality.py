"""What a project decides about the identity of its patients; each decision is in the audit log."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from kahua.access import record
from kahua.store import Policy, policy_of, set_policy


def change_policy(session: Session, *, project_id: str, actor: str, policy: Policy) -> None:
    """Decide how the objects of a project are de-identified, and write it into the audit log."""
    before = policy_of(session, project_id)
    set_policy(session, project_id, policy, actor=actor)
    record(
        session,
        actor=actor,
        action="confidentiality.changed",
        subject="on arrival" if policy.on_arrival else "on the way out",
        project_id=project_id,
        before=asdict(before),
        after=asdict(policy),
    )
