"""Datasets: names, series, versions."""

import pytest

from kahua.access import entries
from kahua.database import Database
from kahua.datasets import (
    change_dataset,
    change_series,
    count_series,
    create_dataset,
    delete_dataset,
    find_dataset,
    list_datasets,
    series_of,
    subscriptions,
)
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.events import SeriesReceived
from kahua.store import remove_series
from kahua.testing.series import add_many_series, add_series


@pytest.fixture
def series(database: Database, project: str) -> list[str]:
    with database.write() as session:
        return [row.id for row in add_many_series(session, project, 5)]


@pytest.fixture
def portal(database: Database, project: str, series: list[str]) -> str:
    with database.write() as session:
        return create_dataset(session, project_id=project, actor="ada", name="portal", series=series[:2]).name


def change(database: Database, project: str, name: str, **changes: list[str]) -> int:
    with database.write() as session:
        return change_series(session, project_id=project, actor="ada", name=name, **changes).version


def test_every_change_makes_a_version_that_stays(
    database: Database, project: str, portal: str, series: list[str]
) -> None:
    assert change(database, project, portal, add=series[1:4]) == 2
    assert change(database, project, portal, remove=[series[0]]) == 3
    assert change(database, project, portal, add=[series[0]], remove=[series[1]]) == 4
    with database.read() as session:
        versions = [series_of(session, project, portal, version) for version in (1, 2, 3, 4)]
    assert versions == [series[:2], series[:4], series[1:4], [series[2], series[3], series[0]]]


def test_change_of_nothing_makes_no_version(database: Database, project: str, portal: str, series: list[str]) -> None:
    assert change(database, project, portal, add=series[:2], remove=[series[4]]) == 1
    assert change(database, project, portal) == 1


def test_series_to_add_and_remove_is_removed(database: Database, project: str, portal: str, series: list[str]) -> None:
    assert change(database, project, portal, add=series[:3], remove=[series[0], series[2]]) == 2
    with database.read() as session:
        assert series_of(session, project, portal) == [series[1]]


def test_version_that_never_was_is_not_found(database: Database, project: str, portal: str) -> None:
    for version in (0, 2, -1):
        with database.read() as session, pytest.raises(NotFound):
            series_of(session, project, portal, version)


def test_series_of_another_project_cannot_be_added(
    database: Database, project: str, other_project: str, portal: str
) -> None:
    with database.write() as session:
        foreign = add_series(session, other_project).id
    for unknown in (foreign, "nosuch"):
        with pytest.raises(NotFound):
            change(database, project, portal, add=[unknown])
    with database.read() as session:
        assert find_dataset(session, project, portal).version == 1


def test_dataset_of_another_project_is_not_there(database: Database, other_project: str, portal: str) -> None:
    with database.write() as session:
        assert list_datasets(session, other_project) == []
        with pytest.raises(NotFound):
            find_dataset(session, other_project, portal)
        with pytest.raises(NotFound):
            delete_dataset(session, project_id=other_project, actor="eve", name=portal)


@pytest.mark.parametrize("name", ["", " x", "x ", "../x", "a/b", "a\nb", "x" * 65, "<b>", ".", "a\x00"])
def test_odd_name_is_refused(database: Database, project: str, name: str) -> None:
    with database.write() as session, pytest.raises(InvalidInput):
        create_dataset(session, project_id=project, actor="ada", name=name)


@pytest.mark.usefixtures("portal")
@pytest.mark.parametrize("name", ["portal", "Portal", "PORTAL"])
def test_name_is_unique_whatever_its_case(database: Database, project: str, name: str) -> None:
    with database.write() as session, pytest.raises(StateConflict):
        create_dataset(session, project_id=project, actor="ada", name=name)


def test_renaming_keeps_version_and_series(database: Database, project: str, portal: str) -> None:
    with database.write() as session:
        change_dataset(session, project_id=project, actor="ada", name=portal, new_name="Portal", description=" new ")
        row = find_dataset(session, project, "Portal")
        assert (row.version, count_series(session, row), row.description) == (1, 2, "new")


def test_deleting_a_dataset_keeps_its_series(database: Database, project: str, portal: str, series: list[str]) -> None:
    with database.write() as session:
        delete_dataset(session, project_id=project, actor="ada", name=portal)
        assert list_datasets(session, project) == []
        create_dataset(session, project_id=project, actor="ada", name="again", series=series)


def test_series_that_is_deleted_leaves_the_dataset(
    database: Database, project: str, portal: str, series: list[str]
) -> None:
    with database.write() as session:
        remove_series(session, project, series[0])
        assert series_of(session, project, portal) == [series[1]]


def test_acts_are_in_the_audit_log(database: Database, project: str, portal: str, series: list[str]) -> None:
    change(database, project, portal, add=series)
    with database.read() as session:
        newest, created = entries(session, project_id=project, limit=2)
    assert (newest.action, newest.details) == ("dataset.series-changed", {"version": 2, "added": 3, "removed": 0})
    assert (created.action, created.actor) == ("dataset.created", "ada")


def arrive(database: Database, project: str, series: str, dataset: str | None) -> None:
    (subscription,) = subscriptions(database)
    subscription.handle(SeriesReceived(project_id=project, series_id=series, revision=1, dataset=dataset))


def test_series_arrives_in_the_dataset_its_sender_names(database: Database, project: str, series: list[str]) -> None:
    for _ in range(2):
        arrive(database, project, series[0], "incoming")
    arrive(database, project, series[1], "INCOMING")
    arrive(database, project, series[2], None)
    with database.read() as session:
        assert series_of(session, project, "incoming") == series[:2]
        assert find_dataset(session, project, "incoming").version == 2
        created = [entry for entry in entries(session) if entry.action == "dataset.created"]
    assert [entry.actor for entry in created] == ["receiver"]


def test_series_that_is_gone_makes_no_dataset(database: Database, project: str, other_project: str) -> None:
    with database.write() as session:
        foreign = add_series(session, other_project).id
    for unknown in ("nosuch", foreign):
        arrive(database, project, unknown, "incoming")
    with database.read() as session:
        assert list_datasets(session, project) == []


def test_hostile_dataset_name_stops_nothing(database: Database, project: str, series: list[str]) -> None:
    arrive(database, project, series[0], "../<x>")
    with database.read() as session:
        assert list_datasets(session, project) == []
