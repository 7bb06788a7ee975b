from collections.abc import Iterator
from pathlib import Path

import pytest

from kahua.testing.contracts.engine import EngineContract
from kahua.testing.workflows import WorkflowSite
from kahua.workflows.engines.local import LocalEngine
from kahua.workflows.folders import RunFolders
from kahua.workflows.runtimes.process import ProcessRuntime
from kahua.workflows.runtimes.sandbox import choose_boundary


def make_engine(site: WorkflowSite) -> LocalEngine:
    return LocalEngine(
        database=site.database,
        runtime=ProcessRuntime(site.boundary),
        catalogue=site.catalogue,
        transfers=site.transfers,
        machine=site.machine,
        folders=RunFolders(site.folder / "runs"),
        cache=site.folder / "cache",
        log_bytes=1_000_000,
        pause_seconds=0.05,
    )


class TestLocalEngine(EngineContract):
    @pytest.fixture
    def site(self, tmp_path: Path) -> Iterator[WorkflowSite]:
        site = WorkflowSite(tmp_path / "site")
        site.boundary = choose_boundary("auto")
        yield site
        site.database.close()

    @pytest.fixture
    def engine(self, site: WorkflowSite) -> Iterator[LocalEngine]:
        engine = make_engine(site)
        engine.start()
        yield engine
        engine.stop()
