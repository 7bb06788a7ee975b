"""The text by which people find series."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kahua.datasets import Field, Term, parse_query
from kahua.errors import InvalidInput


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", ()),
        ("  ", ()),
        ("liver", (Term(text="liver"),)),
        ("liver  venous", (Term(text="liver"), Term(text="venous"))),
        ("-localizer", (Term(text="localizer", is_excluded=True),)),
        ('"portal venous"', (Term(text="portal venous", is_phrase=True),)),
        ('-"portal venous"', (Term(text="portal venous", is_phrase=True, is_excluded=True),)),
        ("Modality:MR", (Term(text="MR", field=Field.MODALITY),)),
        ("modality:MR", (Term(text="MR", field=Field.MODALITY),)),
        ('PatientName:"doe jane"', (Term(text="doe jane", field=Field.PATIENT_NAME, is_phrase=True),)),
        ("-StudyDate:2024", (Term(text="2024", field=Field.STUDY_DATE, is_excluded=True),)),
        ("T2-w", (Term(text="T2-w"),)),
        ('"a:b"', (Term(text="a:b", is_phrase=True),)),
        ("50%_\\", (Term(text="50%_\\"),)),
    ],
)
def test_query_is_taken_apart(query: str, terms: tuple[Term, ...]) -> None:
    assert parse_query(query) == terms


@pytest.mark.parametrize(
    ("query", "character"),
    [('liver "portal', 7), ("liver -", 8), ("Modality:", 10), ("liver Foo:1", 7), ('""', 1), ("-Bar:1", 2), (":x", 1)],
)
def test_error_names_the_character(query: str, character: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_query(query)
    assert caught.value.details["character"] == character
    assert f"(character {character})" in caught.value.message


def test_query_is_bounded() -> None:
    for query in ("x" * 1001, "x " * 51):
        with pytest.raises(InvalidInput):
            parse_query(query)


@given(st.text(max_size=200))
def test_any_text_is_understood_or_refused(query: str) -> None:
    try:
        terms = parse_query(query)
    except InvalidInput:
        return
    assert all(term.text.strip() for term in terms)
