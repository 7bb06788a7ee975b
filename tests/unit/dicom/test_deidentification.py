"""What is left of a patient in an object, and what must be left of the object."""

import hashlib
import io
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileDataset

from kahua.dicom import transfer_syntaxes
from kahua.dicom.deidentification import Changes, deidentify
from kahua.dicom.profile import Kept, Profile
from kahua.dicom.pseudonyms import Pseudonyms, subject_of
from kahua.errors import DicomRefused, KahuaError, MissingAttribute, UnreadableDicom
from kahua.testing import shared_data
from kahua.testing.factory import ct_series, part10, segmentation

KEY = hashlib.sha256(b"a key of the tests").digest()
SUBJECT = "id\nPAT-778899"

#: Everything that was planted and must not be found again, in any element or stray byte.
LEAKS = (
    "Quillfeather",
    "Ottoline",
    "PAT-778899",
    "19310417",
    "ACC-4711",
    "Dr^Brambleworth",
    "Brambleworth",
    "Saint Hedwig",
    "030-555-0199",
    "Lindenallee",
    "Thistlewood",
    "SN-90210-X",
    "OVERLAY-Quill",
    "OLD-ID-31",
    "1.2.276.0.7230010.3.1.4.778899",
    "CURVE-LEAK",
    "20240229",
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Objects from the wild make pydicom warn of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def planted() -> Dataset:
    """Make a CT slice with leaks at every kind of place."""
    (image,) = ct_series(slices=1, patient_id="PAT-778899", patient_name="Quillfeather^Ottoline")
    image.PatientBirthDate = "19310417"
    image.PatientAge = "092Y"
    image.PatientAddress = "Lindenallee 7"
    image.PatientTelephoneNumbers = "030-555-0199"
    image.AccessionNumber = "ACC-4711"
    image.StudyDate = image.SeriesDate = "20240229"
    image.AcquisitionDateTime = "20240229101112.5+0100"
    image.ReferringPhysicianName = "Dr^Brambleworth"
    image.InstitutionName = "Saint Hedwig"
    image.DeviceSerialNumber = "SN-90210-X"
    image.SeriesDescription = "CT Abdomen Quillfeather 3mm born 17.04.1931"
    image.ImageComments = "Mrs Quillfeather moved"
    image.ConvolutionKernel = "B30 Quillfeather"  # not in any table
    image.ImageType = ["ORIGINAL", "PRIMARY", "QUILLFEATHER"]
    image.add_new(0x00189305, "OB", b"Quillfeather")  # a number, after the dictionary
    image.add_new(0x00180060, "LO", "Quillfeather")  # another one
    other = Dataset()
    other.PatientID, other.PatientName = "OLD-ID-31", "Thistlewood^Ottoline"
    image.OtherPatientIDsSequence = [other]
    item = Dataset()
    item.ReferencedSOPClassUID = image.SOPClassUID
    item.ReferencedSOPInstanceUID = "1.2.276.0.7230010.3.1.4.778899"
    item.PatientName = "Quillfeather^Ottoline"
    deep = Dataset()
    deep.CodeValue, deep.CodingSchemeDesignator, deep.CodeMeaning = "1", "99HEDWIG", "as Ottoline said"
    deep.private_block(0x0009, "HEDWIG", create=True).add_new(1, "LO", "Quillfeather")
    item.PurposeOfReferenceCodeSequence = [deep]
    image.SourceImageSequence = [item]
    private = image.private_block(0x0029, "Saint Hedwig", create=True)
    private.add_new(1, "LO", "Quillfeather")
    private.add_new(2, "SQ", [other])
    image.add_new(0x60000010, "US", 8)
    image.add_new(0x60000022, "LO", "OVERLAY-Quill")
    image.add_new(0x60003000, "OW", b"Quillfeather")
    image.add_new(0x50000010, "US", 1)
    image.add_new(0x50002500, "LO", "CURVE-LEAK")
    image.add_new(0x00091002, "UN", b"PAT-778899")
    image.add_new(0xFFFCFFFC, "OB", b"Quillfeather")
    return image


def treat(
    instance: Dataset, syntax: str = transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN, *, subject: str = SUBJECT, **options: str
) -> tuple[FileDataset, Changes, bytes]:
    source, target = io.BytesIO(part10(instance, syntax)), io.BytesIO()
    changes = deidentify(source, target, pseudonyms=Pseudonyms(key=KEY), subject=subject, profile=Profile(**options))
    return dcmread(io.BytesIO(target.getvalue())), changes, target.getvalue()


def leaks_in(data: bytes) -> list[str]:
    return [leak for leak in LEAKS if leak.encode().lower() in data.lower()]


@pytest.mark.parametrize(
    "syntax",
    [transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN, transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"],
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dates": "remove"},
        {"clean_descriptors": True},
        {"retain_characteristics": True},
        {"clean_descriptors": True, "dates": "remove", "retain_characteristics": True},
    ],
)
def test_no_planted_leak_is_left(syntax: str, options: dict[str, str]) -> None:
    assert len(leaks_in(part10(planted(), syntax))) == len(LEAKS)
    assert leaks_in(treat(planted(), syntax, **options)[2]) == []


def test_deflated_objects_are_treated_too() -> None:
    result, _, _ = treat(planted(), transfer_syntaxes.DEFLATED_EXPLICIT_LITTLE_ENDIAN)
    plain = io.BytesIO()
    result.save_as(plain, implicit_vr=False, little_endian=True)
    assert leaks_in(plain.getvalue()) == []
    assert result.PixelData == planted().PixelData


@pytest.mark.parametrize(
    "syntax",
    [
        transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN,
        transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN,
        transfer_syntaxes.JPEG_LS_LOSSLESS,
        transfer_syntaxes.RLE_LOSSLESS,
    ],
)
def test_pixels_stay_byte_for_byte(syntax: str) -> None:
    result, _, _ = treat(planted(), syntax)
    assert result.PixelData == dcmread(io.BytesIO(part10(planted(), syntax))).PixelData
    assert result.file_meta.TransferSyntaxUID == syntax


def test_geometry_and_scaling_stay() -> None:
    original, (result, _, _) = planted(), treat(planted())
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "WindowCenter"):
        assert result[keyword] == original[keyword]


