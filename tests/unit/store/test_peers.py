"""Peers: what is kept of them, who may call, and what is refused."""

from dataclasses import replace

import pytest

from kahua.database import Database
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.store import (
    PeerFacts,
    add_peer,
    change_peer,
    find_peer,
    list_peers,
    peer_with_title,
    peers_calling,
    remove_peer,
)

PACS = PeerFacts(ae_title="PACS", host="10.9.8.7", port=104)
WEB = PeerFacts(kind="dicomweb", url="https://pacs.example/dicom-web", secret="locked:hush")


def test_a_peer_is_found_again_as_it_was_added(database: Database) -> None:
    with database.write() as session:
        added = add_peer(session, project_id="main", name="pacs", facts=replace(PACS, networks=("10.0.0.0/8",)))
    with database.read() as session:
        assert find_peer(session, "main", "pacs") == added
        assert added.networks == ("10.0.0.0/8",)


def test_a_peer_of_another_project_is_not_there(database: Database) -> None:
    with database.write() as session:
        add_peer(session, project_id="other", name="pacs", facts=PACS)
    with database.read() as session:
        assert list_peers(session, "main") == []
        assert peer_with_title(session, "main", "PACS") is None
        with pytest.raises(NotFound):
            find_peer(session, "main", "pacs")


def test_a_name_is_unique_in_a_project_and_free_in_another(database: Database) -> None:
    with database.write() as session:
        add_peer(session, project_id="main", name="pacs", facts=PACS)
        add_peer(session, project_id="other", name="pacs", facts=PACS)
        with pytest.raises(StateConflict):
            add_peer(session, project_id="main", name="pacs", facts=WEB)


@pytest.mark.parametrize(
    ("address", "networks", "may"),
    [
        ("10.9.8.7", (), True),
        ("127.0.0.1", (), True),
        ("::1", (), True),
        ("10.9.8.8", (), False),
        ("10.9.8.8", ("10.9.0.0/16",), True),
        ("127.0.0.1", ("10.9.0.0/16",), False),
        ("fd00::1", ("10.9.0.0/16", "fd00::/8"), True),
    ],
)
def test_an_ae_title_counts_only_from_its_networks(
    database: Database, address: str, networks: tuple[str, ...], may: bool
) -> None:
    with database.write() as session:
        add_peer(session, project_id="main", name="pacs", facts=replace(PACS, networks=networks))
    with database.read() as session:
        assert [peer.name for peer in peers_calling(session, "PACS ", address)] == ["pacs"] * may
        assert peers_calling(session, "pacs", address) == [], "AE titles differ by case (PS3.5 6.2)"


def test_peers_of_all_projects_may_call_under_one_title(database: Database) -> None:
    with database.write() as session:
        for project in ("main", "other"):
            add_peer(session, project_id=project, name="pacs", facts=PACS)
    with database.read() as session:
        assert {peer.project_id for peer in peers_calling(session, "PACS", "127.0.0.1")} == {"main", "other"}


def test_a_peer_without_title_cannot_call(database: Database) -> None:
    with database.write() as session:
        add_peer(session, project_id="main", name="web", facts=WEB)
    with database.read() as session:
        assert peers_calling(session, "", "127.0.0.1") == []
        assert peer_with_title(session, "main", "") is None


def test_a_changed_peer_keeps_its_name_and_a_removed_one_is_gone(database: Database) -> None:
    with database.write() as session:
        added = add_peer(session, project_id="main", name="pacs", facts=PACS)
        changed = change_peer(session, project_id="main", name="pacs", facts=replace(PACS, port=11112))
        assert (changed.id, changed.port) == (added.id, 11112)
        remove_peer(session, project_id="main", name="pacs")
        assert list_peers(session, "main") == []


def test_a_secret_is_not_in_what_is_printed_of_a_peer(database: Database) -> None:
    with database.write() as session:
        peer = add_peer(session, project_id="main", name="web", facts=WEB)
    assert "hush" not in repr(peer)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (replace(PACS, ae_title=""), "ae_title"),
        (replace(PACS, ae_title="A\\B"), "ae_title"),
        (replace(PACS, ae_title="LONGER THAN SIXTEEN"), "ae_title"),
        (replace(PACS, ae_title="A\nB"), "ae_title"),
        (replace(PACS, host=""), "host"),
        (replace(PACS, host="pacs.example:104"), "host"),
        (replace(PACS, host="../etc"), "host"),
        (replace(PACS, port=None), "port"),
        (replace(PACS, port=70000), "port"),
        (replace(PACS, networks=("10.0.0.1/8",)), "networks"),
        (replace(PACS, max_associations=0), "max_associations"),
        (replace(WEB, url=""), "url"),
        (replace(WEB, url="ftp://pacs.example/"), "url"),
        (replace(WEB, url="file:///etc/passwd"), "url"),
        (replace(WEB, url="https://ada:secret@pacs.example/"), "url"),
        (replace(WEB, url="https://pacs.example/?x=1"), "url"),
        (replace(WEB, url="https://pacs.example:99999/"), "url"),
        (replace(WEB, secret="hush"), "secret"),
        (replace(WEB, user_name="ada:lovelace"), "user_name"),
    ],
)
def test_what_cannot_be_is_refused_and_named(database: Database, facts: PeerFacts, field: str) -> None:
    with database.write() as session, pytest.raises(InvalidInput) as refused:
        add_peer(session, project_id="main", name="pacs", facts=facts)
    assert refused.value.details["field"] == field
