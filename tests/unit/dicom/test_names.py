"""Names are compared group by group, component by component."""

import pytest

from kahua.dicom.matching import Keys, attribute_path
from kahua.dicom.names import fold_name, folded_groups
from kahua.dicom.rules import PLAIN, Rules
from kahua.errors import InvalidInput

YAMADA = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}
HONG = {"Alphabetic": "Hong^Gildong", "Ideographic": "洪^吉洞", "Phonetic": "홍^길동"}
NAME = attribute_path("PatientName")


def fits(name: dict[str, str], wanted: str, rules: Rules = PLAIN) -> bool:
    return Keys([(NAME, wanted)], rules).fit({"00100010": {"vr": "PN", "Value": [name]}})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("Yamada^Tarou", True),
        ("YAMADA^tarou", True),
        ("Yamada^Tarou=", True),
        ("Yamada^Tarou^^", True),
        ("Yamada^Tarou^^=山田^太郎^=", True),
        ("=山田^太郎", True),
        ("山田^太郎", True),
        ("山田*", True),
        ("==やまだ*", True),
        ("Yamada^Tarou=山田^太郎", True),
        ("Yamada^Tarou=山田^次郎", False),
        ("=Yamada^Tarou", False),
        ("山田^太郎=", True),
        ("山田^太郎=山田^太郎", False),
        ("*=*=*たろう", True),
        ("Yamada^?arou", True),
        ("Yamada^Tarou^*", True),
        ("Yamada", False),
        ("^^", True),
        ("=*", True),
    ],
)
def test_a_name_matches_by_the_groups_that_are_named(wanted: str, found: bool) -> None:
    assert fits(YAMADA, wanted) is found


@pytest.mark.parametrize(("wanted", "found"), [("홍^길동", True), ("홍^?동", True), ("홍^길?", True), ("홍^?", False)])
def test_a_syllable_of_hangul_is_one_character(wanted: str, found: bool) -> None:
    assert fits(HONG, wanted) is found


def test_words_are_looked_for_in_every_group() -> None:
    assert fits(YAMADA, "tar yam", Rules(fuzzy=True))
    assert fits(YAMADA, "太", Rules(fuzzy=True))
    assert not fits(YAMADA, "郎", Rules(fuzzy=True))
    assert fits(YAMADA, "*=", Rules(fuzzy=True))


def test_a_name_of_another_representation_is_a_name() -> None:
    assert folded_groups({"vr": "LO", "Value": ["Doe^Jane=X"]}) == ("doe^jane", "x", "")
    assert folded_groups({"vr": "PN"}) == folded_groups(None) == ("", "", "")
    assert fold_name(" Doe ^ Jane ^^") == "doe^jane"


def test_a_name_of_four_groups_is_refused() -> None:
    with pytest.raises(InvalidInput, match="three component groups"):
        fits(YAMADA, "a=b=c=d")