def test_same_object_gives_the_same_bytes_twice() -> None:
    assert treat(planted())[2] == treat(planted())[2]


def test_two_processes_agree(tmp_path: Path) -> None:
    program = (
        "import sys; from kahua.dicom.pseudonyms import Pseudonyms;"
        f"p = Pseudonyms(key=bytes.fromhex('{KEY.hex()}')); "
        f"print(p.patient({SUBJECT!r}), p.uid('1.2.3'), p.days({SUBJECT!r}))"
    )
    answers = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, cwd=tmp_path).stdout
        for _ in range(2)
    }
    here = Pseudonyms(key=KEY)
    assert answers == {f"{here.patient(SUBJECT)} {here.uid('1.2.3')} {here.days(SUBJECT)}\n".encode()}


def test_another_key_gives_other_pseudonyms() -> None:
    one, other = Pseudonyms(key=KEY), Pseudonyms(key=bytes(32))
    assert one.patient(SUBJECT) != other.patient(SUBJECT)
    assert one.uid("1.2.3") != other.uid("1.2.3")


def test_key_is_not_shown() -> None:
    assert KEY.hex() not in repr(Pseudonyms(key=KEY))
    assert str(KEY) not in repr(Pseudonyms(key=KEY))


def test_segmentation_still_refers_to_its_image() -> None:
    images = ct_series(slices=3)
    mask, _, _ = treat(segmentation(images))
    treated = [treat(image)[0] for image in images]
    (referenced,) = mask.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == treated[0].SeriesInstanceUID != images[0].SeriesInstanceUID
    assert {item.ReferencedSOPInstanceUID for item in referenced.ReferencedInstanceSequence} == {
        image.SOPInstanceUID for image in treated
    }
    assert mask.FrameOfReferenceUID == treated[0].FrameOfReferenceUID
    assert [segment.SegmentLabel for segment in mask.SegmentSequence] == ["Brain", "Lesion"]


def test_letters_in_a_number_are_removed() -> None:
    (image,) = ct_series(slices=1, SliceThickness="987654")
    encoded = part10(image).replace(b"987654", b"Ottoli")
    target = io.BytesIO()
    deidentify(io.BytesIO(encoded), target, pseudonyms=Pseudonyms(key=KEY), subject=SUBJECT, profile=Profile())
    assert b"Ottoli" not in target.getvalue()


