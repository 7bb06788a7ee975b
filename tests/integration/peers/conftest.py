"""Peers that run, and limits for what comes from them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kahua.access import ensure_project
from kahua.settings import Settings
from kahua.site import Site
from kahua.store import Limits, PeerFacts, add_peer
from kahua.testing.contracts.image_source import SERIES
from kahua.testing.site import temporary_site

from .servers import AE_TITLE, PASSWORD, USER, Orthanc, orthanc


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


@pytest.fixture
def site(tmp_path: Path, backends: dict[str, Any]) -> Iterator[Site]:
    site = temporary_site(tmp_path, **backends)
    yield site
    site.close()


@pytest.fixture(params=["dicomweb", "dimse"])
def project(request: pytest.FixtureRequest, site: Site, pacs: Orthanc) -> str:
    """Give a project that knows Orthanc as ``pacs``."""
    facts = {
        "dicomweb": PeerFacts(kind="dicomweb", url=pacs.url, user_name=USER, secret=site.vault.lock(PASSWORD)),
        "dimse": PeerFacts(ae_title=AE_TITLE, host="127.0.0.1", port=pacs.dicom_port),
    }
    with site.database.write() as session:
        project = ensure_project(session, name="main").id
        add_peer(session, project_id=project, name="pacs", facts=facts[request.param])
    return project
