"""Who may call this site by DIMSE, with which project it then deals, and where it listens itself."""

from dataclasses import dataclass
from ipaddress import ip_address

from sqlalchemy.orm import Session

from kahua.access import find_project, project_of_ae_title, record
from kahua.access.tables import ProjectRow
from kahua.database import Database
from kahua.settings import Settings
from kahua.site.calls import destination_of
from kahua.store import Peer, peer_with_title, peers_calling
from kahua.store.dimse import Caller, Destination, Refusal, Rejection, Route

#: Calling AE titles that begin so name the dataset to which the series are added.
DATASET_PREFIX = "kp-"


@dataclass(frozen=True, kw_only=True)
class Routing:
    """Decides about those who call by DIMSE."""

    settings: Settings
    database: Database

    def route(self, caller: Caller) -> Route | Refusal:
        """Decide with which project a peer deals, and what it may do there: deny by default."""
        with self.database.read() as session:
            callers = peers_calling(session, caller.calling, caller.address)
            project = project_of_ae_title(session, caller.called)
            if project is None and (named := self._default_project(session, caller.called)) is not None:
                project = session.get(ProjectRow, callers[0].project_id) if callers else named
        if project is None:
            return Refusal(reason="The called AE title names no project.")
        peer = next((each for each in callers if each.project_id == project.id), None)
        if peer is None and (reason := self._reason_against_stranger(caller)):
            return Refusal(reason=reason, rejection=Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED)
        return self._route_of(peer, project.id, caller.calling)

    def _reason_against_stranger(self, caller: Caller) -> str:
        """Say why an application that the project does not know is refused; empty if it may store."""
        sender = ip_address(caller.address)
        is_near = sender.is_loopback or any(sender in network for network in self.settings.dicom_networks)
        if not is_near and not caller.is_certified:
            return "The sender's network is not among dicom_networks."
        return "The calling AE title is no peer's." if self.settings.dicom_unknown_peers == "refuse" else ""

    def _route_of(self, peer: Peer | None, project_id: str, calling: str) -> Route:
        if peer is None:
            return Route(project_id=project_id, dataset=_dataset_of(calling))
        return Route(
            project_id=project_id,
            dataset=_dataset_of(calling),
            may_store=peer.may_store,
            may_query=peer.may_query,
            may_get=not peer.deidentify,
            peer=peer.id,
            max_associations=peer.max_associations,
            destination=lambda title: self._destination(project_id, title),
            retrieves=lambda receiver, series, count: self._note(
                peer, receiver, "series.retrieved", series=list(series), instances=count
            ),
            retrieved=lambda receiver, sent, failed: self._note(
                peer, receiver, "retrieval.finished", instances=sent, failed=failed
            ),
        )

    def _destination(self, project_id: str, title: str) -> Destination | None:
        """Find where a C-MOVE sends; not where only what is de-identified may go, for that is `kahua send`."""
        with self.database.read() as session:
            peer = peer_with_title(session, project_id, title)
        return destination_of(peer) if peer is not None and not peer.deidentify else None

    def listens_at(self, project_id: str, title: str) -> Destination | None:
        """Find where a peer takes reports of storage commitment."""
        with self.database.read() as session:
            peer = peer_with_title(session, project_id, title)
        return destination_of(peer) if peer is not None else None

    def _note(self, peer: Peer, receiver: str, action: str, **facts: object) -> None:
        """Write what leaves the site, or has left it, into the audit log."""
        actor = f"peer {peer.name}"
        with self.database.write() as session:
            record(session, actor=actor, action=action, subject=receiver, project_id=peer.project_id, **facts)

    def _default_project(self, session: Session, called: str) -> ProjectRow | None:
        known = called.strip().upper() == self.settings.dicom_ae_title.upper()
        named = called.strip().lower().startswith(DATASET_PREFIX)  # a project that does not exist is never another one
        if named or (not known and self.settings.dicom_unknown_ae == "refuse"):
            return None
        return find_project(session, self.settings.default_project)


def _dataset_of(calling: str) -> str | None:
    title = calling.strip()
    return title[len(DATASET_PREFIX) :] or None if title.lower().startswith(DATASET_PREFIX) else None
