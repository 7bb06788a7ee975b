"""Sending series to a peer: they leave the site, and the audit log says which, where to, and by whom."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.access import record
from kahua.datasets.lists import require_in_project, series_of
from kahua.errors import InvalidInput, NotFound
from kahua.store import Peer, SeriesRow, StudyRow, policy_of
from kahua.store.remote import deliveries
from kahua.store.remote.tables import DeliveryRow


def start_delivery(
    session: Session,
    *,
    peer: Peer,
    actor: str,
    series: Sequence[str] = (),
    study_uid: str | None = None,
    dataset: str | None = None,
) -> DeliveryRow:
    """Have series sent to a peer, de-identified by the project's profile where the peer takes nothing else.

    Raises
    ------
    InvalidInput
        Not exactly one of series, a study and a dataset are named, or there are too many series.
    NotFound
        The project lacks one of them.
    """
    if sum((bool(series), study_uid is not None, dataset is not None)) != 1:
        raise InvalidInput("Name either series, a study or a dataset.", field="series")
    chosen = _chosen(session, peer.project_id, series, study_uid, dataset)
    profile = policy_of(session, peer.project_id).profile if peer.deidentify else None
    delivery = deliveries.start_delivery(session, peer=peer, actor=actor, series=chosen, profile=profile)
    record(
        session,
        actor=actor,
        action="series.sent",
        subject=peer.name,
        project_id=peer.project_id,
        delivery=delivery.id,
        count=len(chosen),
        **({"dataset": dataset} if dataset else {"series": chosen}),
        deidentified=profile is not None,
        profile=asdict(profile) if profile else None,
    )
    return delivery


def note_end_of_delivery(session: Session, delivery: DeliveryRow) -> None:
    """Write down that a delivery is done, and what went."""
    progress = deliveries.DELIVERIES.progress(session, delivery)
    record(
        session,
        actor=delivery.created_by,
        action="delivery.finished",
        subject=delivery.id,
        project_id=delivery.project_id,
        peer=delivery.peer_name,
        series=progress.items,
        **progress.instances,
    )


def _chosen(
    session: Session, project_id: str, series: Sequence[str], study_uid: str | None, dataset: str | None
) -> list[str]:
    if dataset is not None:
        return list(series_of(session, project_id, dataset))
    if study_uid is None:
        require_in_project(session, project_id, list(dict.fromkeys(series)))
        return list(dict.fromkeys(series))
    query = select(SeriesRow.id).join(StudyRow, SeriesRow.study_id == StudyRow.id)
    here = query.where(SeriesRow.project_id == project_id, StudyRow.study_uid == study_uid)
    found = list(session.scalars(here.order_by(SeriesRow.series_number, SeriesRow.id)))
    if not found:
        raise NotFound("There is no such study.")
    return found
