"""The Native DICOM Model says what the DICOM JSON model says, and nothing in a value becomes markup."""

import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence

from kahua.dicom.xml_model import NAMESPACE, native_xml
from kahua.testing.factory import ct_series, part10

NAME = f"{{{NAMESPACE}}}"


def parsed(document: dict[str, Any]) -> ElementTree.Element:
    root = ElementTree.fromstring(native_xml(document))  # noqa: S314 - our own
    assert root.tag == f"{NAME}NativeDicomModel"
    return root


def test_values_carry_their_numbers_and_empty_ones_leave_a_gap() -> None:
    (element,) = parsed({"00080008": {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]}})
    assert element.attrib == {"tag": "00080008", "vr": "CS", "keyword": "ImageType"}
    assert [(value.get("number"), value.text) for value in element] == [("1", "ORIGINAL"), ("3", "AXIAL")]


def test_an_empty_attribute_has_no_value() -> None:
    (element,) = parsed({"00081030": {"vr": "LO"}})
    assert list(element) == []


def test_a_name_is_parted_into_groups_and_components() -> None:
    name = {"Alphabetic": "Müller^Jörg^^Dr", "Ideographic": "漢^字"}
    (element,) = parsed({"00100010": {"vr": "PN", "Value": [name]}})
    texts = [(each.tag.removeprefix(NAME), each.text) for each in element.iter() if each.text]
    assert texts == [
        ("FamilyName", "Müller"),
        ("GivenName", "Jörg"),
        ("NamePrefix", "Dr"),
        ("FamilyName", "漢"),
        ("GivenName", "字"),
    ]


def test_sequences_hold_items() -> None:
    items = [{"00080100": {"vr": "SH", "Value": ["1"]}}, {}]
    (element,) = parsed({"00081032": {"vr": "SQ", "Value": items}})
    assert [(item.get("number"), len(item)) for item in element] == [("1", 1), ("2", 0)]


def test_bulk_data_is_named_by_its_address() -> None:
    first, second = parsed(
        {
            "7FE00010": {"vr": "OW", "BulkDataURI": "https://site/a?b=1&c=2"},
            "00420011": {"vr": "OB", "InlineBinary": "AQI="},
        }
    )
    assert (first[0].tag, first[0].text) == (f"{NAME}InlineBinary", "AQI=")
    assert (second[0].tag, second[0].get("uri")) == (f"{NAME}BulkData", "https://site/a?b=1&c=2")


def test_a_private_attribute_names_its_creator() -> None:
    document = {"00290010": {"vr": "LO", "Value": ["ME & CO"]}, "00291001": {"vr": "LO", "Value": ["x"]}}
    _, element = parsed(document)
    assert element.attrib == {"tag": "00290001", "vr": "LO", "privateCreator": "ME & CO"}


@given(st.text(max_size=60))
def test_no_text_breaks_out_of_its_value(text: str) -> None:
    (element,) = parsed({"00104000": {"vr": "LT", "Value": [text]}})
    (value,) = element
    kept = [letter for letter in value.text or "" if letter != "\ufffd"]
    assert kept == [letter for letter in text if letter in kept]
    assert len(value.text or "") == len(text)


@pytest.mark.skipif(shutil.which("dcm2xml") is None, reason="DCMTK is not installed")
def test_the_model_is_that_of_dcmtk(tmp_path: Path) -> None:
    instance = ct_series(slices=1, rows=2, columns=2, patient_name='Mü<&>ller^J"org^^Dr=漢^字')[0]
    instance.SpecificCharacterSet = "ISO_IR 192"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "1", "X"
    instance.ProcedureCodeSequence = Sequence([code])
    instance.FrameIncrementPointer = [0x00181063, 0x00181065]
    block = instance.private_block(0x0029, "KAHUA", create=True)
    block.add_new(1, "LO", "x")
    del instance.PixelData
    (tmp_path / "a.dcm").write_bytes(part10(instance))
    command = ["dcm2xml", "--native-format", "--use-xml-namespace", str(tmp_path / "a.dcm")]
    theirs = ElementTree.fromstring(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S314
    assert facts(parsed(instance.to_json_dict())) == facts(theirs)


def facts(element: ElementTree.Element) -> list[Any]:
    """Everything of an element but white space, and 1.0 as 1."""
    text = (element.text or "").strip().removesuffix(".0")
    return [element.tag, dict(element.attrib), text, *(facts(child) for child in element)]
