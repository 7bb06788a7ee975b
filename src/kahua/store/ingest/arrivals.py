"""De-identification on arrival: what comes into a project that wants it is treated before anything of it is kept.

Whether a project wants it is asked once a second at most, so that a change acts within a second in every process,
and projects that do not want it pay a look into a dictionary.
"""

import re
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from kahua.database import Database
from kahua.dicom import Header, read_file_meta, subject_of, write_file_meta
from kahua.dicom.pseudonyms import ALPHABET, LENGTH
from kahua.errors import DicomRefused, KahuaError
from kahua.logs import get_logger
from kahua.store.confidentiality import (
    Instructions,
    Original,
    Tally,
    count_arrivals,
    instructions_of,
    policy_of,
    public_key_of,
    seal,
)
from kahua.store.confidentiality.treaters import Treaters
from kahua.store.ingest.origin import Origin
from kahua.store.ingest.staging import FileData, StagedData, Staging, saying_full_disk
from kahua.store.tables import StudyRow
from kahua.store.text import cut

#: Child processes of one process of the site.
WORKERS: Final = 2

#: For how long an answer of the database holds, in seconds.
POLICY_SECONDS: Final = 1.0

#: Counts are written together, at the latest after so many objects or seconds.
MOST_UNCOUNTED: Final = 200
COUNT_SECONDS: Final = 5.0

#: Doors through which comes what was made here of what is here, or what a person has looked at.
OWN_DOORS: Final = frozenset({"run", "release"})

#: Name of a treated file in the folder of its treatment.
TARGET: Final = "target"

_PSEUDONYM: Final = re.compile(rf"P[{ALPHABET}]{{{LENGTH}}}")

