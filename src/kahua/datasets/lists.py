"""Datasets: named lists of series, with versions."""

import re
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from kahua.access import record
from kahua.database import now
from kahua.datasets.tables import DatasetEntryRow, DatasetRow
from kahua.errors import InvalidInput, NotFound, StateConflict
from kahua.store import SeriesRow

#: Series that are asked for in one statement.
BATCH = 5000

#: Most series of one change.
MAX_SERIES = 100_000

_NAME = re.compile(r"\w[\w .()+-]{0,63}")


def create_dataset(
    session: Session,
    *,
    project_id: str,
    actor: str,
    name: str,
    description: str = "",
    series: Iterable[str] = (),
    **details: object,
) -> DatasetRow:
    """Make a dataset with its first series.

    Raises
    ------
    InvalidInput
        The name cannot be used.
    StateConflict
        The name is taken; upper and lower case are the same.
    NotFound
        The project lacks one of the series.
    """
    _check_name(session, project_id, name)
    moment = now()
    dataset = DatasetRow(
        project_id=project_id,
        name=name,
        description=description.strip()[:4000],
        version=1,
        created_at=moment,
        created_by=actor[:100],
        changed_at=moment,
    )
    session.add(dataset)
    session.flush()
    added = _add(session, dataset, _unique(series), version=1)
    record(
        session,
        actor=actor,
        action="dataset.created",
        subject=name,
        project_id=project_id,
        series=added,
        **details,
    )
    return dataset


def find_dataset(session: Session, project_id: str, name: str) -> DatasetRow:
    """Dataset of that name in a project.

    Raises
    ------
    NotFound
        There is none.
    """
    return _one(session.scalar(_named(project_id, name)))


def list_datasets(session: Session, project_id: str) -> list[tuple[DatasetRow, int]]:
    """All datasets of a project by name, each with the number of its series."""
    count = (
        select(func.count())
        .where(DatasetEntryRow.dataset_id == DatasetRow.id, DatasetEntryRow.removed_in.is_(None))
        .scalar_subquery()
    )
    query = select(DatasetRow, count).where(DatasetRow.project_id == project_id).order_by(func.lower(DatasetRow.name))
    return [(row, number) for row, number in session.execute(query)]


def count_series(session: Session, dataset: DatasetRow) -> int:
    """Count the series that are in a dataset now."""
    query = select(func.count()).where(_in_version(dataset, dataset.version))
    return session.scalar(query) or 0


def change_dataset(
    session: Session,
    *,
    project_id: str,
    actor: str,
    name: str,
    new_name: str | None = None,
    description: str | None = None,
) -> DatasetRow:
    """Rename or describe a dataset; its version stays, for its series do.

    Raises
    ------
    NotFound
        There is no such dataset.
    InvalidInput
        The new name cannot be used.
    StateConflict
        The new name is taken.
    """
    dataset = _locked(session, project_id, name)
    if new_name is not None and new_name != name:
        _check_name(session, project_id, new_name, besides=dataset.id)
        dataset.name = new_name
    if description is not None:
        dataset.description = description.strip()[:4000]
    dataset.changed_at = now()
    record(session, actor=actor, action="dataset.changed", subject=name, project_id=project_id, name=dataset.name)
    return dataset


def delete_dataset(session: Session, *, project_id: str, actor: str, name: str) -> None:
    """Delete a dataset with all its versions; the series stay.

    Raises
    ------
    NotFound
        There is no such dataset.
    """
    dataset = _locked(session, project_id, name)
    count = count_series(session, dataset)
    session.execute(delete(DatasetEntryRow).where(DatasetEntryRow.dataset_id == dataset.id))
    session.delete(dataset)
    record(
        session,
        actor=actor,
        action="dataset.deleted",
        subject=name,
        project_id=project_id,
        version=dataset.version,
        series=count,
    )


