"""Whatever goes wrong, a person reads one sentence and a program sees status 1."""

import sqlite3
from pathlib import Path

import pytest

from .said import Kahua, Said


def is_one_clear_sentence(said: Said) -> bool:
    """Whether an answer is what an error has to look like."""
    lines = said.err.strip().splitlines()
    return said.status == 1 and not said.out and len(lines) == 1 and lines[0].endswith((".", "`"))


def test_a_folder_without_a_site_is_named(kahua: Kahua, tmp_path: Path) -> None:
    said = kahua("--data-dir", tmp_path / "nothing", "user", "list")
    assert is_one_clear_sentence(said), said
    assert str(tmp_path / "nothing") in said.err
    assert "kahua up" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("series", "list", "--project", "nobody"),
        ("dataset", "list", "-p", "nobody"),
        ("runs", "list", "-p", "nobody"),
        ("runs", "show", "nothing"),
        ("runs", "cancel", "nothing"),
        ("runs", "resume", "nothing"),
        ("runs", "record", "nothing"),
        ("workflow", "show", "nothing"),
        ("run", "nothing", "--dataset", "none"),
        ("user", "link", "nobody"),
        ("user", "token", "nobody"),
        ("user", "deactivate", "nobody", "--yes"),
        ("dataset", "add", "nothing", "series"),
        ("dataset", "delete", "nothing", "--yes"),
        ("extension", "install", "/nowhere"),
        ("extension", "check", "/nowhere"),
        ("import", "/nowhere"),
        ("user", "add", "Not A Name"),
        ("project", "add", "Not A Name"),
        ("series", "delete", "nothing", "--yes"),
    ],
    ids=" ".join,
)
def test_what_does_not_exist_is_told_in_a_sentence(arguments: tuple[str, ...], at_site: Kahua) -> None:
    said = at_site(*arguments)
    assert is_one_clear_sentence(said), said


def test_a_file_that_is_no_database_is_told_in_a_sentence(at_site: Kahua, folder: Path) -> None:
    for left in folder.glob("kahua.sqlite3*"):
        left.unlink()
    (folder / "kahua.sqlite3").write_bytes(b"This is a letter, not a database.\n" * 100)
    for command in (("user", "list"), ("up", "--port", "0", "--dicom-port", "0")):
        said = at_site(*command)
        assert is_one_clear_sentence(said), said


def test_a_database_of_a_newer_version_is_told_in_a_sentence(at_site: Kahua, folder: Path) -> None:
    connection = sqlite3.connect(folder / "kahua.sqlite3")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for command in (("user", "list"), ("up", "--port", "0", "--dicom-port", "0")):
        said = at_site(*command)
        assert is_one_clear_sentence(said), said
        assert "9999" in said.err


def test_a_mistake_in_the_file_of_settings_is_told_in_a_sentence(at_site: Kahua, folder: Path) -> None:
    (folder / "kahua.toml").write_text("prot = 1\n")
    said = at_site("user", "list")
    assert is_one_clear_sentence(said), said
    assert "prot" in said.err


def test_a_site_open_to_strangers_does_not_start(at_site: Kahua) -> None:
    said = at_site("up", "--host", "0.0.0.0")  # noqa: S104 - that is what must be refused
    assert is_one_clear_sentence(said), said
    assert "TLS" in said.err
