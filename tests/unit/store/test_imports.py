"""Whatever people have is brought in by its content; what is hostile stays outside."""

import gzip
import os
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from pydicom import Dataset
from sqlalchemy import select

from kahua.errors import InvalidInput, NotFound
from kahua.store import Archive, InstanceRow, Origin, QuarantineRow, SeriesRow, StudyRow
from kahua.store.imports.archives import ArchiveLimits
from kahua.store.imports.importer import Importer, ImportReport, VolumeOptions
from kahua.testing.factory import ct_series, mr_series, part10

LIMITS = ArchiveLimits(entries=100, total_bytes=50_000_000, entry_bytes=30_000_000)


def bring_in(archive: Archive, path: Path, project: str = "main", **options: Any) -> ImportReport:
    importer = Importer(
        archive=archive,
        project_id=project,
        origin=Origin(door="import", sender="test"),
        archive_limits=LIMITS,
        volume=VolumeOptions(**options),
    )
    report = importer.import_path(path)
    assert list(archive.staging.folder.iterdir()) == []
    return report


def summary(report: ImportReport) -> tuple[int, int, int, int]:
    return report.accepted, report.duplicates, report.skipped, len(report.refused)


def pack(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return path


def volume(path: Path, shape: tuple[int, ...] = (6, 5, 4), affine: Any = None) -> Path:
    data = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    nibabel.Nifti1Image(data, np.diag([1.0, 1.5, 2.0, 1.0]) if affine is None else affine).to_filename(path)
    return path


def dicomdir() -> bytes:
    """A file with the File Meta Information of a DICOMDIR."""
    return part10(ct_series(slices=1, SOPClassUID="1.2.840.10008.1.3.10")[0])


def test_an_archive_of_any_shape_is_brought_in(archive: Archive, tmp_path: Path) -> None:
    ct, mr = ct_series(slices=2), mr_series(slices=1)
    path = pack(
        tmp_path / "a.zip",
        {
            "DICOMDIR": dicomdir(),
            "README.txt": b"hello",
            "A/B/C/IM0001": part10(ct[0]),
            "A/B/slice.dcm": part10(ct[1]),
            "ä/named.txt": part10(mr[0]),
        },
    )
    report = bring_in(archive, path)
    assert summary(report) == (3, 0, 2, 0)
    assert len(report.series) == 2
    assert summary(bring_in(archive, path)) == (0, 3, 2, 0)


#: Names of a Referenced File ID (PS3.3 F.3.2.2) that lead out of the File-set, or nowhere.
ELSEWHERE = (
    ["..", "SECRET"],
    ["", "etc", "passwd"],
    ["/dev/zero"],
    ["PIPE"],
    ["LINK"],
    ["DICOMDIR"],
    ["NUL"],
    ["A"] * 4000,
)


def hostile_dicomdir(references: Sequence[list[str]], *, offset: int = 0) -> bytes:
    """A DICOMDIR whose records name other places, and each other in a circle."""
    directory = ct_series(slices=1, SOPClassUID="1.2.840.10008.1.3.10")[0]
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = offset
    directory.DirectoryRecordSequence = [record(reference, offset) for reference in references]
    return part10(directory)


def record(reference: list[str], offset: int) -> Dataset:
    item = Dataset()
    item.OffsetOfTheNextDirectoryRecord = item.OffsetOfReferencedLowerLevelDirectoryEntity = offset
    item.DirectoryRecordType = "IMAGE"
    item.add_new("ReferencedFileID", "CS", reference)
    return item


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS", "ignore:The value length")
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["DICOMDIR", "dicomdir.dcm"])
@pytest.mark.parametrize("references", [ELSEWHERE, [["IM1"]] * 20_000], ids=["elsewhere", "many"])
def test_a_dicomdir_leads_nowhere(
    archive: Archive, tmp_path: Path, references: Sequence[list[str]], name: str, packed: bool
) -> None:
    mine, secret = ct_series(slices=2)
    (tmp_path / "SECRET").write_bytes(part10(secret))
    folder = tmp_path / "in"
    folder.mkdir()
    files = {name: hostile_dicomdir(references, offset=132), "IM1": part10(mine)}
    for each, content in files.items():
        (folder / each).write_bytes(content)
    os.mkfifo(folder / "PIPE")
    (folder / "LINK").symlink_to(tmp_path / "SECRET")
    report = bring_in(archive, pack(tmp_path / "in.zip", files) if packed else folder)
    assert summary(report) == (1, 0, 1, 0)
    with archive.database.read() as session:
        assert session.scalars(select(InstanceRow.sop_instance_uid)).all() == [mine.SOPInstanceUID]


