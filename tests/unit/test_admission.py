"""Who may do what by DIMSE: by AE titles, networks and what a project knows of its peers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kahua.access import ensure_project, entries
from kahua.site import Site
from kahua.store import PeerFacts, add_peer
from kahua.store.dimse import Caller, Refusal, Rejection, Route
from kahua.testing.site import temporary_site

MakeSite = Callable[..., Site]

PACS = {"ae_title": "PACS", "host": "10.1.2.3", "port": 104, "networks": ("10.1.2.0/24", "127.0.0.0/8")}


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    sites: list[Site] = []

    def make(**settings: object) -> Site:
        site = temporary_site(tmp_path, **settings)
        sites.append(site)
        with site.database.write() as session:
            for name in ("main", "trial"):
                ensure_project(session, name=name)
        return site

    yield make
    for site in sites:
        site.close()


def know(site: Site, project: str, **facts: Any) -> None:
    with site.database.write() as session:
        identity = ensure_project(session, name=project).id
        add_peer(session, project_id=identity, name=f"peer-{facts['ae_title'].lower()}", facts=PeerFacts(**facts))


def project(site: Site, name: str) -> str:
    with site.database.read() as session:
        return ensure_project(session, name=name).id


def route(site: Site, called: str, calling: str, address: str = "127.0.0.1", **facts: Any) -> Route | Refusal:
    return site.receiver()._route(Caller(called=called, calling=calling, address=address, **facts))


def test_who_is_no_peer_may_store_and_not_query(make_site: MakeSite) -> None:
    site = make_site()
    answer = route(site, "KAHUA", "SCANNER")
    assert isinstance(answer, Route)
    assert (answer.project_id, answer.may_store, answer.may_query) == (project(site, "main"), True, False)


def test_who_is_no_peer_is_refused_where_the_site_says_so(make_site: MakeSite) -> None:
    site = make_site(dicom_unknown_peers="refuse")
    know(site, "main", **PACS)
    assert isinstance(route(site, "KAHUA", "PACS"), Route)
    answer = route(site, "KAHUA", "SCANNER")
    assert isinstance(answer, Refusal)
    assert answer.rejection is Rejection.CALLING_AE_TITLE_NOT_RECOGNIZED


def test_a_peer_may_what_its_project_says(make_site: MakeSite) -> None:
    site = make_site()
    know(site, "main", **PACS, may_store=False, may_query=True, max_associations=3)
    answer = route(site, "KAHUA", "PACS", "10.1.2.77")
    assert isinstance(answer, Route)
    assert (answer.may_store, answer.may_query, answer.may_get, answer.max_associations) == (False, True, False, 3)


@pytest.mark.parametrize("address", ["10.1.3.1", "192.168.0.1", "2001:db8::1"])
def test_the_title_of_a_peer_from_elsewhere_is_worth_nothing(make_site: MakeSite, address: str) -> None:
    site = make_site(dicom_networks=["192.168.0.0/16"])
    know(site, "main", **PACS, may_query=True)
    answer = route(site, "KAHUA", "PACS", address)
    assert isinstance(answer, Refusal) or not answer.may_query
    assert isinstance(answer, Refusal) is not address.startswith("192.168")


def test_a_peer_deals_with_its_own_project(make_site: MakeSite) -> None:
    site = make_site()
    know(site, "trial", **PACS, may_query=True)
    own, named, other = route(site, "KAHUA", "PACS"), route(site, "kp-trial", "PACS"), route(site, "kp-main", "PACS")
    assert isinstance(own, Route)
    assert isinstance(named, Route)
    assert isinstance(other, Route)
    assert own.project_id == named.project_id == project(site, "trial")
    assert other.project_id == project(site, "main")
    assert (own.may_query, named.may_query, other.may_query) == (True, True, False)


def test_a_move_goes_only_to_peers_of_the_same_project_that_get_what_is_stored(make_site: MakeSite) -> None:
    site = make_site()
    know(site, "main", **PACS, may_query=True)
    know(site, "main", **{**PACS, "ae_title": "VIEWER"}, deidentify=False)
    know(site, "trial", **{**PACS, "ae_title": "TRIAL"}, deidentify=False)
    answer = route(site, "KAHUA", "PACS")
    assert isinstance(answer, Route)
    found = answer.destination("VIEWER")
    assert found is not None
    assert (found.ae_title, found.host, found.port, found.tls) == ("VIEWER", "10.1.2.3", 104, False)
    assert [answer.destination(title) for title in ("PACS", "TRIAL", "NOBODY", "")] == [None] * 4


def test_what_was_retrieved_is_in_the_audit_log(make_site: MakeSite) -> None:
    site = make_site()
    know(site, "main", **PACS, may_query=True)
    answer = route(site, "KAHUA", "PACS")
    assert isinstance(answer, Route)
    answer.retrieves("VIEWER", ["s1", "s2"], 8)
    answer.retrieved("VIEWER", 7, 1)
    with site.database.read() as session:
        last, first = entries(session)[:2]
    for entry, action in ((first, "series.retrieved"), (last, "retrieval.finished")):
        assert (entry.action, entry.actor, entry.subject) == (action, "peer peer-pacs", "VIEWER")
    assert first.details == {"series": ["s1", "s2"], "instances": 8}
    assert last.details == {"instances": 7, "failed": 1}


def test_a_certificate_stands_for_a_network(make_site: MakeSite) -> None:
    site = make_site()
    assert isinstance(route(site, "KAHUA", "SCANNER", "10.9.9.9"), Refusal)
    answer = route(site, "KAHUA", "SCANNER", "10.9.9.9", is_certified=True)
    assert isinstance(answer, Route)
    assert not answer.may_query