def change_series(
    session: Session,
    *,
    project_id: str,
    actor: str,
    name: str,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> DatasetRow:
    """Add and remove series; if that changes the list, it becomes a new version.

    Raises
    ------
    NotFound
        There is no such dataset, or the project lacks a series that is to be added.
    """
    dataset = _locked(session, project_id, name)
    adding, removing = _unique(add), _unique(remove)
    added = _add(session, dataset, [series for series in adding if series not in set(removing)], version=_next(dataset))
    removed = _remove(session, dataset, removing, version=_next(dataset))
    if added or removed:
        dataset.version = _next(dataset)
        dataset.changed_at = now()
        record(
            session,
            actor=actor,
            action="dataset.series-changed",
            subject=name,
            project_id=project_id,
            version=dataset.version,
            added=added,
            removed=removed,
        )
    return dataset


def series_of(session: Session, project_id: str, name: str, version: int | None = None) -> list[str]:
    """Ids of the series of a dataset, now or in an earlier version, in the order in which they were added.

    Raises
    ------
    NotFound
        There is no such dataset, or no such version of it.
    """
    dataset = find_dataset(session, project_id, name)
    chosen = dataset.version if version is None else version
    if not 1 <= chosen <= dataset.version:
        raise NotFound(f"The dataset has no version {chosen}; the newest is {dataset.version}.")
    query = select(DatasetEntryRow.series_id).where(_in_version(dataset, chosen)).order_by(DatasetEntryRow.id)
    return list(session.scalars(query))


def datasets_of(session: Session, project_id: str, series_id: str) -> list[str]:
    """Names of the datasets that a series is in now."""
    query = (
        select(DatasetRow.name)
        .join(DatasetEntryRow, DatasetEntryRow.dataset_id == DatasetRow.id)
        .where(
            DatasetRow.project_id == project_id,
            DatasetEntryRow.series_id == series_id,
            DatasetEntryRow.removed_in.is_(None),
        )
        .order_by(func.lower(DatasetRow.name))
    )
    return list(session.scalars(query))


def _locked(session: Session, project_id: str, name: str) -> DatasetRow:
    """Dataset of that name, which nobody else changes before the transaction ends."""
    return _one(session.scalar(_named(project_id, name).with_for_update()))


def _named(project_id: str, name: str) -> Select[DatasetRow]:
    return select(DatasetRow).where(DatasetRow.project_id == project_id, DatasetRow.name == name)


def _one(dataset: DatasetRow | None) -> DatasetRow:
    if dataset is None:
        raise NotFound("There is no dataset of that name here.")
    return dataset


def _in_version(dataset: DatasetRow, version: int) -> ColumnElement[bool]:
    return (
        (DatasetEntryRow.dataset_id == dataset.id)
        & (DatasetEntryRow.added_in <= version)
        & or_(DatasetEntryRow.removed_in.is_(None), DatasetEntryRow.removed_in > version)
    )


def _next(dataset: DatasetRow) -> int:
    return dataset.version + 1


def _check_name(session: Session, project_id: str, name: str, *, besides: str = "") -> None:
    if not _NAME.fullmatch(name) or name != name.strip():
        raise InvalidInput(
            "A dataset's name has 1 to 64 letters, digits, spaces or . _ - + ( ), and begins with a letter or digit.",
            field="name",
        )
    taken = select(DatasetRow.id).where(
        DatasetRow.project_id == project_id,
        func.lower(DatasetRow.name) == func.lower(name),
        DatasetRow.id != besides,
    )
    if session.scalar(taken):
        raise StateConflict(f"There is already a dataset {name}.", remedy="Choose another name.")


def _unique(series: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(series))
    if len(found) > MAX_SERIES:
        raise InvalidInput(f"At most {MAX_SERIES} series can be changed at once.", field="series")
    return found


def _add(session: Session, dataset: DatasetRow, series: Sequence[str], *, version: int) -> int:
    """Add those that are not in it yet; return their number."""
    require_in_project(session, dataset.project_id, series)
    present: set[str] = set()
    for batch in _batches(series):
        query = select(DatasetEntryRow.series_id).where(
            _in_version(dataset, dataset.version), DatasetEntryRow.series_id.in_(batch)
        )
        present.update(session.scalars(query))
    rows = [{"dataset_id": dataset.id, "series_id": one, "added_in": version} for one in series if one not in present]
    if rows:
        session.execute(insert(DatasetEntryRow), rows)
    return len(rows)


def _remove(session: Session, dataset: DatasetRow, series: Sequence[str], *, version: int) -> int:
    """Remove those that are in it; return their number."""
    removed = 0
    for batch in _batches(series):
        ids = session.scalars(
            update(DatasetEntryRow)
            .where(_in_version(dataset, dataset.version), DatasetEntryRow.series_id.in_(batch))
            .values(removed_in=version)
            .returning(DatasetEntryRow.id)
            .execution_options(synchronize_session=False)
        ).all()
        removed += len(ids)
    return removed


def require_in_project(session: Session, project_id: str, series: Sequence[str]) -> None:
    """Refuse series that the project does not have.

    Raises
    ------
    NotFound
        Some are not there; it names the first of them.
    """
    here: set[str] = set()
    for batch in _batches(series):
        here.update(
            session.scalars(select(SeriesRow.id).where(SeriesRow.project_id == project_id, SeriesRow.id.in_(batch)))
        )
    unknown = [one for one in series if one not in here]
    if unknown:
        raise NotFound(
            f"{len(unknown)} of the series are not here.",
            remedy="Reload the list and choose again.",
            series=unknown[:20],
        )


def _batches(series: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(series), BATCH):
        yield series[start : start + BATCH]
