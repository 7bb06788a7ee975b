"""Finding series: filters, pages, totals, facets, and nothing of other projects."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from kahua.database import Database, now
from kahua.datasets import (
    FacetValue,
    SeriesFilter,
    count_found,
    create_dataset,
    facets_of,
    find_series,
    get_series,
)
from kahua.errors import InvalidInput, NotFound
from kahua.store import SeriesRow
from kahua.store.remote.tables import SeriesSourceRow
from kahua.testing.series import add_many_series, add_series


@pytest.fixture
def filled(database: Database, project: str) -> Database:
    with database.write() as session:
        add_series(session, project, description="T1 sagittal", patient_name="Müller^Zoë", patient_id="P-1")
        add_series(session, project, description="Portal venous 5mm", modality="CT", body_part="LIVER", study="two")
        add_series(
            session, project, description="localizer", modality="CT", body_part="", study_date="20200229", study="3"
        )
        add_series(session, project, description="100% dose_A\\B", modality="RTDOSE", study="two")
    return database


def found(database: Database, project: str, text: str = "", **restrictions: str) -> list[str]:
    with database.read() as session:
        page, _ = find_series(session, project, SeriesFilter(text=text, **restrictions), limit=100)
    return [one.series.description for one in reversed(page)]


@pytest.mark.parametrize(
    ("text", "descriptions"),
    [
        ("", ["T1 sagittal", "Portal venous 5mm", "localizer", "100% dose_A\\B"]),
        ("t1", ["T1 sagittal"]),
        ("muller", ["T1 sagittal"]),
        ("MÜLLER zoe", ["T1 sagittal"]),
        ("ct -localizer", ["Portal venous 5mm"]),
        ("venous localizer", []),
        ('"portal venous"', ["Portal venous 5mm"]),
        ('"venous portal"', []),
        ('"müller zoe"', ["T1 sagittal"]),
        ("Modality:ct", ["Portal venous 5mm", "localizer"]),
        ("-Modality:CT", ["T1 sagittal", "100% dose_A\\B"]),
        ("PatientName:Müller", ["T1 sagittal"]),
        ("PatientID:P", []),
        ("BodyPartExamined:liv", ["Portal venous 5mm"]),
        ("StudyDate:20200229", ["localizer"]),
        ("StudyDate:-20201231", ["localizer"]),
        ("StudyDate:20210101-", ["T1 sagittal", "Portal venous 5mm", "100% dose_A\\B"]),
        ("%", ["100% dose_A\\B"]),
        ("_", ["100% dose_A\\B"]),
        ("\\", ["100% dose_A\\B"]),
        ("'; drop table series; --", []),
    ],
)
def test_text_finds_what_it_says(filled: Database, project: str, text: str, descriptions: list[str]) -> None:
    assert found(filled, project, text) == descriptions


@pytest.mark.parametrize("date", ["2020", "20200101-2021", "-", "２０２００１０１", "20200101--20210101"])
def test_odd_date_is_refused(filled: Database, project: str, date: str) -> None:
    with pytest.raises(InvalidInput):
        found(filled, project, f"StudyDate:{date}")


def test_restrictions_add_up(filled: Database, project: str) -> None:
    assert found(filled, project, "venous", modality="CT") == ["Portal venous 5mm"]
    assert found(filled, project, "venous", modality="MR") == []


def test_series_of_other_projects_are_not_there(filled: Database, project: str, other_project: str) -> None:
    with filled.write() as session:
        foreign = add_series(session, other_project, description="T1 foreign")
        assert count_found(session, project, SeriesFilter()).series == 4
        assert sum(value.count for value in facets_of(session, project, SeriesFilter())["modality"]) == 4
        with pytest.raises(NotFound):
            get_series(session, project, foreign.id)
    assert found(filled, project, "foreign") == []


def test_totals_count_series_studies_and_patients(filled: Database, project: str) -> None:
    with filled.read() as session:
        totals = count_found(session, project, SeriesFilter())
    assert (totals.series, totals.studies, totals.patients) == (4, 3, 1)


def test_facets_count_the_most_frequent_first(filled: Database, project: str) -> None:
    with filled.read() as session:
        facets = facets_of(session, project, SeriesFilter(text="Modality:CT"))
    assert [(value.value, value.count) for value in facets["modality"]] == [("CT", 2)]
    assert [(value.value, value.count) for value in facets["body_part"]] == [("", 1), ("LIVER", 1)]


def test_what_is_at_its_source_is_found_and_counted_by_peer(filled: Database, project: str) -> None:
    with filled.write() as session:
        ids = session.scalars(select(SeriesRow.id).where(SeriesRow.modality == "CT").order_by(SeriesRow.received_at))
        for series_id, away_until in zip(ids.all(), (0, 4), strict=True):
            source = SeriesSourceRow(
                series_id=series_id,
                project_id=project,
                peer_id="p",
                peer_name="pacs",
                study_uid="1.2",
                series_uid="1.3",
                keep_hours=1,
                fetched_at=now(),
                away_until=away_until,
            )
            session.add(source)
    assert found(filled, project, "Source:pacs") == ["localizer"]
    assert found(filled, project, "Modality:CT -Source:pacs") == ["Portal venous 5mm"]
    with filled.read() as session:
        assert facets_of(session, project, SeriesFilter())["source"] == [FacetValue(value="pacs", count=1)]
        assert facets_of(session, project, SeriesFilter(text="Modality:RTDOSE"))["source"] == []


def test_dataset_restricts_to_its_series(filled: Database, project: str) -> None:
    with filled.write() as session:
        page, _ = find_series(session, project, SeriesFilter(text="venous"), limit=1)
        create_dataset(session, project_id=project, actor="ada", name="portal", series=[page[0].series.id])
    assert found(filled, project, dataset="portal") == ["Portal venous 5mm"]
    with pytest.raises(NotFound):
        found(filled, project, dataset="nosuch")


def test_pages_are_stable_while_series_arrive(database: Database, project: str) -> None:
    with database.write() as session:
        before = [row.id for row in add_many_series(session, project, 25)]
    seen, cursor = [], None
    for _ in range(4):
        with database.write() as session:
            page, cursor = find_series(session, project, SeriesFilter(), limit=7, cursor=cursor)
            add_series(session, project)
        seen += [one.series.id for one in page]
    assert cursor is None
    assert seen == before[::-1]


def test_pages_part_series_that_came_at_one_moment(database: Database, project: str) -> None:
    moment = now() - timedelta(hours=1)
    with database.write() as session:
        expected = {add_series(session, project, received_at=moment).id for _ in range(9)}
        seen, cursor = [], None
        while len(seen) < 9:
            page, cursor = find_series(session, project, SeriesFilter(), limit=2, cursor=cursor)
            seen += [one.series.id for one in page]
    assert set(seen) == expected
    assert len(seen) == 9


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "2024", "ä", "MjAyNC0wMS0wMSBh"])
def test_foreign_cursor_is_refused(database: Database, project: str, cursor: str) -> None:
    with database.read() as session, pytest.raises(InvalidInput):
        find_series(session, project, SeriesFilter(), limit=1, cursor=cursor)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(max_size=60))
def test_any_text_finds_or_is_refused(filled: Database, project: str, text: str) -> None:
    try:
        found(filled, project, text)
    except InvalidInput:
        return
