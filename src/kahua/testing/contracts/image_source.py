"""What every source of images must do.

Inherit `ImageSourceContract` and give a fixture `source` that has exactly the series of `SERIES`.
"""

from pathlib import Path

import pydicom
import pytest

from kahua.errors import InvalidInput, NotFound
from kahua.store.remote.source import ImageSource, StudyQuery
from kahua.testing.factory import ct_series, mr_series

#: Two patients; the first has a study of two series.
HEAD_CT = ct_series(slices=3, seed="head", patient_id="PATIENT-1", AccessionNumber="A1", StudyDate="20240105")
HEAD_MR = mr_series(slices=2, seed="brain", patient_id="PATIENT-1", AccessionNumber="A1", StudyDate="20240105")
OTHER_CT = ct_series(
    slices=2,
    seed="other",
    patient_id="PATIENT-2",
    patient_name="Müller^Jörg",
    SpecificCharacterSet="ISO_IR 100",
    AccessionNumber="A2",
    StudyDate="20240220",
)
SERIES = (HEAD_CT, HEAD_MR, OTHER_CT)

STUDY, OTHER_STUDY = str(HEAD_CT[0].StudyInstanceUID), str(OTHER_CT[0].StudyInstanceUID)
NO_UID, NOWHERE = "../../etc", "1.2.3.4.5"


def new_folder(parent: Path) -> Path:
    """Make an empty folder for what is retrieved."""
    folder = parent / "retrieved"
    folder.mkdir()
    return folder


class ImageSourceContract:
    """The contract of `ImageSource`, sentence by sentence."""

    def test_a_source_that_is_there_is_verified(self, source: ImageSource) -> None:
        source.verify()

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (StudyQuery(), {STUDY, OTHER_STUDY}),
            (StudyQuery(patient_id="PATIENT-2"), {OTHER_STUDY}),
            (StudyQuery(patient_id="PATIENT-*"), {STUDY, OTHER_STUDY}),
            (StudyQuery(accession_number="A1"), {STUDY}),
            (StudyQuery(study_uid=OTHER_STUDY), {OTHER_STUDY}),
            (StudyQuery(study_date="20240201-20240229"), {OTHER_STUDY}),
            (StudyQuery(study_date="20240105"), {STUDY}),
            (StudyQuery(modality="MR"), {STUDY}),
            (StudyQuery(modality="mr"), {STUDY}),
            (StudyQuery(modality="US"), set()),
            (StudyQuery(patient_name="Müller^Jörg"), {OTHER_STUDY}),
            (StudyQuery(patient_name="Mül*"), {OTHER_STUDY}),
            (StudyQuery(patient_name="Mäl*"), set()),
            (StudyQuery(patient_id="PATIENT?2"), {OTHER_STUDY}),
            (StudyQuery(patient_id="PATIENT-1", accession_number="A2"), set()),
        ],
    )
    def test_studies_match_every_condition(self, source: ImageSource, query: StudyQuery, expected: set[str]) -> None:
        assert {study.study_uid for study in source.find_studies(query)} == expected

    @pytest.mark.parametrize("date", ["2024", "2024-01-05", "yesterday", "-", "20240105-20240106-"])
    def test_a_date_that_is_none_is_refused_before_anything_is_asked(self, date: str) -> None:
        with pytest.raises(InvalidInput):
            StudyQuery(study_date=date)

    def test_no_more_studies_than_the_limit_are_found(self, source: ImageSource) -> None:
        assert len(source.find_studies(StudyQuery(), limit=1)) == 1

    def test_a_study_tells_whose_it_is(self, source: ImageSource) -> None:
        (found,) = source.find_studies(StudyQuery(study_uid=OTHER_STUDY))
        assert (found.patient_id, found.patient_name) == ("PATIENT-2", "Müller^Jörg")
        assert (found.accession_number, found.study_date) == ("A2", "20240220")
        assert found.modalities == ("CT",)

    def test_all_series_of_a_study_are_found_and_none_of_another(self, source: ImageSource) -> None:
        found = {series.series_uid: series for series in source.find_series(STUDY)}
        assert found.keys() == {str(series[0].SeriesInstanceUID) for series in (HEAD_CT, HEAD_MR)}
        assert {series.modality for series in found.values()} == {"CT", "MR"}
        assert {series.instances for series in found.values()} <= {2, 3, None}

    def test_a_study_that_is_not_there_has_no_series(self, source: ImageSource) -> None:
        assert list(source.find_series(NOWHERE)) == []

    def test_every_instance_of_a_series_is_given_as_a_file(self, source: ImageSource, tmp_path: Path) -> None:
        given, folder = {}, new_folder(tmp_path)
        for path in list(source.retrieve(STUDY, str(HEAD_CT[0].SeriesInstanceUID), folder)):
            assert path.parent == folder
            instance = pydicom.dcmread(path)
            given[str(instance.SOPInstanceUID)] = instance.PixelData
        assert given == {str(instance.SOPInstanceUID): instance.PixelData for instance in HEAD_CT}

    def test_a_file_may_go_before_the_next_one_comes(self, source: ImageSource, tmp_path: Path) -> None:
        folder = new_folder(tmp_path)
        for path in source.retrieve(STUDY, str(HEAD_CT[0].SeriesInstanceUID), folder):
            path.unlink()
        assert list(folder.iterdir()) == []

    def test_a_series_that_is_not_there_is_not_found(self, source: ImageSource, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            list(source.retrieve(STUDY, NOWHERE, new_folder(tmp_path)))

    def test_what_is_no_uid_is_refused_before_anything_is_asked(self, source: ImageSource, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput):
            source.find_series(NO_UID)
        with pytest.raises(InvalidInput):
            list(source.retrieve(STUDY, NO_UID, tmp_path))