def test_a_broken_file_is_named_and_hinders_no_other(archive: Archive, tmp_path: Path) -> None:
    good, other = ct_series(slices=2)
    path = pack(tmp_path / "a.zip", {"x/broken": part10(other)[:-50], "good": part10(good), "noise": b"\1" * 500})
    report = bring_in(archive, path)
    assert summary(report) == (1, 0, 0, 2)
    assert [(item.name, item.code) for item in report.refused] == [
        ("x/broken", "unreadable-dicom"),
        ("noise", "unreadable-dicom"),
    ]
    with archive.database.read() as session:
        assert set(session.scalars(select(QuarantineRow.name))) == {"x/broken", "noise"}


def test_a_hostile_archive_leaves_nothing_behind(archive: Archive, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"good": part10(ct_series(slices=1)[0]), "../evil": b"1"})
    with pytest.raises(InvalidInput, match="evil"):
        bring_in(archive, path)
    with archive.database.read() as session:
        assert session.scalars(select(InstanceRow)).all() == []
    assert list(archive.staging.folder.iterdir()) == []


def test_an_archive_within_an_archive_is_refused_by_name(archive: Archive, tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", {"a": part10(ct_series(slices=1)[0])})
    report = bring_in(archive, pack(tmp_path / "outer.zip", {"deep/inner.bin": inner.read_bytes()}))
    assert [(item.name, item.code) for item in report.refused] == [("deep/inner.bin", "invalid-input")]


def test_a_folder_is_brought_in_with_what_lies_in_its_archives(archive: Archive, tmp_path: Path) -> None:
    ct, mr = ct_series(slices=2), mr_series(slices=2)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "one").write_bytes(part10(ct[0]))
    (tmp_path / "in" / "two").write_bytes(part10(ct[1]))
    pack(tmp_path / "in" / "packed", {str(each.InstanceNumber): part10(each) for each in mr})
    assert summary(bring_in(archive, tmp_path / "in")) == (4, 0, 0, 0)
    assert (tmp_path / "in" / "two").exists()


