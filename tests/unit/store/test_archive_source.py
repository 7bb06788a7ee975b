"""The contract of sources, kept by this site's own archive."""

from pathlib import Path

import pytest

from kahua.store import Archive, Origin
from kahua.store.remote.archive import ArchiveSource
from kahua.store.remote.source import ImageSource, StudyQuery
from kahua.testing.contracts.image_source import SERIES, ImageSourceContract
from kahua.testing.factory import part10


def source_of(archive: Archive, project: str) -> ImageSource:
    return ArchiveSource(database=archive.database, objects=archive.objects, project_id=project)


class TestArchiveSource(ImageSourceContract):
    """A project's own series."""

    @pytest.fixture
    def source(self, archive: Archive, tmp_path: Path) -> ImageSource:
        for number, instance in enumerate(each for series in SERIES for each in series):
            path = tmp_path / f"{number}.dcm"
            path.write_bytes(part10(instance))
            archive.store_file("main", path, Origin(door="import", sender="test"))
        return source_of(archive, "main")

    def test_another_project_has_nothing(self, source: ImageSource, archive: Archive) -> None:
        assert source.find_studies(StudyQuery())
        assert not source_of(archive, "other").find_studies(StudyQuery())
