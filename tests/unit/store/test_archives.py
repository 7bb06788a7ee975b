"""Archives of strangers are refused as a whole, or unpacked into numbered plain files."""

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from kahua.errors import InvalidInput, RequestRefused, TooMuch
from kahua.store.imports.archives import ArchiveLimits, is_zip, unpack

LIMITS = ArchiveLimits(entries=100, total_bytes=50_000_000, entry_bytes=30_000_000)


def pack(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def refuse(archive: Path, folder: Path, error: type[RequestRefused], words: str) -> None:
    folder.mkdir()
    with pytest.raises(error, match=words):
        list(unpack(archive, folder, LIMITS))
    assert list(folder.iterdir()) == []


def test_plain_files_are_unpacked_under_numbers(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"one/IM1": b"first", "two/IM1.dcm": b"second"})
    found = [(entry.name, entry.path.name, entry.path.read_bytes()) for entry in unpack(archive, tmp_path, LIMITS)]
    assert found == [("one/IM1", "000000", b"first"), ("two/IM1.dcm", "000001", b"second")]


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "a/../../escaped", "..\\escaped", "C:\\escaped", "C:x"])
def test_a_path_out_of_the_archive_refuses_all_of_it(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "a.zip", {"good": b"1", name: b"2"})
    refuse(archive, tmp_path / "out", InvalidInput, "points outside")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    entry = zipfile.ZipInfo("link")
    entry.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    refuse(tmp_path / "a.zip", tmp_path / "out", InvalidInput, "link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("same", b"1")
        archive.writestr("same", b"2")
    refuse(tmp_path / "a.zip", tmp_path / "out", InvalidInput, "twice")


def test_a_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"bomb": b"\0" * 20_000_000})
    refuse(archive, tmp_path / "out", TooMuch, "bomb")


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {str(number): b"" for number in range(101)})
    refuse(archive, tmp_path / "out", TooMuch, "101 entries")


def test_a_forged_size_is_noticed_while_unpacking(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"liar": b"\0" * 1000})
    data = bytearray(archive.read_bytes())
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<L", 10)
    archive.write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidInput):
        list(unpack(archive, tmp_path / "out", LIMITS))


def test_a_damaged_archive_is_a_clear_refusal(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"PK\x03\x04 and then nothing of sense")
    assert is_zip(archive)
    refuse(archive, tmp_path / "out", InvalidInput, "damaged")
