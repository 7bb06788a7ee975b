"""The archive's way in: every door ends here.

An instance becomes an object first, durably, then rows; only then is its sender told that it is
safe. What is refused is kept in quarantine with the reason. When the site dies in between, an object
without rows is left, which `kahua.store.deletion.removal` finds; never a row without its object.

The key of an object is made of its transfer syntax and its data set alone. The File Meta Information
before it is written anew, always the same for the same data set, so that what comes by C-STORE
without one and what comes as a file with any are the same object, shared by all projects.
"""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from kahua.database import Collision, Database
from kahua.dicom import FileMeta, Header, read_file_meta, scan, write_file_meta
from kahua.errors import (
    DicomRefused,
    HeldBack,
    KahuaError,
    MisdeclaredDicom,
    StateConflict,
    Unavailable,
)
from kahua.logs import get_logger
from kahua.settings import Settings
from kahua.store.deletion import removal
from kahua.store.ingest.arrivals import Arrivals
from kahua.store.ingest.batch import Batch, Workers
from kahua.store.ingest.filing import Entry, Filed, ObjectGone, file_instances
from kahua.store.ingest.group_commit import MAX_GROUP, GroupCommit
from kahua.store.ingest.limits import Limits
from kahua.store.ingest.origin import Accepted, Origin
from kahua.store.ingest.quarantine import QUARANTINE_KIND, Keeping, Room, set_aside
from kahua.store.ingest.staging import FileData, StagedData, Staging
from kahua.store.objects import ObjectStore, content_key
from kahua.store.verification import is_whole

#: How often rows are tried again when another process makes the same study or series at the same moment.
MAX_RACES = 5

#: Bytes of a stored file in which its File Meta Information, ours, surely ends.
META_BYTES = 4096

log = get_logger()


