"""Peers that run, and limits for what comes from them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kahua.settings import Settings
from kahua.store import Limits
from kahua.testing.contracts.image_source import SERIES

from .servers import Orthanc, orthanc


@pytest.fixture(scope="session")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Give a running Orthanc that holds what the contract of sources wants."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        for series in SERIES:
            server.keep(series)
        yield server


@pytest.fixture
def limits(tmp_path: Path) -> Limits:
    return Limits.from_settings(Settings(data_dir=tmp_path))
