"""Other DICOM applications that a project knows. Their secrets come in and never go out."""

from contextlib import closing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from kahua import datasets, store
from kahua.access import Permission, ProjectAccess
from kahua.api.schemas import Page, Request
from kahua.api.security import Access, AdministratorAccess, SiteOfRequest
from kahua.site import Site
from kahua.store import Peer, PeerFacts
from kahua.store.peers import FACTS, MAX_KEEP_HOURS
from kahua.store.remote.presence import instances_here, instances_of_series_here
from kahua.store.remote.source import MAX_STUDIES, StudyQuery

router = APIRouter(prefix="/api/projects/{project}/peers", tags=["peers"])

Reading = Annotated[ProjectAccess, Depends(Access(Permission.PEER_READ))]
Managing = Annotated[ProjectAccess, Depends(AdministratorAccess(Permission.PEER_MANAGE))]


class PeerBody(Request):
    """What may be said of a peer; what is left out stays as it is, or as it is by default."""

    kind: Literal["dimse", "dicomweb"] = Field("dimse", description="How it is called.")
    ae_title: str = Field("", max_length=16, description="AE title under which it calls and is called.")
    host: str = Field("", max_length=255, description="Name or address of its machine.")
    port: int | None = Field(None, ge=1, le=65535, description="Port of its DICOM receiver.")
    tls: bool = Field(default=False, description="DIMSE over TLS.")
    retrieve: Literal["get", "move"] = Field("get", description="Retrieve by C-GET, or by C-MOVE to this site.")
    networks: list[str] = Field(
        [], max_length=64, description="Networks from which it may call; none: its host's address and this machine."
    )
    url: str = Field("", max_length=500, description="Root of its DICOMweb services.")
    user_name: str = Field("", max_length=200, description="User of its DICOMweb services.")
    secret: str = Field("", max_length=4000, description="Password of that user, or without one a bearer token.")
    may_store: bool = Field(default=True, description="It may send objects here.")
    may_query: bool = Field(default=False, description="It may query and retrieve here.")
    max_associations: int = Field(8, ge=1, le=1000, description="Associations that it may have open at once.")
    deidentify: bool = Field(default=True, description="What is sent there is de-identified.")
    keep_hours: int | None = Field(
        None,
        ge=1,
        le=MAX_KEEP_HOURS,
        description="Hours for which what is fetched stays here; then it is fetched when it is wanted.",
    )


class NewPeer(PeerBody):
    """A peer to add."""

    name: str = Field(max_length=32, description="Name within the project.")


class PeerItem(BaseModel):
    """A peer, without its secret."""

    name: str
    kind: Literal["dimse", "dicomweb"]
    ae_title: str
    host: str
    port: int | None
    tls: bool
    retrieve: Literal["get", "move"]
    networks: list[str]
    url: str
    user_name: str
    #: There is a password or a token; it is never shown.
    has_secret: bool
    may_store: bool
    may_query: bool
    max_associations: int
    deidentify: bool
    keep_hours: int | None


class StudySearch(BaseModel):
    """What studies must match; `*` and `?` are wildcards."""

    patient_id: str = Field("", max_length=200)
    patient_name: str = Field("", max_length=200)
    accession_number: str = Field("", max_length=200)
    study_uid: str = Field("", max_length=64)
    study_date: str = Field("", max_length=17, description="A date YYYYMMDD, or a range with a hyphen.")
    modality: str = Field("", max_length=16)
    description: str = Field("", max_length=200)
    limit: int = Field(100, ge=1, le=MAX_STUDIES)


class RemoteStudyItem(BaseModel):
    """A study that a peer has; its texts are the peer's."""

    study_uid: str
    patient_id: str
    patient_name: str
    patient_birth_date: str
    study_date: str
    accession_number: str
    description: str
    modalities: list[str]
    #: Numbers, where the peer tells them.
    series: int | None
    instances: int | None
    instances_here: int


class RemoteSeriesItem(BaseModel):
    """A series that a peer has."""

    study_uid: str
    series_uid: str
    modality: str
    number: int | None
    description: str
    instances: int | None
    instances_here: int


