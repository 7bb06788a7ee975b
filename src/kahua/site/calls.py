"""How this site calls its peers."""

from collections.abc import Iterator
from dataclasses import dataclass
from ssl import SSLContext

from kahua.access import AE_TITLE_PREFIX
from kahua.access.tables import ProjectRow
from kahua.database import Database
from kahua.errors import InvalidInput
from kahua.settings import Settings
from kahua.store import Peer
from kahua.store.dimse import Destination
from kahua.store.dimse.security import client_security
from kahua.store.dimse.sender import Rewriter
from kahua.store.ingest.limits import Limits
from kahua.store.remote.dicomweb import DicomwebSource
from kahua.store.remote.dimse import DimseSource
from kahua.store.remote.outgoing import CallRules, WebCaller
from kahua.store.remote.source import ImageSource
from kahua.store.remote.target import DicomwebTarget, DimseTarget, ImageTarget
from kahua.store.remote.worklist import ScheduledStep, StepQuery, find_steps
from kahua.store.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Makes what calls a peer, as the peer's kind and the settings say."""

    settings: Settings
    database: Database
    limits: Limits
    #: Converts what a peer does not take as it is stored.
    rewriter: Rewriter
    vault: Vault

    def source(self, peer: Peer) -> ImageSource:
        """Make what asks a peer for images; the caller closes it.

        Raises
        ------
        InvalidInput
            It would be called in a way that the site does not allow.
        """
        if peer.kind == "dicomweb":
            return DicomwebSource(self._caller(peer), limits=self.limits)
        with self.database.read() as session:
            project = session.get_one(ProjectRow, peer.project_id).name
        return DimseSource(
            destination=_reached(peer),
            calling=self.settings.dicom_ae_title,
            receiver=f"{AE_TITLE_PREFIX}{project}" if peer.retrieve == "move" else "",
            limits=self.limits,
            security=self._security(peer),
        )

    def target(self, peer: Peer) -> ImageTarget:
        """Make what takes images to a peer; the caller closes it.

        Raises
        ------
        InvalidInput
            It would be called in a way that the site does not allow.
        """
        if peer.kind == "dicomweb":
            return DicomwebTarget(self._caller(peer), self.rewriter)
        return DimseTarget(
            destination=_reached(peer),
            calling=self.settings.dicom_ae_title,
            security=self._security(peer),
            rewriter=self.rewriter,
        )

    def worklist(self, peer: Peer, query: StepQuery) -> Iterator[ScheduledStep]:
        """Ask a peer for its modality worklist.

        Raises
        ------
        InvalidInput
            The peer is not called by DIMSE.
        PeerUnavailable
            It does not answer as it should.
        """
        return find_steps(_reached(peer), query, calling=self.settings.dicom_ae_title, security=self._security(peer))

    def _caller(self, peer: Peer) -> WebCaller:
        rules = CallRules.from_settings(self.settings)
        return WebCaller(peer.url, rules=rules, user_name=peer.user_name, secret=self.vault.open(peer.secret))

    def _security(self, peer: Peer) -> SSLContext | None:
        return client_security(self.settings) if peer.tls else None


def destination_of(peer: Peer) -> Destination | None:
    """Say where a peer listens; None if it is not called by DIMSE."""
    if peer.kind != "dimse" or not peer.port:
        return None
    return Destination(ae_title=peer.ae_title, host=peer.host, port=peer.port, tls=peer.tls)


def _reached(peer: Peer) -> Destination:
    destination = destination_of(peer)
    if destination is None:
        raise InvalidInput(f"The peer {peer.name} is not called by DIMSE.", field="kind")
    return destination
