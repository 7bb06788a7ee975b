"""Series of a real Orthanc that are not kept here: they can be looked at all the same, and nothing of them stays."""

import time
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from kahua import datasets
from kahua.database import now
from kahua.dicom import Profile
from kahua.errors import PeerUnavailable, StateConflict
from kahua.site import Site
from kahua.store import (
    InstanceRow,
    Origin,
    Policy,
    find_peer,
    instances_of,
    missing,
    orphans,
    peers,
    remove_peer,
    series_of,
    set_policy,
    studies_with_uid,
)
from kahua.store.remote.presence import instances_here
from kahua.store.remote.sourced import let_go_due, sources_of
from kahua.store.remote.tables import SeriesSourceRow
from kahua.store.remote.wishes import Wish
from kahua.testing.contracts.image_source import HEAD_CT, HEAD_MR, STUDY
from kahua.testing.factory import part10

from .pulling import pull
from .servers import PASSWORD, USER, Orthanc, orthanc

pytestmark = pytest.mark.elsewhere

PLENTY = 10**12

HEAD = Wish(study_uid=STUDY, series_uid=str(HEAD_CT[0].SeriesInstanceUID))


def instances(site: Site, project: str) -> list[InstanceRow]:
    with site.database.read() as session:
        return [
            row
            for study in studies_with_uid(session, project, STUDY)
            for series in series_of(session, study)
            for row in instances_of(session, series)
        ]


def let_time_pass(site: Site) -> int:
    """Let some hours pass; return the number of series that were let go."""
    time.sleep(0 if site.settings.object_store == "directory" else 1.5)  # a bucket tells times in seconds
    with site.database.write() as session:
        session.execute(update(SeriesSourceRow).values(fetched_at=now() - timedelta(hours=3)))
    count = let_go_due(site.database, most_bytes=PLENTY)
    site.archive.collect()
    return count


def kept(site: Site) -> list[str]:
    return sorted(site.objects.keys())


def test_what_is_kept_for_a_while_goes_and_stays_known(site: Site, project: str) -> None:
    pull(site, project, Wish(study_uid=STUDY), keep_hours=2)
    assert let_go_due(site.database, most_bytes=PLENTY) == 0
    assert let_time_pass(site) == 2
    assert kept(site) == []
    assert len(instances(site, project)) == 5
    with site.database.read() as session:
        assert instances_here(session, project, [STUDY]) == {}
    assert list(missing(site.database, site.objects)) == []
    assert let_time_pass(site) == 0


def test_whoever_reads_it_gets_it_from_the_source_byte_for_byte(site: Site, project: str) -> None:
    pull(site, project, Wish(study_uid=STUDY), keep_hours=2)
    before = {row.object_key: site.objects.read(row.object_key) for row in instances(site, project)}
    let_time_pass(site)
    for key, content in before.items():
        assert site.objects.read(key) == content
    assert kept(site) == sorted(before)
    assert list(orphans(site.database, site.objects)) == []
    assert let_time_pass(site) == 2
    assert kept(site) == []


def test_only_the_series_that_is_read_comes_back(site: Site, project: str) -> None:
    pull(site, project, Wish(study_uid=STUDY), keep_hours=2)
    let_time_pass(site)
    first = instances(site, project)[0]
    with site.objects.local_file(first.object_key) as path:
        assert path.stat().st_size == first.size
    assert len(kept(site)) in (len(HEAD_CT), len(HEAD_MR))


def test_the_peer_says_how_long_the_longest_copy_lasts(site: Site, project: str) -> None:
    with site.database.write() as session:
        known = find_peer(session, project, "pacs")
        facts = {fact: getattr(known, fact) for fact in peers.FACTS} | {"keep_hours": 5}
        datasets.change_peer(session, actor="ada", project_id=project, name="pacs", facts=peers.PeerFacts(**facts))
    pull(site, project, HEAD, keep_hours=100)
    with site.database.read() as session:
        sources = sources_of(session, {row.series_id for row in instances(site, project)})
    assert [source.keep_hours for source in sources.values()] == [5]


def test_too_much_goes_before_its_time_the_oldest_first(site: Site, project: str) -> None:
    pull(site, project, Wish(study_uid=STUDY), keep_hours=200)
    assert let_go_due(site.database, most_bytes=1) == 0  # it came just now
    with site.database.write() as session:
        session.execute(update(SeriesSourceRow).values(fetched_at=now() - timedelta(hours=1)))
    size = sum(row.size for row in instances(site, project))
    assert let_go_due(site.database, most_bytes=size - 1) == 1
    assert let_go_due(site.database, most_bytes=1) == 1


