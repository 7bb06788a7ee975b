"""Bring in files that people have: DICOM in any folder or zip archive, and volumes as NIfTI."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from kahua.dicom import read_file_meta
from kahua.errors import DicomRefused, InvalidInput, KahuaError, NotFound, RequestRefused, UndecodablePixels
from kahua.store.child import Bounds, run_child
from kahua.store.imports.archives import ArchiveLimits, Entry, is_zip, unpack
from kahua.store.imports.folders import copy_files, count_files
from kahua.store.ingest.archive import Archive
from kahua.store.ingest.origin import Accepted, Origin
from kahua.store.ingest.staging import saying_full_disk

#: Files that are stored together, in one durable group.
GROUP = 64

#: SOP Class of a DICOMDIR: it lists what lies beside it, and is no instance.
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

#: Files of these names that do not begin as DICOM lie beside it; they are passed over, not refused.
BYSTANDERS = ("DICOMDIR", "LICENSE", "README", ".DS_Store", "Thumbs.db")
BYSTANDER_SUFFIXES = (".txt", ".md", ".json", ".xml", ".html", ".pdf", ".csv", ".png", ".jpg", ".inf", ".exe")

#: How long the conversion of one volume may take.
VOLUME_SECONDS = 300

#: Most refusals that a report tells one by one.
MAX_REFUSALS = 1000

#: Told how many files are done, and of how many if that is known.
Tell = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A file that was not accepted."""

    #: What the sender calls it; hostile text.
    name: str
    code: str
    reason: str


@dataclass(kw_only=True)
class ImportReport:
    """What became of the files of one import."""

    accepted: int = 0
    #: They were here before, with the same bytes.
    duplicates: int = 0
    #: Passed over: they are no images and do not pretend to be.
    skipped: int = 0
    refused: list[Refusal] = field(default_factory=list)
    #: Ids of the series to which instances were added, or in which they were already.
    series: list[str] = field(default_factory=list)

    def add(self, name: str, result: Accepted | KahuaError) -> None:
        """Note what became of one file."""
        if isinstance(result, KahuaError):
            if len(self.refused) < MAX_REFUSALS:
                self.refused.append(Refusal(name=name, code=result.code, reason=str(result)))
            return
        self.accepted += not result.duplicate
        self.duplicates += result.duplicate
        if result.series_id not in self.series:
            self.series.append(result.series_id)


