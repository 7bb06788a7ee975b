"""``kahua user``."""

import multiprocessing
import os
from pathlib import Path

import pytest

from kahua.cli.service import status_file
from kahua.settings import load_settings

from .said import Kahua

#: Addresses of the web interface: as the settings have it, and as a site was started.
SET, STARTED = "http://127.0.0.1:8080", "http://127.0.0.1:9123"


def say_running(folder: Path, pid: int) -> None:
    """Leave what the web interface of a site leaves that was started with another port."""
    file = status_file(load_settings(data_dir=folder), "web")
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'{{"pid": {pid}, "url": "{STARTED}"}}')


@pytest.fixture
def ended() -> int:
    """Give the number of a process that is no more."""
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    process.join()
    assert process.pid is not None
    return process.pid


def links(at_site: Kahua) -> list[str]:
    said = [at_site("user", "add", "anna"), at_site("user", "link", "anna")]
    assert [each.status for each in said] == [0, 0]
    return [each.out.partition("/sign-in#token=")[0] for each in said]


def test_a_link_names_the_address_of_the_settings(at_site: Kahua) -> None:
    assert links(at_site) == [SET] * 2


def test_a_link_names_the_address_that_the_running_site_was_started_with(at_site: Kahua, folder: Path) -> None:
    say_running(folder, os.getpid())
    assert links(at_site) == [STARTED] * 2


def test_a_site_that_runs_no_more_has_no_address_of_its_own(at_site: Kahua, folder: Path, ended: int) -> None:
    say_running(folder, ended)
    assert links(at_site) == [SET] * 2
