"""Leaks planted where they are forgotten: reports, presentation states, file meta, padding; and in real objects."""

import hashlib
import io
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_has_tag
from pydicom.uid import UID_dictionary

from kahua.dicom import transfer_syntaxes
from kahua.dicom.dates import moved
from kahua.dicom.deidentification import deidentify
from kahua.dicom.profile import Kept, Profile
from kahua.dicom.pseudonyms import Pseudonyms
from kahua.errors import KahuaError
from kahua.testing import shared_data
from kahua.testing.factory import ct_series, part10

PSEUDONYMS = Pseudonyms(key=hashlib.sha256(b"a key of the tests").digest())
SUBJECT = "id\nPAT-778899"
LEAKS = (b"quillfeather", b"ottoline", b"pat-778899", b"20240229", b"1.2.276.0.7230010.3.1.4.778899", b"brambleworth")
FOREIGN_UID = "1.2.276.0.7230010.3.1.4.778899"

#: The basic profile, and one that keeps as much as it may without keeping a person.
PROFILES = (
    Profile(),
    Profile(dates="remove"),
    Profile().keeping((Kept.DESCRIPTIONS, Kept.CHARACTERISTICS, Kept.DEVICE)),
)

#: Attributes of UIDs that name kinds of things.
KINDS = re.compile(r".*ClassUID|CodingSchemeUID|Context.*UID|MappingResourceUID|TransferSyntaxUID")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Objects from the wild make pydicom warn of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def image() -> Dataset:
    (instance,) = ct_series(slices=1, patient_id="PAT-778899", patient_name="Quillfeather^Ottoline")
    return instance


def treated(data: bytes, profile: Profile | None = None) -> bytes:
    target = io.BytesIO()
    deidentify(io.BytesIO(data), target, pseudonyms=PSEUDONYMS, subject=SUBJECT, profile=profile or Profile())
    return target.getvalue()


def leaks_in(data: bytes) -> list[bytes]:
    return [leak for leak in LEAKS if leak in data.lower()]


def code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def content(kind: str, name: str, **values: object) -> Dataset:
    item = Dataset()
    item.ValueType, item.RelationshipType = kind, "CONTAINS"
    item.ConceptNameCodeSequence = [code("121008", name)]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def report() -> Dataset:
    """A structured report that names the patient in items of every kind."""
    instance = image()
    for keyword in ("PixelData", "Rows", "Columns"):
        del instance[keyword]
    instance.SOPClassUID, instance.Modality, instance.ValueType = "1.2.840.10008.5.1.4.1.1.88.33", "SR", "CONTAINER"
    instance.VerifyingObserverSequence = [Dataset()]
    instance.VerifyingObserverSequence[0].VerifyingObserverName = "Brambleworth^Dr"
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = instance.SOPClassUID, FOREIGN_UID
    inner = content("TEXT", "Finding", TextValue="Mrs Quillfeather, PAT-778899, born 29.02.2024, 20240229")
    inner.private_block(0x0009, "BRAMBLEWORTH", create=True).add_new(1, "PN", "Quillfeather^Ottoline")
    instance.ContentSequence = [
        content("PNAME", "Person Observer Name", PersonName="Brambleworth^Dr"),
        content("UIDREF", "Observer UID", UID=FOREIGN_UID),
        content("DATE", "Study Date", Date="20240229"),
        content("DATETIME", "Time", DateTime="20240229101112"),
        content("CODE", "Finding", ConceptCodeSequence=[code("1", "as Ottoline said", "99BRAMBLE")]),
        content("IMAGE", "Source", ReferencedSOPSequence=[reference]),
        content("CONTAINER", "Findings", ContentSequence=[inner]),
    ]
    return instance


