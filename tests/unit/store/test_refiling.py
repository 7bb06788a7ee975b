"""What is searched of studies and series is made again of what was filed of them."""

import pytest
from sqlalchemy import select, update

from kahua.store import Archive, MemoryData, Origin, SeriesRow, StudyRow, refile
from kahua.store.ingest import refiling
from kahua.testing.factory import ct_series, data_set_bytes

NAME = "Yamada^Tarou^^=山田^太郎=やまだ^たろう"
FOLDED = {
    "patient_name_folded": "yamada^tarou",
    "patient_name_ideographic": "山田^太郎",
    "patient_name_phonetic": "やまた^たろう",
    "referring_physician_folded": "house^gregory",
    "referring_physician_ideographic": "医師",
    "referring_physician_phonetic": "",
}


def keep(archive: Archive, seed: str) -> None:
    (instance,) = ct_series(
        slices=1, seed=seed, patient_id=seed, patient_name=NAME, ReferringPhysicianName="House^Gregory=医師"
    )
    archive.store_dataset(
        "main",
        sop_class_uid=instance.SOPClassUID,
        sop_instance_uid=instance.SOPInstanceUID,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        data=MemoryData(memoryview(data_set_bytes(instance))),
        origin=Origin(door="dimse", sender="SCANNER"),
    )


def searched(archive: Archive) -> list[dict[str, str]]:
    with archive.database.read() as session:
        rows = session.execute(
            select(*(getattr(StudyRow, name) for name in FOLDED), SeriesRow.search_text)
            .join(SeriesRow, SeriesRow.study_id == StudyRow.id)
            .order_by(StudyRow.id)
        )
        return [dict(row) for row in rows.mappings()]


def test_every_study_and_series_gets_back_what_is_searched(archive: Archive) -> None:
    for seed in ("one", "two", "three"):
        keep(archive, seed)
    filed = searched(archive)
    assert all(row.items() >= FOLDED.items() for row in filed)
    assert all({"山田", "太郎", "house", "医師"} <= set(row["search_text"].split()) for row in filed)
    with archive.database.write() as session:
        session.execute(update(StudyRow).values(dict.fromkeys(FOLDED, "")))
        session.execute(update(SeriesRow).values(search_text=""))
    assert searched(archive) != filed
    assert list(refile(archive.database)) == [3, 3]
    assert searched(archive) == filed


def test_batches_leave_nothing_out(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refiling, "BATCH", 2)
    for seed in ("one", "two", "three"):
        keep(archive, seed)
    assert list(refile(archive.database)) == [2, 1, 2, 1]
