"""Commands as a person types them, on a site of their own."""

import sys
from pathlib import Path

import pytest

from kahua.cli.application import run
from kahua.settings import load_settings
from kahua.site import prepare_site

from .said import Kahua, Said


@pytest.fixture
def kahua(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kahua:
    """Give the command ``kahua``, run in this process."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["kahua", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run()
        said = capsys.readouterr()
        code = ended.value.code
        return Said(status=code if isinstance(code, int) else int(code is not None), out=said.out, err=said.err)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Data folder of an empty site."""
    prepare_site(load_settings(data_dir=tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def at_site(kahua: Kahua, folder: Path) -> Kahua:
    """Give the command ``kahua`` for that site."""
    return lambda *arguments: kahua("--data-dir", folder, *arguments)
