"""Taking series out of the site, and finding out again whose they are: both are in the audit log."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua.access import record
from kahua.database import Database, now
from kahua.datasets.lists import find_dataset, require_in_project, series_of
from kahua.dicom import Profile, subject_of
from kahua.errors import InvalidInput, KahuaError
from kahua.store import Export, Original, StudyRow, instructions_of, pseudonyms_of, unseal

#: Most series that are named one by one; more are taken out as a dataset.
MAX_NAMED_SERIES = 1000

#: Most pseudonyms that are resolved at once.
MAX_PSEUDONYMS = 1000

#: Longest reason that is kept.
MAX_REASON = 500

#: Studies whose patients are read at once.
BATCH = 2000


def begin_export(
    session: Session,
    *,
    project_id: str,
    project_name: str,
    actor: str,
    series: Sequence[str] = (),
    dataset: str | None = None,
    version: int | None = None,
    profile: Profile | None = None,
) -> Export:
    """Decide what is taken out, and write it into the audit log; `Exporter.stream` then makes the archive.

    Raises
    ------
    InvalidInput
        Neither series nor a dataset are named, or both, or too many series.
    NotFound
        The project lacks the dataset, the version or one of the series.
    """
    if (dataset is None) == (not series):
        raise InvalidInput("Name either series or a dataset.", field="series")
    if len(series) > MAX_NAMED_SERIES:
        raise InvalidInput(
            f"At most {MAX_NAMED_SERIES} series can be named.", field="series", remedy="Put them into a dataset."
        )
    if dataset is not None:
        version = version or find_dataset(session, project_id, dataset).version
        chosen = series_of(session, project_id, dataset, version)
    else:
        chosen = list(dict.fromkeys(series))
        require_in_project(session, project_id, chosen)
    record(
        session,
        actor=actor,
        action="series.exported",
        subject=dataset or f"{len(chosen)} series",
        project_id=project_id,
        count=len(chosen),
        **({"dataset": dataset, "version": version} if dataset else {"series": chosen}),
        deidentified=profile is not None,
        profile=asdict(profile) if profile else None,
    )
    return Export(
        project_id=project_id,
        project_name=project_name,
        actor=actor,
        started_at=now(),
        series=chosen,
        instructions=instructions_of(session, project_id, profile) if profile else None,
        dataset=dataset,
        dataset_version=version,
    )


def reidentify(
    database: Database,
    *,
    project_id: str,
    actor: str,
    pseudonyms: Iterable[str],
    reason: str,
    passphrase: str | None = None,
) -> list[Original]:
    """Find the patients who are behind pseudonyms, and write it into the audit log; so is an attempt that fails.

    They are looked for among the patients of the project and, with the passphrase, among those that were sealed
    when they came in.

    Raises
    ------
    InvalidInput
        There are no pseudonyms, or too many; there is no reason; or the passphrase is wrong.
    NotFound
        There is a passphrase, but nothing is sealed in the project.
    """
    wanted = {pseudonym.strip().upper() for pseudonym in pseudonyms}
    if not 0 < len(wanted) <= MAX_PSEUDONYMS:
        raise InvalidInput(f"Name 1 to {MAX_PSEUDONYMS} pseudonyms.", field="pseudonyms")
    if not reason.strip():
        raise InvalidInput("Say why you need to know: it is kept in the audit log.", field="reason")
    found: list[Original] = []
    failure: KahuaError | None = None
    try:
        found = _find(database, project_id, wanted, passphrase)
    except KahuaError as error:
        failure = error
    with database.write() as session:
        record(
            session,
            actor=actor,
            action="patient.reidentified" if failure is None else "patient.reidentification-failed",
            subject=", ".join(sorted(wanted))[:200],
            project_id=project_id,
            reason=reason.strip()[:MAX_REASON],
            asked=sorted(wanted),
            found=[original.pseudonym for original in found],
            with_passphrase=passphrase is not None,
        )
    if failure is not None:
        raise failure
    return found


def _find(database: Database, project_id: str, wanted: set[str], passphrase: str | None) -> list[Original]:
    with database.write() as session:  # the project's key may have to be made
        here = _originals(session, project_id, wanted)
    if passphrase is None:
        return here
    # Patients of the project may be pseudonyms themselves: what came in de-identified and went out so once more.
    outer = {original.patient_id: original.pseudonym for original in here}
    with database.read() as session:
        sealed = unseal(session, project_id, wanted | set(outer), passphrase=passphrase)
    opened = {original.pseudonym: original for original in sealed}
    through = [replace(opened[inner], pseudonym=given) for inner, given in outer.items() if inner in opened]
    asked = [original for original in sealed if original.pseudonym in wanted]
    return [*asked, *through, *(original for original in here if original.patient_id not in opened)]


def _originals(session: Session, project_id: str, wanted: set[str]) -> list[Original]:
    """Compute the pseudonyms of all patients and keep those that are wanted."""
    project = pseudonyms_of(session, project_id)
    query = (
        select(StudyRow.patient_id, StudyRow.patient_name, StudyRow.patient_birth_date, StudyRow.study_uid)
        .where(StudyRow.project_id == project_id)
        .order_by(StudyRow.received_at)
        .execution_options(yield_per=BATCH)
    )
    found: dict[str, Original] = {}
    for row in session.execute(query):
        subject = subject_of(
            patient_id=row.patient_id,
            patient_name=row.patient_name,
            birth_date=row.patient_birth_date,
            study_uid=row.study_uid,
        )
        pseudonym = project.patient(subject)
        if pseudonym in wanted:
            found.setdefault(
                pseudonym,
                Original(
                    pseudonym=pseudonym,
                    patient_id=row.patient_id,
                    patient_name=row.patient_name,
                    patient_birth_date=row.patient_birth_date,
                ),
            )
    return list(found.values())
