"""What a project decided about the identity of its patients."""

from dataclasses import asdict, dataclass, field

from sqlalchemy.orm import Session

from kahua.database import now
from kahua.dicom import Profile
from kahua.store.confidentiality.tables import PolicyRow


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How the objects of a project are de-identified, and when."""

    #: Whatever comes in is de-identified before it is stored; what was there before stays as it is.
    on_arrival: bool = False
    #: Of arrivals, of what is sent, and of exports that choose none of their own.
    profile: Profile = field(default_factory=Profile)


def policy_of(session: Session, project_id: str) -> Policy:
    """Give the policy of a project: the defaults, unless it decided otherwise."""
    row = session.get(PolicyRow, project_id)
    return Policy(on_arrival=row.on_arrival, profile=Profile(**row.profile)) if row else Policy()


def set_policy(session: Session, project_id: str, policy: Policy, *, actor: str) -> None:
    """Decide for a project; it acts on whatever comes in or goes out from now on."""
    row = PolicyRow(
        project_id=project_id,
        on_arrival=policy.on_arrival,
        profile=asdict(policy.profile),
        changed_at=now(),
        changed_by=actor[:100],
    )
    session.merge(row)
