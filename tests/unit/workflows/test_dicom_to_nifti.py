import gzip
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import Dataset

from kahua.dicom import transfer_syntaxes
from kahua.testing import phantom, shared_data
from kahua.testing.factory import SAGITTAL, ct_series, mr_series, part10

SHAPE = (6, 24, 32)


def write(folder: Path, series: Sequence[Dataset], syntax: str = transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN) -> Path:
    folder.mkdir()
    for number, instance in enumerate(series):
        (folder / f"{number:06}.dcm").write_bytes(part10(instance, syntax))
    return folder


def convert(series: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kahua.workflows.converters", "dicom-to-nifti", series, target]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def ct(**attributes: object) -> list[Dataset]:
    slices, rows, columns = SHAPE
    return ct_series(slices=slices, rows=rows, columns=columns, **attributes)


@pytest.mark.parametrize("syntax", [transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN, transfer_syntaxes.JPEG_LS_LOSSLESS])
def test_every_voxel_lands_where_it_was_in_the_patient(tmp_path: Path, syntax: str) -> None:
    series = ct()
    done = convert(write(tmp_path / "ct", list(reversed(series)), syntax), tmp_path / "image.nii.gz")
    assert (done.returncode, done.stderr) == (0, "")

    image = nibabel.load(tmp_path / "image.nii.gz")
    values = np.asarray(image.dataobj)
    np.testing.assert_array_equal(values.transpose(2, 1, 0), phantom.ct(SHAPE))
    assert (image.get_data_dtype(), image.header["qform_code"], image.header["sform_code"]) == (np.int16, 1, 1)
    assert image.header.get_xyzt_units()[0] == "mm"
    for number, instance in enumerate(series):
        x, y, z = (float(value) for value in instance.ImagePositionPatient)
        np.testing.assert_allclose(image.affine @ [0, 0, number, 1], [-x, -y, z, 1], atol=1e-4)
    np.testing.assert_allclose(image.affine[:3, 0], [-240 / 32, 0, 0], atol=1e-4)
    np.testing.assert_allclose(image.affine[:3, 1], [0, -240 / 24, 0], atol=1e-4)


def test_values_that_are_not_whole_keep_their_fractions(tmp_path: Path) -> None:
    series = ct(RescaleSlope="0.5", RescaleIntercept="0.25")
    assert convert(write(tmp_path / "ct", series), tmp_path / "image.nii.gz").returncode == 0
    image = nibabel.load(tmp_path / "image.nii.gz")
    assert image.get_data_dtype() == np.float32
    expected = (phantom.ct(SHAPE) + 1024) * 0.5 + 0.25
    np.testing.assert_array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), expected)


def test_the_same_series_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write(tmp_path / "ct", ct())
    for name in ("one.nii.gz", "two.nii.gz"):
        assert convert(folder, tmp_path / name).returncode == 0
    assert gzip.decompress((tmp_path / "one.nii.gz").read_bytes()) == gzip.decompress(
        (tmp_path / "two.nii.gz").read_bytes()
    )


def localiser() -> list[Dataset]:
    return [*ct(), *ct_series(slices=3, rows=24, columns=32, seed="other", ImageOrientationPatient=list(SAGITTAL))]


def without_pixels() -> list[Dataset]:
    series = ct()
    series[2].PixelData = series[2].PixelData[:10]
    return series


@pytest.mark.parametrize(
    ("series", "sentence"),
    [
        (lambda: [*ct()[:2], *ct()[3:]], "One slice is missing: at"),
        (lambda: [*ct(), *mr_series(slices=6, rows=24, columns=32)], "6 slices lie where another one does"),
        (localiser, "The images have 2 different orientations: a localiser or several stacks."),
        (lambda: [*ct(), *ct_series(slices=2, rows=16, columns=16, seed="x")], "differ in Rows, Columns"),
        (without_pixels, "The frame has 10 bytes where 1536 are claimed."),
    ],
    ids=["a missing slice", "two series in one", "a localiser", "two sizes", "pixels cut short"],
)
def test_what_is_no_volume_is_refused_in_a_sentence(
    tmp_path: Path, series: Callable[[], list[Dataset]], sentence: str
) -> None:
    done = convert(write(tmp_path / "series", series()), tmp_path / "image.nii.gz")
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "image.nii.gz").exists()


def test_a_file_that_is_not_dicom_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "ct", ct())
    (folder / "000001.dcm").write_bytes(b"not DICOM")
    assert "000001.dcm" in convert(folder, tmp_path / "image.nii.gz").stderr
    (tmp_path / "empty").mkdir()
    done = convert(tmp_path / "empty", tmp_path / "image.nii.gz")
    assert (done.returncode, done.stderr) == (2, "The series holds no file.\n")


@pytest.mark.skipif(shared_data() is None, reason="the shared test data is not here")
def test_a_real_localiser_is_refused(tmp_path: Path) -> None:
    data = shared_data()
    assert data
    done = convert(data / "mr_brain_ge" / "loc", tmp_path / "image.nii.gz")
    assert done.returncode == 2
    assert "orientation" in done.stderr
