"""Tasks that the site does itself: bring objects out of the archive, keep results in it."""

import hashlib
import mimetypes
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from kahua.database import Database, now
from kahua.errors import KahuaError, NotFound, StateConflict, TaskFailed
from kahua.store import Archive, FileRow, ObjectStore, Origin, content_key
from kahua.workflows.converters import NOTICE
from kahua.workflows.facts import SeriesFacts, series_facts
from kahua.workflows.folders import OBJECTS
from kahua.workflows.measurements import read_measurements
from kahua.workflows.plan import PlannedTask, Source
from kahua.workflows.planner import content_digest
from kahua.workflows.specification import Workflow

#: Bytes copied at once.
COPY_BYTES = 1 << 20

#: Time of the entries of an archive: the same files make the same archive.
NO_TIME = (1980, 1, 1, 0, 0, 0)

#: Keeps DICOM files in a project, for a run; gives id and UID of the series of each.
KeepDicom = Callable[[str, Sequence[Path], str], Sequence[tuple[str, str]]]


def keep_dicom_in(archive: Archive) -> KeepDicom:
    """Keep results in the archive, through the door `run`."""

    def keep(project_id: str, files: Sequence[Path], run_id: str) -> Sequence[tuple[str, str]]:
        accepted = []
        for answer in archive.store_files(project_id, files, Origin(door="run", sender=run_id)):
            if isinstance(answer, KahuaError):
                raise answer
            accepted.append((answer.series_id, answer.series_uid))
        return accepted

    return keep


class Cancelled(Exception):
    """The run is to be cancelled; what was begun is given up."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A task that the site does itself, and where it happens."""

    project_id: str
    run_id: str
    job_id: str
    person: str
    workflow: Workflow
    task: PlannedTask
    #: Folder of the attempt's outputs, and its log.
    out: Path
    log: Path
    written_by: Callable[[str], Path]
    is_cancelled: Callable[[], bool] = field(default=lambda: False)

    def say(self, line: str) -> None:
        """Add a line to the log of the attempt."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def go_on(self) -> None:
        """Give up when the run is to be cancelled."""
        if self.is_cancelled():
            raise Cancelled

    def input(self, name: str) -> Path:
        """Path of an input."""
        source: Source = self.task.inputs[name][0]
        return self.written_by(source.task) / source.path


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was kept of an output."""

    output_name: str
    type: str
    series_id: str | None = None
    series_uid: str | None = None
    file_id: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)


class Transfers:
    """Fetches inputs and keeps outputs."""

    def __init__(self, *, database: Database, objects: ObjectStore, keep_dicom: KeepDicom) -> None:
        self._database = database
        self._objects = objects
        self._keep_dicom = keep_dicom

    def fetch(self, transfer: Transfer) -> None:
        """Copy the objects of each series into a folder of its own, named by the site's ids.

        Raises
        ------
        NotFound
            A series is not in the project any more.
        StateConflict
            A series is not what it was when the run was started.
        """
        wanted: Sequence[dict[str, str]] = transfer.task.details["series"]
        with self._database.read() as session:
            facts = series_facts(session, transfer.project_id, [series["id"] for series in wanted])
        for series in wanted:
            self._fetch_series(transfer, series, facts.get(series["id"]))
        objects = {id_: list(found.object_keys) for id_, found in facts.items()}
        (transfer.out / OBJECTS).write_bytes(orjson.dumps(objects))

    def _fetch_series(self, transfer: Transfer, wanted: dict[str, str], facts: SeriesFacts | None) -> None:
        if facts is None:
            raise NotFound("A series of the run is not in the project any more.", remedy="Start a run on other series.")
        if content_digest(facts) != wanted["content"]:
            raise StateConflict(
                "A series has changed since the run was started: instances came or went.",
                remedy="Repeat the run, so that it works on the series as it is now.",
            )
        folder = transfer.out / facts.id
        folder.mkdir(parents=True, exist_ok=True)
        for number, slice_ in enumerate(facts.slices, 1):
            transfer.go_on()
            self._copy(slice_.object_key, folder / f"{number:06}.dcm")
        transfer.say(f"Fetched {len(facts.slices)} instances, {facts.size} bytes.")

    def _copy(self, key: str, path: Path) -> None:
        with path.open("wb") as file:
            for chunk in self._objects.stream(key):
                file.write(chunk)

    def keep(self, transfer: Transfer) -> Kept:
        """Keep an output as DICOM or as a file of the project; the same again changes nothing."""
        name, type_ = transfer.task.details["output"], transfer.task.details["type"]
        summary: dict[str, Any] = {}
        if type_ == "measurements":
            summary = {"measurements": read_measurements(transfer.input("written"), transfer.workflow, name)}
        if "dicom" in transfer.task.inputs:
            notice = transfer.input("dicom") / NOTICE
            if notice.is_file():
                summary["notice"] = notice.read_text(encoding="utf-8").strip()
                transfer.say(summary["notice"])
                return Kept(output_name=name, type=type_, summary=summary)
            series_id, series_uid = self._keep_dicom_files(transfer)
            return Kept(output_name=name, type=type_, series_id=series_id, series_uid=series_uid, summary=summary)
        return Kept(output_name=name, type=type_, file_id=self._keep_file(transfer, name), summary=summary)

    def _keep_dicom_files(self, transfer: Transfer) -> tuple[str, str]:
        files = [path for path in sorted(transfer.input("dicom").rglob("*")) if path.is_file()]
        kept = sorted(set(self._keep_dicom(transfer.project_id, files, transfer.run_id)))
        if len(kept) != 1:
            raise TaskFailed(f"The output holds {len(kept)} DICOM series; it has to hold one.")
        transfer.say(f"Stored {len(files)} {'instance' if len(files) == 1 else 'instances'} as series {kept[0][1]}.")
        return kept[0]

    def _keep_file(self, transfer: Transfer, output_name: str) -> str:
        path, name = self._as_one_file(transfer, output_name)
        key, size = content_key("file", _chunks(path)), path.stat().st_size
        self._objects.put(key, _chunks(path))
        file_id = hashlib.sha256(f"{transfer.job_id}/{output_name}".encode()).hexdigest()[:20]
        with self._database.write() as session:
            session.merge(
                FileRow(
                    id=file_id,
                    project_id=transfer.project_id,
                    name=_printable(name),
                    media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
                    object_key=key,
                    size=size,
                    created_at=now(),
                    created_by=transfer.person,
                    run_id=transfer.run_id,
                )
            )
        transfer.say(f"Stored the file {_printable(name)}, {size} bytes.")
        return file_id

    def _as_one_file(self, transfer: Transfer, output_name: str) -> tuple[Path, str]:
        """Give the only file of an output, or an archive of them all."""
        written = transfer.input("written")
        if written.is_file():
            return written, written.name
        files = [path for path in sorted(written.rglob("*")) if path.is_file() and not path.is_symlink()]
        if len(files) == 1:
            return files[0], files[0].name
        if not files:
            raise TaskFailed(f"The output '{output_name}' is empty.")
        archive = transfer.out / f"{output_name}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for path in files:
                transfer.go_on()
                entry = zipfile.ZipInfo(str(path.relative_to(written)), NO_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                with path.open("rb") as source, target.open(entry, "w", force_zip64=True) as sink:
                    shutil.copyfileobj(source, sink, COPY_BYTES)
        return archive, archive.name


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(COPY_BYTES):
            yield chunk


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() and c not in '/\\"' else "_" for c in name)[:300] or "file"