@pytest.mark.timeout(30)
def test_links_and_pipes_in_a_folder_are_not_opened(archive: Archive, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "in"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret").write_bytes(part10(ct_series(slices=1)[0]))
    (folder / "link").symlink_to(outside / "secret")
    (folder / "folder").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    assert summary(bring_in(archive, folder)) == (0, 0, 0, 0)


def test_names_of_any_bytes_and_length_and_second_names_of_a_file_are_names(archive: Archive, tmp_path: Path) -> None:
    """A hard link is a file like any other: who may make one could read its bytes anyway."""
    one, other, third = map(part10, ct_series(slices=3))
    folder, deep = tmp_path / "in", tmp_path / "in" / Path(*["d" * 200] * 10)
    deep.mkdir(parents=True)
    (tmp_path / "elsewhere").write_bytes(one)
    (folder / "hard").hardlink_to(tmp_path / "elsewhere")
    (folder / os.fsdecode(b"\xff\xfe\x1b[31m")).write_bytes(other)
    (folder / os.fsdecode(b"\xff broken")).write_bytes(bytes(128) + b"DICM")
    (deep / ("n" * 250)).write_bytes(third)
    assert summary(bring_in(archive, folder)) == (3, 0, 0, 1)
    with archive.database.read() as session:
        assert session.scalars(select(QuarantineRow.name)).all() == ["? broken"]


def test_progress_is_told_to_the_end(archive: Archive, tmp_path: Path) -> None:
    for number, each in enumerate(ct_series(slices=3)):
        (tmp_path / f"in{number}").write_bytes(part10(each))
    told: list[tuple[int, int | None]] = []
    folder = tmp_path / "folder"
    folder.mkdir()
    for file in tmp_path.glob("in*"):
        file.rename(folder / file.name)
    Importer(
        archive=archive, project_id="main", origin=Origin(door="import", sender="test"), archive_limits=LIMITS
    ).import_path(folder, lambda done, total: told.append((done, total)))
    assert told[-1] == (3, 3)


def test_a_path_that_is_not_there_is_a_clear_refusal(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file or folder"):
        bring_in(archive, tmp_path / "nothing")


@pytest.mark.parametrize("name", ["head.nii", "head.nii.gz", "odd.nii.gz"])
def test_a_volume_becomes_a_series_once(archive: Archive, tmp_path: Path, name: str) -> None:
    path = volume(tmp_path / name)
    if name.startswith("odd"):
        path = path.rename(tmp_path / "without ending")
    report = bring_in(archive, path, modality="CT")
    assert summary(report) == (4, 0, 0, 0)
    again = bring_in(archive, path, modality="CT")
    assert (summary(again), again.series) == ((0, 4, 0, 0), report.series)
    with archive.database.read() as session:
        row = session.scalars(select(SeriesRow)).one()
    assert (row.modality, row.instance_count) == ("CT", 4)
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(path.name)) == [path.name]


def test_a_volume_lies_where_its_affine_says(archive: Archive, tmp_path: Path) -> None:
    affine = np.array([[-2.0, 0, 0, 10], [0, 3.0, 0, -20], [0, 0, 4.0, 30], [0, 0, 0, 1]])
    bring_in(archive, volume(tmp_path / "a.nii", affine=affine))
    from pydicom import dcmread

    from kahua.dicom.volume import read_volume, to_nifti  # heavy: only here

    with archive.database.read() as session:
        keys = session.scalars(select(InstanceRow.object_key)).all()
    paths = [archive.objects.path(key) for key in keys]
    found = read_volume([dcmread(path) for path in paths])
    data, back = to_nifti(found.array, found.affine)
    for index in ((0, 0, 0), (5, 4, 3), (2, 1, 3)):
        world = affine @ [*index, 1]
        place = np.rint(np.linalg.inv(back) @ world)[:3].astype(int)
        assert data[tuple(place)] == np.arange(120).reshape(6, 5, 4)[index]


def test_the_same_volume_in_two_projects_is_two_series(archive: Archive, tmp_path: Path) -> None:
    path = volume(tmp_path / "a.nii.gz")
    bring_in(archive, path, "main")
    bring_in(archive, path, "other")
    with archive.database.read() as session:
        uids = session.scalars(select(SeriesRow.series_uid)).all()
    assert len(uids) == len(set(uids)) == 2


def test_the_name_of_a_volume_is_text_and_nothing_else(archive: Archive, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"x/Jörg^A\\B=ü<img>.nii": volume(tmp_path / "v.nii").read_bytes()})
    assert summary(bring_in(archive, path)) == (4, 0, 0, 0)
    with archive.database.read() as session:
        assert session.scalars(select(StudyRow.patient_id)).one() == "B_ü<img>"


def four_dimensions(path: Path) -> None:
    volume(path, (3, 3, 3, 2))


def truncated(path: Path) -> None:
    path.write_bytes(volume(path.with_suffix(".nii")).read_bytes()[:400])


def truncated_gzip(path: Path) -> None:
    path.write_bytes(volume(path.with_name("v.nii.gz")).read_bytes()[:100])


def packed_noise(path: Path) -> None:
    path.write_bytes(gzip.compress(b"no volume" * 1000))


def packed_folder(path: Path) -> None:
    with tarfile.open(path, "w:gz") as packed:
        packed.add(__file__, "evil")


def lying_size(path: Path) -> None:
    content = bytearray(volume(path.with_suffix(".nii")).read_bytes())
    content[42:48] = np.array([30_000, 30_000, 30_000], "<i2").tobytes()
    path.write_bytes(content)


@pytest.mark.parametrize("make", [four_dimensions, truncated, truncated_gzip, packed_noise, packed_folder, lying_size])
def test_a_volume_that_is_none_is_refused_in_words(archive: Archive, tmp_path: Path, make: Any) -> None:
    path = tmp_path / "bad.nii.gz"
    make(path)
    report = bring_in(archive, path)
    assert summary(report) == (0, 0, 0, 1)
    assert report.refused[0].code == "invalid-input"
    assert "Traceback" not in report.refused[0].reason