@router.get("", operation_id="list_peers")
def list_peers(may: Reading, site: SiteOfRequest) -> Page[PeerItem]:
    """List the peers of a project."""
    with site.database.read() as session:
        return Page(items=[_item(peer) for peer in store.list_peers(session, may.project_id)])


@router.post("", operation_id="add_peer", status_code=201)
def add_peer(body: NewPeer, may: Managing, site: SiteOfRequest) -> PeerItem:
    """Add a peer; administrators only, for it opens a way out of the site."""
    facts = PeerFacts(**_facts(site, body.model_dump(exclude={"name"})))
    with site.database.write() as session:
        peer = datasets.add_peer(
            session, actor=may.principal.name, project_id=may.project_id, name=body.name, facts=facts
        )
    return _item(peer)


@router.get("/{peer}", operation_id="get_peer")
def get_peer(peer: str, may: Reading, site: SiteOfRequest) -> PeerItem:
    """Show a peer."""
    with site.database.read() as session:
        return _item(store.find_peer(session, may.project_id, peer))


@router.patch("/{peer}", operation_id="change_peer")
def change_peer(peer: str, body: PeerBody, may: Managing, site: SiteOfRequest) -> PeerItem:
    """Change what is named in the body, and leave the rest."""
    with site.database.write() as session:
        known = store.find_peer(session, may.project_id, peer)
        facts = {name: getattr(known, name) for name in FACTS} | _facts(site, body.model_dump(exclude_unset=True))
        changed = datasets.change_peer(
            session, actor=may.principal.name, project_id=may.project_id, name=peer, facts=PeerFacts(**facts)
        )
    return _item(changed)


@router.delete("/{peer}", operation_id="remove_peer", status_code=204)
def remove_peer(peer: str, may: Managing, site: SiteOfRequest) -> None:
    """Forget a peer: it may call no more."""
    with site.database.write() as session:
        datasets.remove_peer(session, actor=may.principal.name, project_id=may.project_id, name=peer)


@router.post("/{peer}/echo", operation_id="echo_peer", status_code=204)
def echo_peer(peer: str, may: Reading, site: SiteOfRequest) -> None:
    """Ask a peer whether it is there and lets this site in; a problem says what is wrong."""
    with site.database.read() as session:
        known = store.find_peer(session, may.project_id, peer)
    with closing(site.calls.source(known)) as source:
        source.verify()


@router.get("/{peer}/studies", operation_id="search_peer")
def search_peer(
    peer: str,
    may: Reading,
    site: SiteOfRequest,
    wanted: Annotated[StudySearch, Query()],
) -> list[RemoteStudyItem]:
    """Show which studies a peer has, and how much of each is here."""
    query = StudyQuery(**wanted.model_dump(exclude={"limit"}))
    with site.database.write() as session:
        known = store.find_peer(session, may.project_id, peer)
        datasets.note_search(session, actor=may.principal.name, project_id=may.project_id, name=peer, query=query)
    with closing(site.calls.source(known)) as source:
        found = source.find_studies(query, limit=wanted.limit)
    with site.database.read() as session:
        here = instances_here(session, may.project_id, [study.study_uid for study in found])
    return [RemoteStudyItem(**vars(study), instances_here=here.get(study.study_uid, 0)) for study in found]


@router.get("/{peer}/studies/{study}/series", operation_id="list_series_of_peer")
def list_series_of_peer(peer: str, study: str, may: Reading, site: SiteOfRequest) -> list[RemoteSeriesItem]:
    """Show which series a peer has of a study, and how much of each is here."""
    with site.database.read() as session:
        known = store.find_peer(session, may.project_id, peer)
    with closing(site.calls.source(known)) as source:
        found = source.find_series(study)
    with site.database.read() as session:
        here = instances_of_series_here(session, may.project_id, study)
    return [RemoteSeriesItem(**vars(series), instances_here=here.get(series.series_uid, 0)) for series in found]


def _facts(site: Site, body: dict[str, Any]) -> dict[str, Any]:
    if "networks" in body:
        body["networks"] = tuple(body["networks"])
    if "secret" in body:
        body["secret"] = site.vault.lock(body["secret"])
    return body


def _item(peer: Peer) -> PeerItem:
    known = {name: getattr(peer, name) for name in PeerItem.model_fields if name != "has_secret"}
    return PeerItem(**known, has_secret=bool(peer.secret))
