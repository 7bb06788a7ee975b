"""Data sets of any content: what pydicom writes, we read as it was."""

import io
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, Sequence

from kahua.dicom import transfer_syntaxes
from kahua.dicom.json_model import instance_json
from kahua.testing import factory

NATIVE = sorted(transfer_syntaxes.NATIVE - {transfer_syntaxes.PRIVATE_GE})
#: Letters of several scripts; no control characters, delimiters or padding.
TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N"), exclude_characters="\\^="), min_size=1, max_size=12)

#: Some attribute of each kind of value, and what it may hold.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "StudyDescription": TEXT,
    "ImageComments": TEXT,
    "Modality": st.sampled_from(["CT", "MR"]),
    "OtherPatientIDs": st.lists(TEXT, min_size=2, max_size=3),
    "SeriesNumber": st.integers(-99999, 99999),
    "SliceThickness": st.integers(0, 10_000).map(lambda number: number / 8),
    "Rows": st.integers(0, 65535),
    "DiffusionBValue": st.floats(allow_nan=False, allow_infinity=False),
    "RecommendedDisplayFrameRateInFloat": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "SelectorATValue": st.integers(0, 0xFFFFFFFE),
    "SelectorSLValue": st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=4),
}


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """Return a data set with some attributes and, in its sequences, others of the kind."""
    data_set = Dataset()
    for keyword in draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=6)):
        setattr(data_set, keyword, draw(VALUES[keyword]))
    sequences = st.sampled_from(["ReferencedSeriesSequence", "ContentSequence"])
    for keyword in draw(st.lists(sequences, unique=True)) if depth else []:
        setattr(data_set, keyword, Sequence(draw(st.lists(data_sets(depth - 1), min_size=1, max_size=3))))
        data_set[keyword].is_undefined_length = draw(st.booleans())
    return data_set


@pytest.mark.parametrize("syntax", NATIVE)
@given(data_set=data_sets())
@settings(max_examples=40, deadline=None)
def test_what_pydicom_writes_is_read_as_it_was(syntax: str, data_set: Dataset) -> None:
    whole = Dataset()
    whole.SpecificCharacterSet = "ISO_IR 192"
    whole.update(data_set)
    data = factory.data_set_bytes(whole, syntax)
    model = instance_json(io.BytesIO(data), offset=0, size=len(data), transfer_syntax_uid=syntax, bulk_data_uri="bulk")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom remarks on text that is too long
        assert model == whole.to_json_dict()
