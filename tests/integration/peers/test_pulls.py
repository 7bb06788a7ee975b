"""Pulls from a real Orthanc into a site, by each way."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from kahua import datasets
from kahua.access import ensure_project, entries
from kahua.database import now
from kahua.site import Site
from kahua.store import Origin, PeerFacts, add_peer, find_peer, studies_with_uid
from kahua.store.remote.presence import instances_here
from kahua.store.remote.pulls import PullTerms, find_pull, progress_of
from kahua.store.remote.tables import PullItemRow
from kahua.store.remote.wishes import Wish
from kahua.testing.contracts.image_source import HEAD_CT, OTHER_STUDY, STUDY
from kahua.testing.factory import part10
from kahua.testing.site import temporary_site

from .servers import AE_TITLE, PASSWORD, USER, Orthanc


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = temporary_site(tmp_path)
    yield site
    site.close()


@pytest.fixture(params=["dicomweb", "dimse"])
def project(request: pytest.FixtureRequest, site: Site, pacs: Orthanc) -> str:
    """Give a project that knows Orthanc as ``pacs``."""
    facts = {
        "dicomweb": PeerFacts(kind="dicomweb", url=pacs.url, user_name=USER, secret=PASSWORD),
        "dimse": PeerFacts(ae_title=AE_TITLE, host="127.0.0.1", port=pacs.dicom_port),
    }
    with site.database.write() as session:
        project = ensure_project(session, name="main").id
        add_peer(session, project_id=project, name="pacs", facts=facts[request.param])
    return project


def pull(site: Site, project: str, wish: Wish, **terms: int) -> str:
    with site.database.write() as session:
        peer = find_peer(session, project, "pacs")
        started = datasets.start_pull(session, peer=peer, actor="ada", wishes=[wish], terms=PullTerms(**terms))
    puller = site.puller()
    while puller.step():
        pass
    return started.id


def test_what_is_wanted_comes_and_nothing_else(site: Site, project: str) -> None:
    started = pull(site, project, Wish(accession_number="A1"))
    with site.database.read() as session:
        progress = progress_of(session, find_pull(session, project, started))
        assert (progress.pull.state, progress.received, progress.refused) == ("done", 5, 0)
        assert instances_here(session, project, [STUDY, OTHER_STUDY]) == {STUDY: 5}
        assert [entry.action for entry in entries(session, project_id=project)][:2] == ["pull.finished", "pull.started"]
    assert [path for path in site.archive.staging.folder.iterdir() if path.name.startswith("pull-")] == []


def test_a_name_in_another_character_set_comes_as_it_is(site: Site, project: str) -> None:
    pull(site, project, Wish(patient_id="PATIENT-2"))
    with site.database.read() as session:
        (study,) = studies_with_uid(session, project, OTHER_STUDY)
    assert study.patient_name == "Müller^Jörg"


def test_a_wish_that_nothing_matches_fails_and_says_so(site: Site, project: str) -> None:
    started = pull(site, project, Wish(accession_number="NONE"))
    with site.database.read() as session:
        assert progress_of(session, find_pull(session, project, started)).items == {"failed": 1}


def test_a_temporary_copy_is_removed_when_its_time_has_come(site: Site, project: str) -> None:
    pull(site, project, Wish(study_uid=STUDY), keep_hours=2)
    assert datasets.remove_expired_pulls(site.database) == 0
    with site.database.write() as session:
        session.execute(update(PullItemRow).values(finished_at=now() - timedelta(hours=3)))
    assert datasets.remove_expired_pulls(site.database) == 2
    assert datasets.remove_expired_pulls(site.database) == 0
    site.archive.collect()
    with site.database.read() as session:
        assert instances_here(session, project, [STUDY]) == {}
        assert "series.deleted" in {entry.action for entry in entries(session, project_id=project)}
    assert list(site.objects.keys()) == []


def test_a_copy_to_which_somebody_added_stays(site: Site, project: str, tmp_path: Path) -> None:
    pull(site, project, Wish(study_uid=STUDY), keep_hours=2)
    late = deepcopy(HEAD_CT[0])
    late.SOPInstanceUID = "1.2.3.4"
    path = tmp_path / "late.dcm"
    path.write_bytes(part10(late))
    site.archive.store_file(project, path, Origin(door="upload", sender="ada"))
    with site.database.write() as session:
        session.execute(update(PullItemRow).values(finished_at=now() - timedelta(hours=3)))
    assert datasets.remove_expired_pulls(site.database) == 1
    with site.database.read() as session:
        assert instances_here(session, project, [STUDY]) == {STUDY: 4}
