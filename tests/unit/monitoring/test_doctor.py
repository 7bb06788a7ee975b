"""The doctor finds what is wrong, says it in words, and names the way out."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from kahua.access import create_project, record
from kahua.access.tables import AuditEntryRow
from kahua.database import EventRow, announce, now
from kahua.errors import DicomRefused, Unavailable
from kahua.events import RunFinished
from kahua.monitoring import (
    Finding,
    Severity,
    check_audit,
    check_contents,
    check_disk,
    check_installed,
    check_left_over,
    check_objects,
    check_outbox,
    check_quarantine,
    check_room,
    check_secrets,
    examine,
)
from kahua.settings import Settings
from kahua.store import Archive, DirectoryStore, Origin, PeerFacts, Vault, add_peer
from kahua.testing import factory
from kahua.testing.archive import archive_in

pytestmark = pytest.mark.elsewhere


@pytest.fixture
def archive(tmp_path: Path, backends: dict[str, Any]) -> Iterator[Archive]:
    with archive_in(tmp_path, **backends) as opened:
        yield opened


def store_one(archive: Archive, folder: Path) -> None:
    file = folder / "slice.dcm"
    file.write_bytes(factory.part10(factory.ct_series(slices=1)[0]))
    archive.store_file("main", file, Origin(door="import", sender="test"))


def worst(findings: list[Finding]) -> Severity:
    order = list(Severity)
    return max((finding.severity for finding in findings), key=order.index)


def test_an_archive_in_order_is_fine(archive: Archive, tmp_path: Path) -> None:
    store_one(archive, tmp_path)
    assert worst(list(check_objects(archive.database, archive.objects))) is Severity.FINE


def test_a_lost_file_is_a_problem(archive: Archive, tmp_path: Path) -> None:
    store_one(archive, tmp_path)
    archive.objects.delete(next(iter(archive.objects.keys())))
    (finding,) = check_objects(archive.database, archive.objects)
    assert finding.severity is Severity.PROBLEM
    assert "1 instances have lost their file" in finding.text
    assert finding.remedy


def test_what_a_killed_writer_left_is_told_and_mended(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_an_object(archive.objects)
    assert list(check_left_over(archive.objects)) == [], "its writer may still be at it"
    monkeypatch.setattr("kahua.store.deletion.removal.ORPHAN_AGE", timedelta(seconds=-60))
    (finding,) = check_left_over(archive.objects)
    assert finding.severity is Severity.NOTICE
    assert "never completed, for their writers were killed: 1." in finding.text
    assert "--mend" in finding.remedy
    archive.mend()
    assert list(check_left_over(archive.objects)) == []


def begin_an_object(objects: Any) -> None:
    """Leave what a writer leaves that is killed."""
    if isinstance(objects, DirectoryStore):
        (objects.root / "incoming" / "begun").write_bytes(b"half")
    else:
        objects._uploads._ask("POST", f"/{objects._uploads.prefix}incoming/begun", {"uploads": ""})


def test_a_server_that_does_not_tell_what_was_begun_is_said_and_no_problem() -> None:
    class Silent:
        def left_over(self, *, older_than_seconds: float) -> int:
            raise Unavailable("It does not tell.", remedy=f"Look for what is {older_than_seconds} seconds old.")

    (finding,) = check_left_over(Silent())  # type: ignore[arg-type]
    assert (finding.severity, finding.text) == (Severity.NOTICE, "It does not tell.")
    assert "3600" in finding.remedy


@pytest.mark.elsewhere(also=False)
def test_an_object_that_a_disk_has_damaged_is_a_problem(archive: Archive, tmp_path: Path) -> None:
    store_one(archive, tmp_path)
    assert worst(list(check_contents(archive.database, archive.objects))) is Severity.FINE
    (key,) = archive.objects.keys()
    (path,) = (tmp_path / "objects").rglob(key)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert worst(list(check_objects(archive.database, archive.objects))) is Severity.FINE
    (finding,) = check_contents(archive.database, archive.objects)
    assert finding.severity is Severity.PROBLEM
    assert "is an instance of the series" in finding.text


def test_a_changed_audit_entry_is_a_problem(archive: Archive) -> None:
    with archive.database.write() as session:
        record(session, actor="anna", action="test", subject="one")
        record(session, actor="anna", action="test", subject="two")
    assert worst(list(check_audit(archive.database))) is Severity.FINE
    with archive.database.write() as session:
        session.execute(update(AuditEntryRow).where(AuditEntryRow.subject == "one").values(actor="bert"))
    assert worst(list(check_audit(archive.database))) is Severity.PROBLEM


def test_an_event_that_fails_again_and_again_is_a_problem(archive: Archive) -> None:
    with archive.database.write() as session:
        announce(session, RunFinished(project_id="main", run_id="r", state="failed"))
    assert worst(list(check_outbox(archive.database))) is Severity.FINE
    with archive.database.write() as session:
        later = now() + timedelta(minutes=5)
        session.execute(update(EventRow).values(attempts=9, error="the consumer is broken", not_before=later))
    (finding,) = check_outbox(archive.database)
    assert finding.severity is Severity.PROBLEM
    assert "the consumer is broken" in finding.text


def test_the_doctor_says_what_takes_room_and_counts_linked_files_once(tmp_path: Path) -> None:
    (tmp_path / "cache" / "key").mkdir(parents=True)
    (tmp_path / "cache" / "key" / "image.nii").write_bytes(bytes(80_000_000))
    (tmp_path / "cache" / "key" / "again.nii").hardlink_to(tmp_path / "cache" / "key" / "image.nii")
    (finding,) = check_room(Settings(data_dir=tmp_path, cache_bytes=3 * 10**9))
    assert finding.text.startswith("Conversions take 0.1 GB (at most 3), folders of runs 0.0 GB,")


def test_a_full_disk_is_a_problem(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, min_free_bytes=10**18)
    assert worst(list(check_disk(settings))) is Severity.PROBLEM


def test_a_full_quarantine_is_told_of(archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "noise"
    file.write_bytes(bytes(100))
    with pytest.raises(DicomRefused):
        archive.store_file("main", file, Origin(door="import", sender="test"))
    assert not list(check_quarantine(archive.database, Settings(max_quarantine_bytes=120)))
    (finding,) = check_quarantine(archive.database, Settings(max_quarantine_bytes=100))
    assert finding.severity is Severity.NOTICE


def test_an_extension_that_failed_is_a_problem() -> None:
    (finding,) = check_installed([("good 1.0", "ready", ""), ("bad 1.0", "failed", "no such package\nmore")])
    assert finding.text == "The extension bad 1.0 cannot run: no such package"


def test_a_check_that_fails_is_itself_a_finding() -> None:
    def broken() -> list[Finding]:
        raise Unavailable("The database does not answer.", remedy="Start it.")

    (finding,) = examine([broken])
    assert (finding.severity, finding.text, finding.remedy) == (
        Severity.PROBLEM,
        "The database does not answer.",
        "Start it.",
    )


def test_a_secret_that_was_locked_with_another_key_is_a_problem(archive: Archive, tmp_path: Path) -> None:
    mine, other = Vault(tmp_path / "site.key"), Vault(tmp_path / "other.key")
    with archive.database.write() as session:
        project = create_project(session, actor="ada", name="liver")
        for name, vault in (("readable", mine), ("pacs", other)):
            facts = PeerFacts(kind="dicomweb", url="http://127.0.0.1:1/", secret=vault.lock("secret"))
            add_peer(session, project_id=project.id, name=name, facts=facts)
    (finding,) = check_secrets(archive.database, mine)
    assert finding.severity is Severity.PROBLEM
    assert "pacs of the project liver cannot be called" in finding.text
    assert "give the secret anew" in finding.remedy
