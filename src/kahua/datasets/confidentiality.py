"""What people decide about the identity of patients; each decision is in the audit log."""

from dataclasses import asdict

from sqlalchemy.orm import Session

from kahua.access import record
from kahua.dicom import PixelTemplate
from kahua.store import (
    Policy,
    SealKeys,
    add_template,
    break_seal,
    make_seal,
    policy_of,
    remove_template,
    set_policy,
)


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


def seal_patients(session: Session, *, project_id: str, actor: str, keys: SealKeys) -> None:
    """Begin to keep who is behind the pseudonyms of arrivals, sealed.

    Raises
    ------
    StateConflict
        The project does that already.
    """
    make_seal(session, project_id, keys, actor=actor)
    record(session, actor=actor, action="seal.made", subject="patients of arrivals", project_id=project_id)


def forget_patients(session: Session, *, project_id: str, actor: str) -> int:
    """Forget for good who is behind the pseudonyms of arrivals; return how many were sealed.

    Raises
    ------
    NotFound
        The project keeps none.
    """
    number = break_seal(session, project_id)
    record(session, actor=actor, action="seal.broken", subject=f"{number} patients", project_id=project_id)
    return number


def add_pixel_template(session: Session, *, actor: str, template: PixelTemplate) -> None:
    """Add a template to the site.

    Raises
    ------
    StateConflict
        The name is taken.
    """
    add_template(session, template, actor=actor)
    record(session, actor=actor, action="pixel-template.added", subject=template.name, template=asdict(template))


def remove_pixel_template(session: Session, *, actor: str, name: str) -> None:
    """Remove a template from the site.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    remove_template(session, name)
    record(session, actor=actor, action="pixel-template.removed", subject=name)