class Archive:
    """Stores instances: the one way into the image archive.

    Safe for many threads, and beside archives of other processes on the same database and objects.
    """

    def __init__(
        self, *, database: Database, objects: ObjectStore, staging: Path, limits: Limits, durability: str = "group"
    ) -> None:
        self.database = database
        self.objects = objects
        self.limits = limits
        self.staging = Staging(staging)
        self.arrivals = Arrivals(database=database, staging=self.staging)
        self._room = Room(database, limits.max_quarantine_bytes)
        self._rows: GroupCommit[Entry, Filed] = GroupCommit(
            self._commit, max_group=1 if durability == "object" else MAX_GROUP
        )
        self._workers = Workers()

    @classmethod
    def from_settings(cls, settings: Settings, *, database: Database, objects: ObjectStore) -> "Archive":
        """Build the archive of a site."""
        return cls(
            database=database,
            objects=objects,
            staging=settings.folder("staging"),
            limits=Limits.from_settings(settings),
            durability=settings.durability,
        )

    def close(self) -> None:
        """Finish what waits."""
        self._workers.close()
        self.arrivals.close()

    def orphans(self) -> Iterator[str]:
        """Find objects to which no row refers and none will: the site died between object and row."""
        return removal.orphans(self.database, self.objects)

    def mend(self) -> int:
        """Delete the orphans; return their number."""
        return removal.mend(self.database, self.objects)

    def collect(self) -> int:
        """Delete the objects of what was removed, where no row refers to them; return their number."""
        return removal.collect(self.database, self.objects)

    def store_dataset(
        self,
        project_id: str,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        data: StagedData,
        origin: Origin,
    ) -> Accepted:
        """Store a data set that came without File Meta Information, by C-STORE.

        Raises
        ------
        DicomRefused
            The object cannot be accepted; it is in quarantine.
        Unavailable
            Nothing was kept; the sender may try again.
        """
        with self._quarantine(
            project_id,
            origin,
            data,
            sop_instance_uid,
            prefix=write_file_meta(
                sop_class_uid=sop_class_uid, sop_instance_uid=sop_instance_uid, transfer_syntax_uid=transfer_syntax_uid
            ),
        ):
            header = self._scan(data, transfer_syntax_uid)
            _check_declared(header, sop_class_uid=sop_class_uid, sop_instance_uid=sop_instance_uid)
        return self._file(lambda: self._admit(project_id, header, data, origin))

    def store_file(self, project_id: str, path: Path, origin: Origin) -> Accepted:
        """Store a Part 10 file; the file itself stays where it is.

        Raises
        ------
        DicomRefused
            The object cannot be accepted; it is in quarantine.
        Unavailable
            Nothing was kept; the sender may try again.
        """
        return self._file(lambda: self.keep(project_id, FileData(path, 0), origin))

    def store_files(
        self, project_id: str, paths: Sequence[Path], origin: Origin, *, names: Sequence[str] = ()
    ) -> list[Accepted | KahuaError]:
        """Store Part 10 files; one result for each, in order. One that is refused does not hinder the others.

        The rows of up to 64 files are made in one transaction. In quarantine each file has the one of `names`
        that its sender calls it, or else the name of `origin`, or else its own.
        """
        batch = self.batch(project_id)
        called = names or [origin.name or path.name for path in paths]
        for path, name in zip(paths, called, strict=True):
            batch.add(FileData(path, 0), replace(origin, name=name))
        return batch.finish()

    def batch(self, project_id: str) -> Batch:
        """Begin to store what arrives together."""
        return Batch(self, project_id, self._workers)

    def keep(self, project_id: str, data: StagedData, origin: Origin) -> Entry:
        """Make the object of a Part 10 file, durably; its rows are still to come.

        Raises
        ------
        DicomRefused
            The object cannot be accepted; it is in quarantine.
        """
        header, data_set = self._read(project_id, data, origin)
        return self._admit(project_id, header, data_set, origin)

    def file(self, entries: Sequence[Entry]) -> list[Filed | Exception]:
        """Make the rows of objects; give what became of each."""
        return self._rows.submit(entries)

    def forget(self, entries: Sequence[Entry]) -> None:
        """Let objects go, whose rows will not be made."""
        if entries:
            with self.database.write() as session:
                removal.discard(session, [entry.object_key for entry in entries])

    def _read(self, project_id: str, data: StagedData, origin: Origin) -> tuple[Header, StagedData]:
        """Read the header of a Part 10 file; give the data set in it, too."""
        with self._quarantine(project_id, origin, data, ""):
            with data.open() as file:
                meta = read_file_meta(file)
            data_set = data.after(meta.data_offset)
            header = self._scan(data_set, meta.transfer_syntax_uid)
        return replace(header, findings=(*meta.findings, *_differences(meta, header), *header.findings)), data_set

    def _scan(self, data: StagedData, transfer_syntax_uid: str) -> Header:
        self.limits.check_size(data.size)
        with data.open() as file:
            return scan(
                file,
                offset=data.offset,
                size=data.size,
                transfer_syntax_uid=transfer_syntax_uid,
                budget=self.limits.budget,
            )

    def _admit(self, project_id: str, header: Header, data: StagedData, origin: Origin) -> Entry:
        """Make the object, durably; where the project wants it, of what is left after de-identification.

        Raises
        ------
        DicomRefused
            It cannot be de-identified, or a person has to look at it first; that is in quarantine.
        """
        orders = self.arrivals.orders_for(project_id, header, origin)
        if orders is None:
            return self._keep(project_id, header, data, origin)
        origin = replace(origin, name="")
        with (
            self._quarantine(project_id, origin, data, ""),
            self.arrivals.treated(project_id, orders, header, data) as treated,
        ):
            left = self._scan(treated.data, treated.transfer_syntax_uid)
            if treated.held:
                error = HeldBack(treated.held, remedy="A manager can release it from quarantine.")
                self._set_aside(project_id, origin, FileData(treated.data.path, 0), left.sop_instance_uid, b"", error)
                raise error
            return self._keep(project_id, left, treated.data, origin)

    def _keep(self, project_id: str, header: Header, data: StagedData, origin: Origin) -> Entry:
        """Make the object, durably."""
        self.limits.check_space(self.staging.folder, data.size)
        key = content_key(header.transfer_syntax_uid, data.chunks())
        meta = write_file_meta(
            sop_class_uid=header.sop_class_uid,
            sop_instance_uid=header.sop_instance_uid,
            transfer_syntax_uid=header.transfer_syntax_uid,
        )
        size = data.size  # before the file may be taken over
        offset = self._put(key, meta, data)
        pixels = header.pixel_offset
        return Entry(
            project_id=project_id,
            header=header,
            object_key=key,
            size=offset + size,
            data_offset=offset,
            pixel_offset=None if pixels is None else pixels - data.offset + offset,
            origin=origin,
        )

    def _put(self, key: str, meta: bytes, data: StagedData) -> int:
        """Put the file; return the byte at which the data set begins."""
        try:
            if (ready := data.ready_file(meta)) is not None:
                self.objects.put_file(key, ready)
            else:
                self.objects.put(key, _file_of(meta, data))
        except StateConflict:
            head = self.objects.read(key, length=META_BYTES)
            if not meta.startswith(head[: len(meta)]):
                # The same data set after another File Meta Information: written by another version of Kahua.
                return read_file_meta(io.BytesIO(head)).data_offset
            self._replace_damaged(key, meta, data)
        return len(meta)

    def _replace_damaged(self, key: str, meta: bytes, data: StagedData) -> None:
        """Put an object anew whose bytes are no longer those of its key: what is sent again mends it."""
        if is_whole(self.objects, key):
            raise Unavailable("Others write the same instance at this moment; try again.")
        log.warning("a damaged object was mended by what was sent again", key=key)
        self.objects.delete(key)
        self.objects.put(key, _file_of(meta, data))

    def _file(self, keep: Callable[[], Entry]) -> Accepted:
        """Make the rows of an object; make the object again should it be removed at the same moment."""
        try:
            return _outcome(self._rows.submit([keep()])[0])
        except ObjectGone as gone:
            try:
                again = keep()
            except FileNotFoundError:  # the file was taken over, and is gone with the object
                raise gone from None
            return _outcome(self._rows.submit([again])[0])

    def _commit(self, entries: Sequence[Entry]) -> list[Filed]:
        for race in range(MAX_RACES):
            try:
                with self.database.write_rows() as connection:
                    return file_instances(connection, entries, room=self._room, object_exists=self.objects.exists)
            except (IntegrityError, Collision):
                # Another process made the same study, series or instance, or removed the series, at this
                # moment. Its transaction has ended now, so that the next look sees what it did.
                time.sleep(0.01 * race)
        raise Unavailable("Others write the same series at this moment; try again.")

    @contextmanager
    def _quarantine(
        self, project_id: str, origin: Origin, data: StagedData, sop_instance_uid: str, prefix: bytes = b""
    ) -> Iterator[None]:
        """Keep aside what is refused within the block."""
        try:
            yield
        except HeldBack:
            raise  # it is there already, de-identified
        except DicomRefused as error:
            self._set_aside(project_id, origin, data, sop_instance_uid, prefix, error)
            raise

    def _set_aside(
        self,
        project_id: str,
        origin: Origin,
        data: StagedData,
        sop_instance_uid: str,
        prefix: bytes,
        error: DicomRefused,
    ) -> None:
        """Put an object into quarantine, as far as there is room.

        Where arrivals are de-identified and this one is not, there is only the reason.
        """
        key = content_key(QUARANTINE_KIND, _file_of(prefix, data))
        tells_who = self.arrivals.orders(project_id) is not None and not isinstance(error, HeldBack)
        size, keeping = 0, self._room.take(0 if tells_who else len(prefix) + data.size)
        if keeping is Keeping.NOTHING:
            return
        if tells_who:
            origin, sop_instance_uid = replace(origin, name=""), ""
        elif keeping is Keeping.OBJECT:
            self.limits.check_space(self.staging.folder, data.size)
            size = self.objects.put(key, _file_of(prefix, data))
        with self.database.write_rows() as connection:
            set_aside(
                connection,
                project_id=project_id,
                error=error,
                sop_instance_uid=sop_instance_uid,
                object_key=key,
                size=size,
                origin=origin,
            )