@dataclass(frozen=True, kw_only=True)
class VolumeOptions:
    """What a NIfTI file does not say of itself."""

    modality: str = "MR"
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Importer:
    """Brings files into one project."""

    archive: Archive
    project_id: str
    origin: Origin
    archive_limits: ArchiveLimits
    volume: VolumeOptions = VolumeOptions()

    def import_path(self, path: Path, tell: Tell = lambda _done, _total: None) -> ImportReport:
        """Bring in a file or everything below a folder; links are not followed.

        Raises
        ------
        NotFound
            There is no such file or folder.
        RequestRefused
            The path is a single archive, and it is refused as a whole.
        """
        report = ImportReport()
        if path.is_dir():
            total = count_files(path)
            with self._staging() as folder:
                self._import_entries(copy_files(path, folder), report, lambda done, _: tell(done, total), nested=False)
        elif not path.is_file():
            raise NotFound(f"There is no file or folder {path}.")
        elif is_zip(path):
            self._import_archive(path, report, tell)
        else:
            self._import_group([Entry(name=self.origin.name or path.name, path=path)], report, nested=False)
        return report

    def _import_archive(self, path: Path, report: ImportReport, tell: Tell) -> None:
        with self._staging() as folder:
            self._import_entries(unpack(path, folder, self.archive_limits), report, tell, nested=True)

    def _import_entries(self, entries: Iterator[Entry], report: ImportReport, tell: Tell, *, nested: bool) -> None:
        """Import files group by group, and give the disk space of each group back."""
        done = 0
        while group := list(islice(entries, GROUP)):
            self._import_group(group, report, nested=nested)
            for entry in group:
                entry.path.unlink(missing_ok=True)
            done += len(group)
            tell(done, None)

    def _import_group(self, entries: Sequence[Entry], report: ImportReport, *, nested: bool) -> None:
        instances: list[Entry] = []
        for entry in entries:
            match kind_of(entry.path, entry.name):
                case Kind.BYSTANDER:
                    report.skipped += 1
                case Kind.VOLUME:
                    self._import_volume(entry, report)
                case Kind.ARCHIVE:
                    self._import_inner_archive(entry, report, nested=nested)
                case Kind.INSTANCE:
                    instances.append(entry)
        self._store(instances, report)

    def _import_inner_archive(self, entry: Entry, report: ImportReport, *, nested: bool) -> None:
        if nested:
            error = InvalidInput("An archive within an archive is not unpacked.", remedy="Send it by itself.")
            report.add(entry.name, error)
            return
        try:
            self._import_archive(entry.path, report, lambda _done, _total: None)
        except RequestRefused as error:
            report.add(entry.name, error)

    def _store(self, entries: Sequence[Entry], report: ImportReport) -> None:
        names = [entry.name for entry in entries]
        paths = [entry.path for entry in entries]
        results = self.archive.store_files(self.project_id, paths, self.origin, names=names)
        for name, result in zip(names, results, strict=True):
            report.add(name, result)

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """Give an empty folder that is gone afterwards."""
        with saying_full_disk():
            folder = Path(tempfile.mkdtemp(prefix="import-", dir=self.archive.staging.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def _import_volume(self, entry: Entry, report: ImportReport) -> None:
        with self._staging() as folder:
            try:
                dicom_of_nifti(entry.path, folder, name=entry.name, seed=self.project_id, options=self.volume)
            except UndecodablePixels as error:
                report.add(entry.name, InvalidInput(f"The volume cannot be read: {error.message}"))
                return
            self._store([Entry(name=entry.name, path=slice_) for slice_ in sorted(folder.glob("*.dcm"))], report)


def dicom_of_nifti(path: Path, folder: Path, *, name: str, seed: str, options: VolumeOptions) -> None:
    """Write a NIfTI volume as a DICOM series into a folder, in a process that may die.

    The UIDs follow from seed and content: the same file makes the same series again.

    Raises
    ------
    UndecodablePixels
        The file is no volume, or is damaged.
    """
    described = json.dumps(
        {"name": name, "seed": seed, "modality": options.modality, "description": options.description}
    )
    run_child("kahua.store.imports.nifti", str(path), str(folder), described, bounds=Bounds(seconds=VOLUME_SECONDS))


class Kind(Enum):
    """What is done with a file."""

    INSTANCE = "instance"
    VOLUME = "volume"
    ARCHIVE = "archive"
    BYSTANDER = "bystander"


def kind_of(path: Path, name: str) -> Kind:
    """Tell by its content what a file is; its name counts only where the content says nothing."""
    if is_zip(path):
        return Kind.ARCHIVE
    with path.open("rb") as file:
        head = file.read(348)
        if head[128:132] == b"DICM":
            return Kind.BYSTANDER if _is_directory(file) else Kind.INSTANCE
    # Of all that gzip compresses, only volumes are brought in.
    if head[:2] == b"\x1f\x8b" or head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] == b"n+2\0":
        return Kind.VOLUME
    return Kind.BYSTANDER if _is_bystander(name) else Kind.INSTANCE


def _is_directory(file: BinaryIO) -> bool:
    file.seek(0)
    try:
        return read_file_meta(file).media_sop_class_uid == MEDIA_STORAGE_DIRECTORY
    except DicomRefused:
        return False  # the archive says what is wrong with it


def _is_bystander(name: str) -> bool:
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return base in BYSTANDERS or base.startswith("._") or base.lower().endswith(BYSTANDER_SUFFIXES)