def test_a_copy_to_which_somebody_added_stays(site: Site, project: str, tmp_path: Path) -> None:
    pull(site, project, Wish(study_uid=STUDY), keep_hours=2)
    late = deepcopy(HEAD_CT[0])
    late.SOPInstanceUID = "1.2.3.4"
    path = tmp_path / "late.dcm"
    path.write_bytes(part10(late))
    site.archive.store_file(project, path, Origin(door="upload", sender="ada"))
    assert let_time_pass(site) == 1
    assert len(kept(site)) == 4


def test_what_is_sent_again_while_it_is_away_stays(site: Site, project: str, tmp_path: Path) -> None:
    pull(site, project, HEAD, keep_hours=2)
    let_time_pass(site)
    path = tmp_path / "again.dcm"
    path.write_bytes(part10(HEAD_CT[0]))
    accepted = site.archive.store_file(project, path, Origin(door="upload", sender="ada"))
    assert accepted.duplicate
    with site.database.write() as session:  # somebody else's row of the same object goes
        from kahua.store import discard

        discard(session, [row.object_key for row in instances(site, project)])
    site.archive.collect()
    assert len(kept(site)) == 1


def test_a_pull_for_good_keeps_what_was_let_go(site: Site, project: str) -> None:
    pull(site, project, HEAD, keep_hours=2)
    let_time_pass(site)
    pull(site, project, HEAD)
    assert let_time_pass(site) == 0
    assert len(kept(site)) == len(HEAD_CT)


def test_a_peer_that_alone_has_series_is_not_forgotten(site: Site, project: str) -> None:
    pull(site, project, HEAD, keep_hours=2)
    with site.database.write() as session, pytest.raises(StateConflict, match="1 series are kept at pacs alone"):
        remove_peer(session, project_id=project, name="pacs")


def test_de_identified_arrivals_come_back_as_they_were(site: Site, project: str) -> None:
    with site.database.write() as session:
        set_policy(session, project, Policy(profile=Profile(), on_arrival=True), actor="ada")
    pull(site, project, HEAD, keep_hours=2)
    with site.database.read() as session:
        (source,) = session.query(SeriesSourceRow).all()
        rows = session.query(InstanceRow).all()
    assert source.series_uid == HEAD.series_uid
    assert rows[0].sop_instance_uid not in {str(one.SOPInstanceUID) for one in HEAD_CT}
    before = {row.object_key: site.objects.read(row.object_key) for row in rows}
    assert let_time_pass(site) == 1
    assert kept(site) == []
    assert {key: site.objects.read(key) for key in before} == before


@pytest.fixture
def other_pacs(tmp_path: Path) -> Iterator[Orthanc]:
    """Give an Orthanc that may be changed."""
    with orthanc(tmp_path / "other") as server:
        server.keep(HEAD_CT)
        yield server


@pytest.fixture
def other_project(site: Site, other_pacs: Orthanc) -> str:
    """Give a project that knows it."""
    from kahua.access import ensure_project

    with site.database.write() as session:
        project = ensure_project(session, name="other").id
        facts = peers.PeerFacts(kind="dicomweb", url=other_pacs.url, user_name=USER, secret=site.vault.lock(PASSWORD))
        peers.add_peer(session, project_id=project, name="pacs", facts=facts)
    return project


def test_a_source_that_has_lost_it_is_named(site: Site, other_project: str, other_pacs: Orthanc) -> None:
    pull(site, other_project, HEAD, keep_hours=2)
    let_time_pass(site)
    other_pacs.forget_all()
    with pytest.raises(PeerUnavailable, match="are at pacs, which does not give them"):
        site.objects.read(instances(site, other_project)[0].object_key)
    assert kept(site) == []


def test_other_images_under_the_same_uids_are_not_taken_for_the_first(
    site: Site, other_project: str, other_pacs: Orthanc
) -> None:
    pull(site, other_project, HEAD, keep_hours=2)
    let_time_pass(site)
    other_pacs.forget_all()
    changed = [deepcopy(each) for each in HEAD_CT]
    for each in changed:
        each.ImageComments = "changed"
    other_pacs.keep(changed)
    row = instances(site, other_project)[0]
    with pytest.raises(StateConflict, match="pacs has other images under the UIDs of this series"):
        site.objects.read(row.object_key)
    with pytest.raises(StateConflict):
        site.objects.read(row.object_key)  # at once, and without asking again