def presentation_state() -> Dataset:
    """A greyscale softcopy presentation state with names in its graphics and its labels."""
    instance = image()
    for keyword in ("PixelData", "Rows", "Columns"):
        del instance[keyword]
    instance.SOPClassUID, instance.Modality = "1.2.840.10008.5.1.4.1.1.11.1", "PR"
    instance.ContentLabel, instance.ContentDescription = "QUILLFEATHER", "Arrow by Brambleworth"
    instance.ContentCreatorName, instance.PresentationCreationDate = "Brambleworth^Dr", "20240229"
    text = Dataset()
    text.UnformattedTextValue = "Quillfeather 20240229"
    layer = Dataset()
    layer.GraphicLayer, layer.TextObjectSequence = "OTTOLINE", [text]
    instance.GraphicAnnotationSequence = [layer]
    return instance


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("syntax", [transfer_syntaxes.IMPLICIT_LITTLE_ENDIAN, transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN])
@pytest.mark.parametrize("make", [report, presentation_state])
def test_reports_and_presentation_states_name_nobody(make: type[Dataset], syntax: str, profile: Profile) -> None:
    data = part10(make(), syntax)
    assert len(leaks_in(data)) >= 4
    assert leaks_in(treated(data, profile)) == []


def test_report_still_has_its_structure() -> None:
    result = dcmread(io.BytesIO(treated(part10(report()))))
    assert [item.ValueType for item in result.ContentSequence] == [
        "PNAME", "UIDREF", "DATE", "DATETIME", "CODE", "IMAGE", "CONTAINER",
    ]  # fmt: skip
    assert PSEUDONYMS.uid(FOREIGN_UID) == result.ContentSequence[1].UID
    assert result.ContentSequence[5].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == PSEUDONYMS.uid(FOREIGN_UID)


def test_file_meta_and_preamble_name_nobody() -> None:
    data = part10(image())
    preamble = b"Quillfeather Ottoline PAT-778899".ljust(128, b"\0")
    meta = Dataset()
    meta.add_new(0x00020016, "AE", "BRAMBLEWORTH")
    private = b"Quillfeather"
    extra = (
        struct.pack("<HH2sH", 2, 0x0016, b"AE", 12) + b"BRAMBLEWORTH"
        + struct.pack("<HH2sH", 2, 0x0100, b"UI", 30) + FOREIGN_UID.encode()
        + struct.pack("<HH2sHL", 2, 0x0102, b"OB", 0, len(private)) + private
    )  # fmt: skip
    (length,) = struct.unpack_from("<L", data, 140)
    end = 144 + length
    planted = preamble + data[128:140] + struct.pack("<L", length + len(extra)) + data[144:end] + extra + data[end:]
    assert len(leaks_in(planted[: end + len(extra)])) >= 4
    assert leaks_in(treated(planted)) == []


def test_bytes_after_the_pixels_name_nobody() -> None:
    data = part10(image())
    hidden = struct.pack("<HH2sH", 0x7FE0, 0x1001, b"LO", 12) + b"Quillfeather"
    padding = struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, 12) + b"Quillfeather"
    assert leaks_in(treated(data + hidden + padding)) == []
    assert leaks_in(treated(data + padding + b"PK\3\4 Quillfeather")) == []


def test_bytes_within_the_pixel_element_name_nobody() -> None:
    instance = image()
    instance.PixelData += b"Quillfeather"
    original = part10(instance)
    assert leaks_in(original)
    result = treated(original)
    assert leaks_in(result) == []
    pixels = image().PixelData
    assert dcmread(io.BytesIO(result)).PixelData == pixels + bytes(12)


def words_of(text: str) -> Iterator[str]:
    """Words and numbers so long that they are in nothing else by chance."""
    return (word for word in re.split(r"[\s^=\\/,;]+", text) if len(word) >= 5)