def test_short_patient_id_spoils_no_other_number() -> None:
    (image,) = ct_series(slices=1, patient_id="1000", patient_name="1000^CT", RepetitionTime="1000", KVP="1000")
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "110001", "DCM", "Image Processing"
    image.ProcedureCodeSequence = [code]
    result, _, _ = treat(image)
    assert result.SOPClassUID == image.SOPClassUID
    assert result.StudyTime == image.StudyTime
    assert (result.RepetitionTime, result.KVP) == (1000, 1000)
    assert result.ProcedureCodeSequence[0].CodeValue == "110001"


def test_published_uids_stay() -> None:
    talairach = "1.2.840.10008.1.4.1.1"
    (image,) = ct_series(slices=1, FrameOfReferenceUID=talairach)
    assert treat(image)[0].FrameOfReferenceUID == talairach


def test_dates_keep_their_distances_within_a_patient() -> None:
    image = planted()
    image.AcquisitionDate = "20240310"
    result, _, _ = treat(image)
    study, acquisition = (datetime.strptime(result[name].value, "%Y%m%d") for name in ("StudyDate", "AcquisitionDate"))
    assert (acquisition - study).days == 10
    assert (study - datetime(2024, 2, 29)).days == Pseudonyms(key=KEY).days(SUBJECT) < -365
    assert result.StudyTime == image.StudyTime
    assert result.LongitudinalTemporalInformationModified == "MODIFIED"
    assert result.AcquisitionDateTime[8:] == "101112.5+0100"


def test_removed_dates_leave_none() -> None:
    result, _, _ = treat(planted(), dates="remove")
    assert {str(result.get(keyword) or "") for keyword in ("StudyDate", "SeriesDate")} <= {"", "19000101"}
    assert result.LongitudinalTemporalInformationModified == "REMOVED"


def test_object_says_what_was_done() -> None:
    result, _, _ = treat(planted(), clean_descriptors=True)
    assert result.PatientIdentityRemoved == "YES"
    codes = {item.CodeValue for item in result.DeidentificationMethodCodeSequence}
    assert codes == {"113100", "113103", "113104", "113105", "113107"}


def test_known_words_of_descriptions_stay_if_wanted() -> None:
    assert treat(planted(), clean_descriptors=True)[0].SeriesDescription == "CT Abdomen 3mm"
    assert "SeriesDescription" not in treat(planted())[0]


def test_high_age_is_capped() -> None:
    assert treat(planted(), retain_characteristics=True)[0].PatientAge == "090Y"


def test_device_stays_if_wanted() -> None:
    assert treat(planted(), retain_device=True)[0].DeviceSerialNumber == "SN-90210-X"
    assert treat(planted())[0].DeviceSerialNumber == "REMOVED"


def test_report_tells_attributes_and_never_values() -> None:
    _, changes, _ = treat(planted())
    assert changes.counts["(0010,0010) PatientName", "pseudonym"] >= 1
    assert changes.counts["(0018,1210) ConvolutionKernel", "found"] == 1
    assert changes.counts["private", "removed"] >= 3
    assert leaks_in(repr(changes).encode()) == []


def test_institution_stays_if_wanted() -> None:
    image = planted()
    image.InstitutionalDepartmentName = "Ward 7"
    result, _, data = treat(image, retain_institution=True)
    assert (result.InstitutionName, result.InstitutionalDepartmentName) == ("Saint Hedwig", "Ward 7")
    assert leaks_in(data) == ["Saint Hedwig"]


def test_uids_stay_if_wanted() -> None:
    image = planted()
    result, changes, _ = treat(image, retain_uids=True)
    assert (result.SOPInstanceUID, result.StudyInstanceUID) == (image.SOPInstanceUID, image.StudyInstanceUID)
    assert changes.sop_instance_uid == image.SOPInstanceUID
    assert "113110" in {item.CodeValue for item in result.DeidentificationMethodCodeSequence}


