"""Bring in files that people have: DICOM in any folder or zip archive, and volumes as NIfTI."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kahua.errors import InvalidInput, KahuaError, NotFound, RequestRefused, UndecodablePixels
from kahua.store.archives import ArchiveLimits, is_zip, unpack
from kahua.store.child import Bounds, run_child
from kahua.store.ingest import Archive
from kahua.store.origin import Accepted, Origin

#: Files that are stored together, in one durable group.
GROUP = 64

#: Files of these names lie beside DICOM and are none; they are passed over, not refused.
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
            files = sorted(_files_below(path))
            self._import_files([(str(file.relative_to(path)), file) for file in files], report, tell, nested=False)
        elif path.is_file():
            self._import_one(self.origin.name or path.name, path, report, tell)
        else:
            raise NotFound(f"There is no file or folder {path}.")
        return report

    def _import_one(self, name: str, path: Path, report: ImportReport, tell: Tell) -> None:
        if is_zip(path):
            self._import_archive(path, report, tell)
        else:
            self._import_files([(name, path)], report, tell, nested=False)

    def _import_files(
        self, files: Sequence[tuple[str, Path]], report: ImportReport, tell: Tell, *, nested: bool
    ) -> None:
        plain: list[tuple[str, Path]] = []
        for name, path in files:
            if _is_bystander(name):
                report.skipped += 1
            elif is_nifti(path):
                self._import_volume(name, path, report)
            elif is_zip(path):
                self._import_inner_archive(name, path, report, nested=nested)
            else:
                plain.append((name, path))
        for start in range(0, len(plain), GROUP):
            self._store(plain[start : start + GROUP], report)
            tell(report.accepted + report.duplicates + len(report.refused), len(files))

    def _import_inner_archive(self, name: str, path: Path, report: ImportReport, *, nested: bool) -> None:
        if nested:
            error = InvalidInput("An archive within an archive is not unpacked.", remedy="Send it by itself.")
            report.add(name, error)
            return
        try:
            self._import_archive(path, report, lambda _done, _total: None)
        except RequestRefused as error:
            report.add(name, error)

    def _import_archive(self, path: Path, report: ImportReport, tell: Tell) -> None:
        folder = Path(tempfile.mkdtemp(prefix="unpack-", dir=self.archive.staging.folder))
        waiting: list[tuple[str, Path]] = []
        try:
            for entry in unpack(path, folder, self.archive_limits):
                waiting.append((entry.name, entry.path))
                if len(waiting) >= GROUP:
                    self._take(waiting, report, tell)
            self._take(waiting, report, tell)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _take(self, waiting: list[tuple[str, Path]], report: ImportReport, tell: Tell) -> None:
        """Import what was unpacked so far and give its disk space back."""
        self._import_files(waiting, report, tell, nested=True)
        for _, path in waiting:
            path.unlink(missing_ok=True)
        waiting.clear()

    def _store(self, files: Sequence[tuple[str, Path]], report: ImportReport) -> None:
        results = self.archive.store_files(self.project_id, [path for _, path in files], replace(self.origin, name=""))
        for (name, _), result in zip(files, results, strict=True):
            report.add(name, result)

    def _import_volume(self, name: str, path: Path, report: ImportReport) -> None:
        folder = Path(tempfile.mkdtemp(prefix="volume-", dir=self.archive.staging.folder))
        try:
            dicom_of_nifti(path, folder, name=name, seed=self.project_id, options=self.volume)
            self._store([(name, slice_) for slice_ in sorted(folder.iterdir())], report)
        except UndecodablePixels as error:
            report.add(name, InvalidInput(f"The volume cannot be read: {error.message}"))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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
    run_child("kahua.store.nifti", str(path), str(folder), described, bounds=Bounds(seconds=VOLUME_SECONDS))


def is_nifti(path: Path) -> bool:
    """Whether a file is a NIfTI volume: by its magic, or compressed and so named."""
    with path.open("rb") as file:
        head = file.read(348)
    if head[:2] == b"\x1f\x8b":  # gzip: of all that is compressed so, only volumes are brought in
        return True
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] == b"n+2\0"


def _files_below(folder: Path) -> Iterator[Path]:
    """Give the regular files below a folder; links, devices and pipes are not opened."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(Path(entry.path))
            elif stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                yield Path(entry.path)


def _is_bystander(name: str) -> bool:
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return base in BYSTANDERS or base.startswith("._") or base.lower().endswith(BYSTANDER_SUFFIXES)