def _outcome(filed: Filed | Exception) -> Accepted:
    if isinstance(filed, Exception):
        raise filed
    return filed


def _file_of(meta: bytes, data: StagedData) -> Iterator[bytes | memoryview]:
    if meta:
        yield meta
    yield from data.chunks()


def _check_declared(header: Header, *, sop_class_uid: str, sop_instance_uid: str) -> None:
    """Refuse a data set that is another object than the request says.

    Raises
    ------
    MisdeclaredDicom
        It is.
    """
    for name, declared, found in (
        ("SOP Class UID", sop_class_uid, header.sop_class_uid),
        ("SOP Instance UID", sop_instance_uid, header.sop_instance_uid),
    ):
        if declared != found:
            raise MisdeclaredDicom(f"The request and the object differ in their {name}.")


def _differences(meta: FileMeta, header: Header) -> Iterator[str]:
    """Say in what the File Meta Information of a file differs from its data set; the data set is right."""
    for name, declared, found in (
        ("SOP Class UID", meta.media_sop_class_uid, header.sop_class_uid),
        ("SOP Instance UID", meta.media_sop_instance_uid, header.sop_instance_uid),
    ):
        if declared and declared != found:
            yield f"The File Meta Information has another {name} than the data set."
        elif not declared and not meta.findings:
            yield f"The File Meta Information names no {name}; it is written from the data set."
