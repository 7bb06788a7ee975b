"""Peers over HTTP: administrators change them, their secrets never come out, and the audit log knows."""

from typing import Any

from fastapi import FastAPI

from kahua.access import AuditEntryRow, entries
from kahua.site import Site
from kahua.testing.site import browser

PEERS = "/api/projects/liver/peers"
WEB: dict[str, Any] = {
    "name": "pacs",
    "kind": "dicomweb",
    "url": "https://pacs.example/dicom-web",
    "user_name": "ada",
    "secret": "correct horse",
}


def audited(site: Site) -> list[AuditEntryRow]:
    with site.database.read() as session:
        return [entry for entry in entries(session) if entry.action.startswith("peer.")]


def test_a_secret_comes_in_and_never_goes_out(application: FastAPI, site: Site) -> None:
    client = browser(application, "ada")
    answers = [
        client.post(PEERS, json=WEB),
        client.get(PEERS),
        client.get(f"{PEERS}/pacs"),
        client.patch(f"{PEERS}/pacs", json={"may_query": True}),
        client.get("/api/audit"),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200]
    assert not any("correct horse" in answer.text for answer in answers)
    assert answers[2].json()["has_secret"] is True
    assert "correct horse" not in str([entry.details for entry in audited(site)])


def test_a_change_leaves_what_it_does_not_name(application: FastAPI, site: Site) -> None:
    client = browser(application, "ada")
    client.post(PEERS, json=WEB)
    changed = client.patch(f"{PEERS}/pacs", json={"networks": ["10.0.0.0/8"]}).json()
    assert (changed["networks"], changed["url"], changed["has_secret"]) == (["10.0.0.0/8"], WEB["url"], True)
    entry = audited(site)[0]
    assert (entry.action, entry.details) == ("peer.changed", {"networks": ["10.0.0.0/8"], "secret_changed": False})


def test_a_removed_peer_is_gone_and_the_log_says_who_did_it(application: FastAPI, site: Site) -> None:
    client = browser(application, "ada")
    client.post(PEERS, json=WEB)
    assert client.delete(f"{PEERS}/pacs").status_code == 204
    assert client.get(f"{PEERS}/pacs").status_code == 404
    assert [(entry.actor, entry.action) for entry in audited(site)] == [("ada", "peer.removed"), ("ada", "peer.added")]


def test_a_manager_sees_peers_and_cannot_open_a_way_out(application: FastAPI) -> None:
    browser(application, "ada").post(PEERS, json=WEB)
    client = browser(application, "manager")
    assert [item["name"] for item in client.get(PEERS).json()["items"]] == ["pacs"]
    refused = client.patch(f"{PEERS}/pacs", json={"url": "https://elsewhere.example/"})
    assert (refused.status_code, refused.json()["permission"]) == (403, "peer.manage")


def test_a_bad_address_is_refused_and_the_field_named(application: FastAPI) -> None:
    refused = browser(application, "ada").post(PEERS, json={**WEB, "url": "https://ada:pw@pacs.example/"})
    assert (refused.status_code, refused.json()["field"]) == (400, "url")
