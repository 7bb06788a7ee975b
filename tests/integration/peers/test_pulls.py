"""Pulls from a real Orthanc into a site, by each way."""

import pytest

from kahua.access import entries
from kahua.site import Site
from kahua.store import studies_with_uid
from kahua.store.remote.presence import instances_here
from kahua.store.remote.pulls import PULLS
from kahua.store.remote.wishes import Wish
from kahua.testing.contracts.image_source import OTHER_STUDY, STUDY

from .pulling import pull

pytestmark = pytest.mark.elsewhere


def test_what_is_wanted_comes_and_nothing_else(site: Site, project: str) -> None:
    started = pull(site, project, Wish(accession_number="A1"))
    with site.database.read() as session:
        progress = PULLS.progress(session, PULLS.find(session, project, started))
        assert (progress.order.state, progress.instances["received"], progress.instances["refused"]) == ("done", 5, 0)
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
        assert PULLS.progress(session, PULLS.find(session, project, started)).items == {"failed": 1}
