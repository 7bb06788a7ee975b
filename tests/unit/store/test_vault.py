"""Secrets are locked in the database, and opened with the key that lies beside it."""

import base64
import os
from pathlib import Path

import pytest
from sqlalchemy import select

from kahua.database import Database
from kahua.errors import InvalidInput, MisconfiguredSite, StateConflict
from kahua.store import PeerFacts, add_peer, find_peer
from kahua.store.peers import lock_secrets
from kahua.store.remote.tables import PeerRow
from kahua.store.vault import LOCKED, MAX_SECRET, Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "site.key")


def test_a_locked_secret_is_opened_with_the_key_and_shows_nothing_of_it(vault: Vault) -> None:
    locked = vault.lock("correct höbby horse")
    assert locked.startswith(LOCKED)
    assert b"horse" not in base64.b64decode(locked.removeprefix(LOCKED))
    assert Vault(vault.key_file).open(locked) == "correct höbby horse"
    assert vault.lock("correct höbby horse") != locked


def test_the_key_is_for_its_owner_alone_and_stays_the_same(vault: Vault) -> None:
    vault.lock("one")
    key = vault.key_file.read_bytes()
    vault.lock("two")
    assert vault.key_file.read_bytes() == key
    assert vault.key_file.stat().st_mode & 0o077 == 0
    assert os.listdir(vault.key_file.parent) == ["site.key"]  # noqa: PTH208 - names


def test_no_secret_needs_no_key(vault: Vault) -> None:
    assert (vault.lock(""), vault.open("")) == ("", "")
    assert not vault.key_file.exists()


@pytest.mark.parametrize("secret", ["one\r\nX-Header: two", "x" * (MAX_SECRET + 1)])
def test_what_could_be_no_password_is_refused(vault: Vault, secret: str) -> None:
    with pytest.raises(InvalidInput):
        vault.lock(secret)


def test_without_its_key_or_with_another_the_way_out_is_told(vault: Vault, tmp_path: Path) -> None:
    locked = vault.lock("hush")
    other = Vault(tmp_path / "other.key")
    with pytest.raises(StateConflict, match="does not have") as told:
        other.open(locked)
    assert "backup" in str(told.value)
    other.lock("anything")
    with pytest.raises(StateConflict, match="does not have"):
        other.open(locked)
    with pytest.raises(StateConflict, match="does not have"):
        vault.open(locked[:-4] + "AAAA")


def test_a_file_that_holds_no_key_is_a_wrong_setting(vault: Vault) -> None:
    vault.key_file.write_text("nonsense")
    with pytest.raises(MisconfiguredSite, match="key"):
        vault.lock("hush")


def test_what_an_earlier_version_kept_as_it_is_is_locked(database: Database, vault: Vault) -> None:
    facts = PeerFacts(kind="dicomweb", url="https://pacs.example/dicom-web")
    with database.write() as session:
        for name in ("old", "new", "none"):
            add_peer(session, project_id="main", name=name, facts=facts)
        for name, secret in (("old", "hush"), ("new", vault.lock("quiet"))):
            session.scalars(select(PeerRow).where(PeerRow.name == name)).one().secret = secret
    with database.write() as session:
        assert lock_secrets(session, vault) == 1
        assert lock_secrets(session, vault) == 0
    with database.read() as session:
        secrets = [find_peer(session, "main", name).secret for name in ("old", "new", "none")]
    assert [vault.open(secret) for secret in secrets] == ["hush", "quiet", ""]
    assert secrets[0].startswith(LOCKED)
