"""Many studies at once: what one sent study became in a database, over and over under other names."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json

#: Studies are spread over as many days, from this one on.
FIRST_DAY = date(2001, 1, 1)
DAYS = 9000

Row = dict[str, Any]

#: Those of ours that grow, in the order of what belongs to what.
TABLES = ("studies", "series", "instances")


def day_of(number: int, count: int) -> str:
    """Give the date of a study; later ones are newer."""
    return (FIRST_DAY + timedelta(days=number * DAYS // count)).strftime("%Y%m%d")


def multiply_ours(database: Path, count: int) -> None:
    """Make a database of ours hold that many studies like the one that is in it."""
    with closing(_opened(database)) as rows:
        found = {table: _all(rows, table) for table in TABLES}
        for table, new in _our_rows(found, count):
            _insert(rows, table, new)
        rows.commit()


def multiply_ours_on_postgresql(url: str, count: int) -> None:
    """Do the same on PostgreSQL, which counts its rows afterwards as it does by itself in time."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608
        for table, new in _our_rows(found, count):
            _copy(connection, table, new)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _our_rows(found: dict[str, list[Row]], count: int) -> Iterator[tuple[str, Iterator[Row]]]:
    study, series, instances = found["studies"][0], found["series"], found["instances"]
    yield "studies", (_our_study(study, number, count) for number in range(1, count))
    yield "series", _our_series(series, count)
    yield "instances", _our_instances(series, instances, count)


def _our_study(study: Row, number: int, count: int) -> Row:
    new = {
        "study_uid": f"1.2.3.{number}",
        "patient_id": f"P{number}",
        "accession_number": f"A{number}",
        "study_date": day_of(number, count),
    }
    tags = {"0020000D": "study_uid", "00100020": "patient_id", "00080050": "accession_number", "00080020": "study_date"}
    changed = {tag: new[name] for tag, name in tags.items()}
    name = {"patient_name_folded": f"name{number}^a"}
    return {**study, **new, **name, "id": _id("t", number), "dicom_json": _json(study["dicom_json"], changed)}


def _our_series(series: list[Row], count: int) -> Iterator[Row]:
    for number in range(1, count):
        for place, each in enumerate(series):
            uid = f"1.2.3.{number}.{place}"
            changed = {"0020000D": f"1.2.3.{number}", "0020000E": uid, "00080020": day_of(number, count)}
            yield {
                **each,
                "id": _id("s", number * len(series) + place),
                "study_id": _id("t", number),
                "series_uid": uid,
                "dicom_json": _json(each["dicom_json"], changed),
            }


def _our_instances(series: list[Row], instances: list[Row], count: int) -> Iterator[Row]:
    places = {each["id"]: place for place, each in enumerate(series)}
    last = max(each["id"] for each in instances)
    for number in range(1, count):
        for each in instances:
            last += 1
            uid = f"1.2.4.{last}"
            yield {
                **each,
                "id": last,
                "series_id": _id("s", number * len(series) + places[each["series_id"]]),
                "sop_instance_uid": uid,
                "dicom_json": _json(each["dicom_json"], {"00080018": uid}),
            }


def multiply_orthanc(database: Path, count: int) -> None:
    """Make Orthanc's index hold that many studies like the one that is in it; all share its stored files."""
    with closing(_opened(database)) as rows:
        resources = _all(rows, "Resources")
        details = {
            name: _all(rows, name) for name in ("MainDicomTags", "DicomIdentifiers", "Metadata", "AttachedFiles")
        }
        step = max(each["internalId"] for each in resources)
        for number in range(1, count):
            _insert(rows, "Resources", (_resource(each, number, step) for each in resources))
            for name, found in details.items():
                _insert(rows, name, (_detail(each, number, step, count) for each in found))
        patients = [each["internalId"] for each in resources if each["parentId"] is None]
        order = ({"patientId": each + number * step} for number in range(1, count) for each in patients)
        _insert(rows, "PatientRecyclingOrder", order)
        rows.commit()


def _resource(resource: Row, number: int, step: int) -> Row:
    digest = hashlib.sha1(f"{resource['publicId']}{number}".encode(), usedforsecurity=False).hexdigest()
    parent = resource["parentId"]
    return {
        **resource,
        "internalId": resource["internalId"] + number * step,
        "publicId": "-".join(digest[at : at + 8] for at in range(0, 40, 8)),
        "parentId": None if parent is None else parent + number * step,
    }


def _detail(detail: Row, number: int, step: int, count: int) -> Row:
    new = {**detail, "id": detail["id"] + number * step}
    tag = (detail.get("tagGroup"), detail.get("tagElement"))
    values = {
        (0x0010, 0x0020): f"P{number}",
        (0x0008, 0x0050): f"A{number}",
        (0x0008, 0x0020): day_of(number, count),
        (0x0020, 0x000D): f"1.2.3.{number}",
        (0x0020, 0x000E): f"{detail.get('value')}.{number}",
        (0x0008, 0x0018): f"{detail.get('value')}.{number}",
    }
    return {**new, "value": values[tag]} if tag in values else new  # type: ignore[index]


def _opened(database: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(database)
    rows.row_factory = sqlite3.Row
    rows.execute("PRAGMA synchronous=OFF")
    rows.execute("PRAGMA cache_size=-500000")
    return rows


def _all(rows: sqlite3.Connection, table: str) -> list[Row]:
    return [dict(row) for row in rows.execute(f"SELECT * FROM {table}")]  # noqa: S608 - our own names


def _insert(rows: sqlite3.Connection, table: str, new: Iterable[Row]) -> None:
    iterator = iter(new)
    first = next(iterator, None)
    if first is None:
        return
    names = list(first)
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    rows.execute(statement, list(first.values()))
    rows.executemany(statement, (list(row.values()) for row in iterator))


def _copy(connection: psycopg.Connection[Row], table: str, new: Iterator[Row]) -> None:
    first = next(new, None)
    if first is None:
        return
    with connection.cursor().copy(f"COPY {table} ({', '.join(first)}) FROM STDIN") as copy:
        for row in chain([first], new):
            copy.write_row([Json(value) if isinstance(value, dict | list) else value for value in row.values()])


def _id(letter: str, number: int) -> str:
    return f"{letter}{number:019d}"


def _json(stored: bytes, values: dict[str, str]) -> bytes:
    document = json.loads(stored)
    for tag, value in values.items():
        document[tag] = {"vr": document.get(tag, {}).get("vr", "UI"), "Value": [value]}
    return json.dumps(document, separators=(",", ":")).encode()
