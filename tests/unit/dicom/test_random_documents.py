"""What was read of a data set, whatever it holds, can be written as JSON and as XML."""

import io
import warnings
from typing import Any
from xml.etree import ElementTree

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from kahua.dicom import Budget, read_file_meta, transfer_syntaxes
from kahua.dicom.json_model import instance_json
from kahua.dicom.xml_model import native_xml
from kahua.errors import DicomRefused
from kahua.testing import factory

from .test_hostile_bytes import damaged_files
from .test_random_data_sets import data_sets

BUDGET = Budget(max_header_bytes=200_000, max_elements=5000, max_depth=8, max_inflated_bytes=1_000_000)
#: Text with everything that steers a writer: markup, control characters, delimiters of groups and components.
STEERING = st.text("<>&\"'^=\\ \t\n\r\x00\x0b\x1b\x85\u2028\ufffe]aÄ漢", max_size=12) | st.text(max_size=12)


def write(model: dict[str, Any]) -> None:
    assert orjson.loads(orjson.dumps(model)) == model
    root = ElementTree.fromstring(native_xml(model))  # noqa: S314 - our own
    assert len(root) == len(model)


@given(data_sets(), STEERING, STEERING, st.floats(width=32))
@settings(max_examples=100, deadline=None)
def test_any_data_set_is_written(data_set: Dataset, name: str, text: str, number: float) -> None:
    data_set.SpecificCharacterSet = "ISO_IR 192"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom remarks on values that are none
        data_set.PatientName, data_set.PatientComments = name, text
        data_set.RecommendedDisplayFrameRateInFloat = number
        data = factory.data_set_bytes(data_set, transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN)
    syntax = transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN
    write(instance_json(io.BytesIO(data), offset=0, size=len(data), transfer_syntax_uid=syntax, bulk_data_uri="bulk"))


@given(damaged_files())
@settings(max_examples=150, deadline=None)
def test_what_was_read_of_any_damage_is_written(data: bytes) -> None:
    try:
        meta = read_file_meta(io.BytesIO(data))
        model = instance_json(
            io.BytesIO(data),
            offset=meta.data_offset,
            size=len(data) - meta.data_offset,
            transfer_syntax_uid=meta.transfer_syntax_uid,
            bulk_data_uri="bulk",
            budget=BUDGET,
        )
    except DicomRefused:
        return
    write(model)