def telling(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Kind and text of what tells who it is, at every depth."""
    for element in dataset.iterall():
        values = element.value if isinstance(element.value, list | tuple) or element.VM > 1 else [element.value]
        for text in (str(value).strip(" \0") for value in values or () if value is not None):
            if element.VR == "UI" and text not in UID_dictionary and len(text) > 8:
                if not KINDS.fullmatch(element.keyword or "unknown"):
                    yield "uid", text
            elif element.VR in ("DA", "DT") and re.match(r"\d{8}", text):
                yield "date", text[:8]
            elif element.VR == "PN" or element.keyword in ("PatientID", "OtherPatientIDs", "AccessionNumber"):
                yield from (("name", word) for word in words_of(text))


def header_of(data: bytes) -> bytes:
    """All bytes but those of the pixels."""
    dataset = dcmread(io.BytesIO(data), force=True)
    pixels = bytes(dataset.get("PixelData") or b"")
    return data[: data.rfind(pixels)] if pixels else data


def sample(folder: Path) -> list[Path]:
    """Every file of a small series, and every ninth of a large one."""
    chosen: list[Path] = []
    for each in sorted({file.parent for file in folder.rglob("*") if file.is_file() and file.suffix != ".md"}):
        files = sorted(file for file in each.iterdir() if file.is_file() and file.suffix != ".md")
        chosen += files if len(files) <= 30 else files[::9]
    return chosen


@pytest.mark.skipif(shared_data() is None, reason="the shared test data is not here")
@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_of_a_person_is_left_in_real_objects(profile: Profile) -> None:
    folder = shared_data()
    assert folder is not None
    days, looked_at, found = PSEUDONYMS.days(SUBJECT), 0, []
    for file in sample(folder):
        try:
            result = header_of(treated(file.read_bytes(), profile))
        except KahuaError:
            continue
        facts = set(telling(dcmread(file, force=True)))
        allowed = {moved(text, days) for kind, text in facts if kind == "date"} | {"19000101"}
        found += [
            f"{kind} {text} in {file.name}"
            for kind, text in facts
            if text not in allowed and re.search(rb"(?<![\w.])" + re.escape(text.encode()) + rb"(?![\w.])", result)
        ]
        looked_at += 1
    assert looked_at > 120
    assert found == []


@pytest.mark.skipif(shared_data() is None, reason="the shared test data is not here")
def test_real_objects_have_no_private_and_no_unknown_attribute_left() -> None:
    folder = shared_data()
    assert folder is not None
    for file in sample(folder):
        try:
            result = dcmread(io.BytesIO(treated(file.read_bytes())), force=True)
        except KahuaError:
            continue
        odd = [element.tag for element in result.iterall() if not dictionary_has_tag(element.tag)]
        assert odd == [], file.name


@pytest.mark.skipif(shared_data() is None, reason="the shared test data is not here")
@pytest.mark.parametrize(
    ("derived", "images"),
    [
        ("dcmqi_ct3slice/*", "dcmqi_ct3slice/*"),
        ("petct_acrin/seg_ct/*", "petct_acrin/ct/*"),
        ("petct_acrin/seg_pt_58frames/*", "petct_acrin/pt_ac/*"),
        ("petct_acrin/rtstruct_derived/*", "petct_acrin/ct/*"),
        ("rt_cheese_phantom/*", "rt_cheese_phantom/*"),
        ("mr_brain_ge/sr_length_bidir/*", "mr_brain_ge/*/*"),
        ("mr_prostatex/sr/*", "mr_prostatex/*/*"),
    ],
)
def test_references_between_real_objects_stay_whole(derived: str, images: str) -> None:
    folder = shared_data()
    assert folder is not None
    pairs: dict[str, str] = {}
    for file in sorted(folder.glob(images)):
        before = dcmread(file, specific_tags=["SOPInstanceUID"]).SOPInstanceUID
        after = dcmread(io.BytesIO(treated(file.read_bytes())), specific_tags=["SOPInstanceUID"]).SOPInstanceUID
        pairs[str(before)] = str(after)
    compared = 0
    for file in sorted(folder.glob(derived)):
        old, new = (referred(data) for data in (file.read_bytes(), treated(file.read_bytes())))
        # The profile takes some references away, such as those to procedure steps; to images it takes none.
        assert set(new) <= {PSEUDONYMS.uid(uid) for uid in old}
        assert {pairs[uid] for uid in old if uid in pairs} <= set(new)
        compared += sum(uid in pairs for uid in old)
    assert compared


def referred(data: bytes) -> list[str]:
    """SOP Instance UIDs to which an object refers, in order."""
    dataset = dcmread(io.BytesIO(data), force=True)
    return [str(element.value) for element in dataset.iterall() if element.keyword == "ReferencedSOPInstanceUID"]