log = get_logger()


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a project wants done with arrivals."""

    instructions: Instructions
    #: Seals who is behind the pseudonyms; None keeps nothing of that.
    seal_key: bytes | None


class Arrivals:
    """Treats what comes in; safe for many threads."""

    def __init__(self, *, database: Database, staging: Staging) -> None:
        self._database, self._staging = database, staging
        self._treaters = Treaters(most=WORKERS)
        self._orders: dict[str, tuple[float, Orders | None]] = {}
        #: By key that seals, and pseudonym.
        self._sealed: set[tuple[bytes, str]] = set()
        self._counts = _Counts(database)

    def close(self) -> None:
        """End the processes, and write down what was counted."""
        self._treaters.close()
        self._counts.write()

    def orders(self, project_id: str) -> Orders | None:
        """Give what the project wants done; None if arrivals are kept as they are."""
        known = self._orders.get(project_id)
        if known is not None and time.monotonic() - known[0] < POLICY_SECONDS:
            return known[1]
        asked_at = time.monotonic()
        orders = self._ask(project_id)
        self._orders[project_id] = (asked_at, orders)
        return orders

    def orders_for(self, project_id: str, header: Header, origin: Origin) -> Orders | None:
        """Give what is to be done with one object; None if it is kept as it is.

        What was made of treated objects belongs to them by their new UIDs, and is not treated again.
        """
        orders = self.orders(project_id)
        if orders is None or origin.door in OWN_DOORS or self._is_ours(project_id, header):
            return None
        return orders

    @contextmanager
    def treated(self, project_id: str, orders: Orders, header: Header, data: StagedData) -> Iterator["Treated"]:
        """Give the object without what tells who the patient is; it is counted when the block ends well.

        Raises
        ------
        DicomRefused
            It cannot be de-identified.
        Unavailable
            The disk is full, or fails.
        """
        with saying_full_disk():
            folder = Path(tempfile.mkdtemp(prefix="arrival-", dir=self._staging.folder))
        try:
            changes = self._treat(orders, header, data, folder)
            if orders.seal_key is not None:
                self._seal(project_id, orders.seal_key, changes["patient"], header)
            yield _treated(folder / TARGET, changes)
            self._counts.note(project_id, changes)
        except DicomRefused as error:
            self._counts.refuse(project_id, error.message)
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _ask(self, project_id: str) -> Orders | None:
        with self._database.read() as session:
            if not policy_of(session, project_id).on_arrival:
                return None
        with self._database.write() as session:
            return Orders(
                instructions=instructions_of(session, project_id), seal_key=public_key_of(session, project_id)
            )

    def _is_ours(self, project_id: str, header: Header) -> bool:
        """Say whether it belongs to a study here by a pseudonym, which nobody has who did not get it from here."""
        patient_id = header.text("00100020").strip()
        if not _PSEUDONYM.fullmatch(patient_id):
            return False
        with self._database.read() as session:
            study = select(StudyRow.id).where(
                StudyRow.project_id == project_id,
                StudyRow.study_uid == header.study_uid,
                StudyRow.patient_id == patient_id,
            )
            return session.scalar(study) is not None

    def _treat(self, orders: Orders, header: Header, data: StagedData, folder: Path) -> dict[str, Any]:
        with saying_full_disk():
            source = _file_with(header, data, folder)
        return self._treaters.treat(
            orders.instructions, source=source, target=folder / TARGET, subject=_subject_of(header)
        )

    def _seal(self, project_id: str, key: bytes, pseudonym: str, header: Header) -> None:
        if (key, pseudonym) in self._sealed:
            return
        original = Original(
            pseudonym=pseudonym,
            patient_id=cut(header.text("00100020"), 256),
            patient_name=cut(header.text("00100010"), 512),
            patient_birth_date=cut(header.text("00100030"), 32),
        )
        with self._database.write() as session:
            seal(session, project_id, key, original)
        self._sealed.add((key, pseudonym))


@dataclass(frozen=True, kw_only=True)
class Treated:
    """An object without what tells who the patient is."""

    #: Its file, which may be taken over.
    data: FileData
    transfer_syntax_uid: str
    #: Why a person should look at it before anybody else; empty if nobody need.
    held: str


class _Counts:
    """Counts what was done, project by project, and writes it down now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self._uncounted = 0
        self._timer: threading.Timer | None = None

    def note(self, project_id: str, changes: Mapping[str, Any]) -> None:
        """Count an object that was kept."""
        with self._lock:
            self._tallies[project_id].note(changes)
        self._counted()

    def refuse(self, project_id: str, reason: str) -> None:
        """Count an object that was refused, or held back."""
        with self._lock:
            self._tallies[project_id].refuse(reason)
        self._counted()

    def write(self) -> None:
        """Write down what was counted since the last time; where that fails, it is tried again with what follows."""
        tallies = self._take()
        if not tallies:
            return
        try:
            with self._database.write() as session:
                for project_id, tally in sorted(tallies.items()):
                    count_arrivals(session, project_id, tally, actor="site")
        except KahuaError as error:
            log.warning("what was de-identified is not counted yet", reason=error.message)
            self._put_back(tallies)

    def _take(self) -> dict[str, Tally]:
        with self._lock:
            tallies, self._tallies, self._uncounted = self._tallies, defaultdict(Tally), 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        return tallies

    def _put_back(self, tallies: Mapping[str, Tally]) -> None:
        with self._lock:
            for project_id, tally in tallies.items():
                self._tallies[project_id].add(tally)
            self._wait()

    def _counted(self) -> None:
        with self._lock:
            self._uncounted += 1
            is_due = self._uncounted >= MOST_UNCOUNTED
            if not is_due:
                self._wait()
        if is_due:
            self.write()

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(COUNT_SECONDS, self.write)
            self._timer.daemon = True
            self._timer.start()


def _subject_of(header: Header) -> str:
    """Say whose it is, as `kahua.store.exports.export` says it of stored studies."""
    return subject_of(
        patient_id=cut(header.text("00100020"), 256),
        patient_name=cut(header.text("00100010"), 512),
        birth_date=cut(header.text("00100030"), 32),
        study_uid=header.study_uid,
    )


def _file_with(header: Header, data: StagedData, folder: Path) -> Path:
    """Give a Part 10 file of an object: the one it came in, or one that lasts as long as the treatment."""
    if isinstance(data, FileData) and data.offset:
        return data.path
    meta = write_file_meta(
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
    )
    source = folder / "source"
    with source.open("xb") as file:
        file.write(meta)
        for chunk in data.chunks():
            file.write(chunk)
    return source


def _treated(path: Path, changes: Mapping[str, Any]) -> Treated:
    with path.open("rb") as file:
        meta = read_file_meta(file)
    data = FileData(path, meta.data_offset, movable=True)
    return Treated(data=data, transfer_syntax_uid=meta.transfer_syntax_uid, held=changes["held"])
