"""Objects of every kind are told from damaged ones by their keys alone."""

import hashlib
from pathlib import Path

import pytest

from kahua.errors import DicomRefused
from kahua.store import Archive, Origin, content_key, damaged
from kahua.testing.factory import ct_series, part10

ORIGIN = Origin(door="import", sender="test")
PICTURE = b"a picture"


@pytest.fixture
def kinds(archive: Archive, tmp_path: Path) -> list[Path]:
    """Files of one object of every kind."""
    instance = part10(ct_series(slices=1)[0])
    path = tmp_path / "incoming"
    for content in (instance, b"no DICOM at all", instance[:-99]):
        path.write_bytes(content)
        try:
            archive.store_file("main", path, ORIGIN)
        except DicomRefused:
            assert content is not instance
    for content in (instance, b"a table"):
        archive.objects.put(content_key("file", [content]), [content])
    archive.objects.put(hashlib.sha256(b"derived\0" + PICTURE).hexdigest(), [PICTURE])
    return [archive.objects.path(key) for key in archive.objects.keys()]  # noqa: SIM118 - a port, not a dictionary


def test_what_is_as_it_was_stored_is_not_damaged(archive: Archive, kinds: list[Path]) -> None:
    assert len(kinds) == 6
    assert list(damaged(archive.objects)) == []


def test_one_changed_or_missing_byte_is_told(archive: Archive, kinds: list[Path]) -> None:
    for path in kinds:
        content = path.read_bytes()
        path.chmod(0o600)
        for wrong in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), content + b"!", b""):
            path.write_bytes(wrong)
            assert list(damaged(archive.objects)) == [path.name]
        path.write_bytes(content)
