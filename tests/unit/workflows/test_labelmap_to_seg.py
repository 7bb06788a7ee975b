import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import Dataset, dcmread

from kahua.dicom.segmentation import read_segmentation
from kahua.testing import phantom
from kahua.testing.factory import mr_series, part10
from kahua.workflows.converters import NOTICE
from kahua.workflows.converters.__main__ import main

SHAPE = (6, 24, 32)
STRUCTURE = {"value": "123037004", "scheme": "SCT", "meaning": "Anatomical Structure"}
BRAIN = {"value": "12738006", "scheme": "SCT", "meaning": "Brain"}
VENTRICLE = {"value": "35764002", "scheme": "SCT", "meaning": "Brain ventricle"}
DETAILS = {
    "series_uid": "2.25.71",
    "sop_instance_uid": "2.25.72",
    "series_description": "Brain",
    "algorithm": {"name": "Brain extraction", "version": "1.0.0"},
    "segments": [
        {"label": 7, "name": "Brain", "category": STRUCTURE, "type": BRAIN, "color": "#f5d6a8"},
        {"label": 3, "name": "Ventricle", "category": STRUCTURE, "type": VENTRICLE},
    ],
}


class Place:
    """A folder with a series, its NIfTI volume, and what the converter needs besides labels."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.series: list[Dataset] = mr_series(slices=SHAPE[0], rows=SHAPE[1], columns=SHAPE[2])
        (folder / "image").mkdir()
        (folder / "out").mkdir()
        for number, instance in enumerate(reversed(self.series)):
            (folder / "image" / f"{number:06}.dcm").write_bytes(part10(instance))
        (folder / "details.json").write_text(json.dumps(DETAILS))
        assert self.run("dicom-to-nifti", "image", "image.nii.gz") == (0, "")
        self.affine = nibabel.load(folder / "image.nii.gz").affine

    def run(self, *arguments: str) -> tuple[int, str]:
        """Convert in this process, which has its libraries loaded; give the exit status and what was said."""
        said = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stderr(said):
            return main(list(arguments)), said.getvalue()

    def write(self, labels: np.ndarray, affine: np.ndarray | None = None) -> None:
        """Write labels of shape (slice, row, column) as a step would."""
        image = nibabel.Nifti1Image(labels.transpose(2, 1, 0), self.affine if affine is None else affine)
        nibabel.save(image, self.folder / "labels.nii.gz")

    def convert(self) -> tuple[int, str]:
        return self.run("labelmap-to-seg", "labels.nii.gz", "image", "details.json", "out")

    def result(self) -> Dataset:
        return dcmread(self.folder / "out" / "segmentation.dcm")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def labels() -> np.ndarray:
    regions = phantom.labels(SHAPE)
    return np.select([regions == 3, (regions == 4) | (regions == 5)], [7, 3]).astype(np.uint8)


def test_labels_come_back_from_the_segmentation_as_they_were(place: Place) -> None:
    place.write(labels())
    assert place.convert() == (0, "")

    dataset = place.result()
    read = read_segmentation(dataset, place.series)
    (labelmap,) = read.labelmaps
    number = {segment.name: segment.label for segment in read.segments}
    np.testing.assert_array_equal(labelmap == number["Brain"], labels() == 7)
    np.testing.assert_array_equal(labelmap == number["Ventricle"], labels() == 3)
    assert labels().any()

    assert dataset.SeriesInstanceUID == "2.25.71"
    assert dataset.SeriesDescription == "Brain"
    assert dataset.PatientID == place.series[0].PatientID
    assert dataset.StudyInstanceUID == place.series[0].StudyInstanceUID
    assert dataset.FrameOfReferenceUID == place.series[0].FrameOfReferenceUID
    brain = dataset.SegmentSequence[0]
    assert brain.SegmentedPropertyTypeCodeSequence[0].CodeValue == "12738006"
    assert brain.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "Brain extraction"
    assert len(brain.RecommendedDisplayCIELabValue) == 3


def test_the_same_labels_get_the_same_uids(place: Place) -> None:
    place.write(labels())
    found = []
    for _ in range(2):
        assert place.convert()[0] == 0
        found.append((place.result().SeriesInstanceUID, place.result().SOPInstanceUID))
    assert found[0] == found[1]


def test_labels_whose_axes_were_turned_are_turned_back(place: Place) -> None:
    original = nibabel.Nifti1Image(labels().transpose(2, 1, 0), place.affine)
    for orientation in ("RAS", "LPI", "SAR"):
        wanted = nibabel.orientations.axcodes2ornt(orientation)
        turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(place.affine), wanted)
        turned = original.as_reoriented(turn)
        assert nibabel.aff2axcodes(turned.affine) == tuple(orientation)
        nibabel.save(turned, place.folder / "labels.nii.gz")
        assert place.convert()[0] == 0
        (labelmap,) = read_segmentation(place.result(), place.series).labelmaps
        np.testing.assert_array_equal(labelmap > 0, labels() > 0)


def test_labels_stored_as_floats_and_with_a_last_axis_of_one_are_labels(place: Place) -> None:
    values = labels().astype(np.float32).transpose(2, 1, 0)[..., np.newaxis]
    nibabel.save(nibabel.Nifti1Image(values, place.affine), place.folder / "labels.nii.gz")
    assert place.convert()[0] == 0
    assert read_segmentation(place.result(), place.series).mask(1).sum() == (labels() == 7).sum()


def test_no_label_at_all_gives_a_notice_and_no_dicom(place: Place) -> None:
    place.write(np.zeros(SHAPE, np.uint8))
    assert place.convert()[0] == 0
    (notice,) = (place.folder / "out").iterdir()
    assert notice.name == NOTICE
    assert "No voxel of the image has a label" in notice.read_text()


def shifted(place: Place) -> None:
    affine = place.affine.copy()
    affine[2, 3] += 1.5
    place.write(labels(), affine)


def resampled(place: Place) -> None:
    place.write(labels()[:, ::2, ::2], place.affine @ np.diag([2, 2, 1, 1]))


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (shifted, "The labels do not lie in the grid of the image"),
        (resampled, "they are 16×12×6 voxels of 15×20×3 mm"),
        (lambda place: place.write(labels() * 9), "The labelmap holds the labels 27, 63, which the workflow does not"),
        (lambda place: place.write(labels() / 2), "The labelmap holds numbers that are not whole"),
        (lambda place: place.write(np.full(SHAPE, np.nan)), "The labelmap holds numbers that are not whole"),
        (lambda place: place.write(labels().astype(np.int16) - 9), "outside 0 to 65535"),
        (lambda place: (place.folder / "labels.nii.gz").write_bytes(b"no NIfTI"), "cannot be read as NIfTI"),
    ],
    ids=["shifted", "resampled", "unknown labels", "fractions", "no numbers", "below zero", "no NIfTI"],
)
def test_what_are_no_labels_of_the_image_is_refused(
    place: Place, write: Callable[[Place], object], sentence: str
) -> None:
    write(place)
    status, said = place.convert()
    assert status == 2, said
    assert sentence in said.splitlines()[-1]
    assert not list((place.folder / "out").iterdir())
