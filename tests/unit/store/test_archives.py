"""Archives of strangers are refused as a whole, or unpacked into numbered plain files."""

import stat
import struct
import tracemalloc
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


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_the_library_would_unpack_at_once_is_refused(tmp_path: Path, packing: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", packing) as archive:
        archive.writestr("bomb", b"\0" * 1000)
    refuse(tmp_path / "a.zip", tmp_path / "out", InvalidInput, "packed in a way that is not read")


def test_a_directory_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    directory = 3_000_000_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, directory, 4, 0)
    with (tmp_path / "a.zip").open("wb") as file:  # most of it is a hole in the disk
        file.write(b"PK\x03\x04")
        file.seek(directory, 1)
        file.write(end)
    tracemalloc.start()
    try:
        refuse(tmp_path / "a.zip", tmp_path / "out", TooMuch, "3000000000 bytes; 100 entries are allowed")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_entries_of_a_large_directory_are_counted_before_they_are_kept(tmp_path: Path) -> None:
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0) + b"name"
    directory = entry * 30_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 4, 0)
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + directory + end)
    limits = ArchiveLimits(entries=10_000, total_bytes=1, entry_bytes=1)
    with pytest.raises(TooMuch, match="more than 10000 entries"):
        list(unpack(tmp_path / "a.zip", tmp_path, limits))


def test_damage_within_an_entry_is_a_clear_refusal(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"name": bytes(range(256)) * 40})
    data = bytearray(archive.read_bytes())
    data[40:60] = b"\xff" * 20
    archive.write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(InvalidInput, match="damaged"):
        list(unpack(archive, tmp_path / "out", LIMITS))


def test_an_entry_that_lies_nowhere_is_a_clear_refusal(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"name": b"1"})
    data = archive.read_bytes()
    start = data.rindex(b"PK\x01\x02")
    far = struct.pack("<HHQ", 1, 8, 2**63 - 60)
    entry = bytearray(data[start : start + 50])
    entry[30:32] = struct.pack("<H", len(far))
    entry[42:46] = b"\xff" * 4
    end = bytearray(data[-22:])
    end[12:16] = struct.pack("<L", len(entry) + len(far))
    archive.write_bytes(data[:start] + entry + far + end)
    refuse(archive, tmp_path / "out", InvalidInput, "damaged")