@pytest.mark.parametrize(
    ("part", "faces", "is_told", "is_held"),
    [
        ("HEAD", "leave", False, False),
        ("HEAD", "flag", True, False),
        ("HEAD", "hold", True, True),
        ("", "hold", True, True),
        ("ABDOMEN", "hold", False, False),
    ],
)
def test_faces_are_told_or_held_back_as_wanted(part: str, faces: str, *, is_told: bool, is_held: bool) -> None:
    (image,) = ct_series(slices=1, BodyPartExamined=part)
    result, changes, _ = treat(image, faces=faces)
    assert bool(changes.pixel_risk) == is_told
    assert bool(changes.held) == is_held
    assert result.PatientIdentityRemoved == ("NO" if is_told else "YES")
    assert result.get("RecognizableVisualFeatures") == ("YES" if is_told else None)


def test_every_choice_is_written_with_its_code() -> None:
    everything = Profile().keeping(Kept)
    assert everything.kept == tuple(Kept)
    assert [code for code, _ in everything.codes] == [
        "113100", "113103", "113104", "113105", "113107", "113108", "113109", "113110", "113112",
    ]  # fmt: skip


@pytest.mark.parametrize("attributes", [{"Modality": "US"}, {"BurnedInAnnotation": "YES"}, {"ConversionType": "WSD"}])
def test_suspicious_pixels_are_not_called_clean(attributes: dict[str, str]) -> None:
    (image,) = ct_series(slices=1, **attributes)
    result, changes, _ = treat(image)
    assert changes.pixel_risk
    assert result.PatientIdentityRemoved == "NO"
    assert "113101" not in {item.CodeValue for item in result.DeidentificationMethodCodeSequence}


def test_overlay_within_the_pixels_is_suspicious() -> None:
    (image,) = ct_series(slices=1)
    image.add_new(0x60000102, "US", 12)
    assert treat(image)[1].pixel_risk


def test_documents_of_other_formats_are_refused() -> None:
    (image,) = ct_series(slices=1)
    image.EncapsulatedDocument = b"%PDF-1.7 Quillfeather"
    with pytest.raises(DicomRefused):
        treat(image)


def test_truncated_pixels_are_refused() -> None:
    source = io.BytesIO(part10(planted())[:-500])
    with pytest.raises(UnreadableDicom):
        deidentify(source, io.BytesIO(), pseudonyms=Pseudonyms(key=KEY), subject=SUBJECT, profile=Profile())


def test_patient_without_id_is_known_by_name_and_birth_date() -> None:
    known = {"patient_name": "A^B", "birth_date": "19310417", "study_uid": "1.2"}
    assert subject_of(patient_id="7 ", **known) == subject_of(patient_id="7", **{**known, "study_uid": "1.3"})
    assert subject_of(patient_id="", **known) == subject_of(patient_id=" ", **{**known, "study_uid": "1.3"})
    nobody = {"patient_id": "", "patient_name": "^", "birth_date": ""}
    assert subject_of(**nobody, study_uid="1.2") != subject_of(**nobody, study_uid="1.3")


@pytest.mark.skipif(shared_data() is None, reason="the shared test data is not here")
def test_real_objects_are_treated_and_read_again() -> None:
    folder = shared_data()
    assert folder is not None
    treated = 0
    for file in sorted(folder.rglob("*"))[::5]:  # every one takes a minute
        if not file.is_file() or "broken" in file.parts or file.suffix in {".md", ".json", ".txt"}:
            continue
        target = io.BytesIO()
        try:
            with file.open("rb") as source:
                deidentify(source, target, pseudonyms=Pseudonyms(key=KEY), subject=SUBJECT, profile=Profile())
        except MissingAttribute:
            continue
        target.seek(0)
        result, original = dcmread(target), dcmread(file, force=True)
        assert result.get("PixelData") == original.get("PixelData"), file.name
        assert result.PatientName == Pseudonyms(key=KEY).patient(SUBJECT) if "PatientName" in original else True
        treated += 1
    assert treated > 100


@pytest.mark.skipif(shared_data() is None, reason="the shared test data is not here")
def test_broken_objects_are_refused_with_a_reason() -> None:
    folder = shared_data()
    assert folder is not None
    reasons = [refusal_of(file) for file in sorted((folder / "broken").iterdir())]
    assert len([reason for reason in reasons if reason]) >= 9


def refusal_of(file: Path) -> str:
    """Why an object cannot be treated; anything but a refusal fails the test."""
    try:
        with file.open("rb") as source:
            deidentify(source, io.BytesIO(), pseudonyms=Pseudonyms(key=KEY), subject=SUBJECT, profile=Profile())
    except KahuaError as refusal:
        return str(refusal)
    return ""
