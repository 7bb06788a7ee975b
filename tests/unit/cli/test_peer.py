"""``kahua peer`` as a person types it."""

import json
from pathlib import Path

from .said import Kahua


def test_a_peer_is_added_changed_shown_and_removed(at_site: Kahua, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    added = at_site("peer", "add", "pacs", "--url", "http://127.0.0.1:8042/dicom-web", "--secret-file", secret)
    assert added.status == 0, added.err
    assert at_site("peer", "change", "pacs", "--ae-title", "PACS", "--network", "10.0.0.0/8").status == 0
    shown = at_site("peer", "show", "pacs", "--json")
    facts = json.loads(shown.out)
    assert (facts["kind"], facts["ae_title"], facts["networks"], facts["has_secret"]) == (
        "dicomweb",
        "PACS",
        ["10.0.0.0/8"],
        True,
    )
    assert "correct horse" not in shown.out
    assert "PACS" in at_site("peer", "list").out
    assert at_site("peer", "remove", "pacs", "--yes").status == 0
    assert json.loads(at_site("peer", "list", "--json").out) == []


def test_a_dimse_peer_without_port_is_refused_in_a_sentence(at_site: Kahua) -> None:
    said = at_site("peer", "add", "pacs", "--ae-title", "PACS", "--host", "10.0.0.5")
    assert said.status == 1
    assert "AE title, host and port" in said.err


def test_a_peer_that_is_not_there_is_told_in_a_sentence(at_site: Kahua) -> None:
    at_site("peer", "add", "pacs", "--ae-title", "PACS", "--host", "127.0.0.1", "--port", "1")
    said = at_site("peer", "echo", "pacs")
    assert said.status == 1
    assert "PACS at 127.0.0.1, port 1 cannot be reached" in said.err
    assert "Traceback" not in said.err
