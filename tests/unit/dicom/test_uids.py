import pytest

from kahua.dicom import IMPLEMENTATION_CLASS_UID, fold, is_valid_uid, new_uid, uid_from


def test_new_uids_are_valid_and_never_the_same() -> None:
    uids = {new_uid() for _ in range(1000)}
    assert len(uids) == 1000
    assert all(is_valid_uid(uid) for uid in [*uids, IMPLEMENTATION_CLASS_UID])


def test_a_uid_depends_on_its_parts_and_on_where_they_end() -> None:
    assert uid_from("ab", "c") == uid_from(b"ab", "c") != uid_from("a", "bc")
    assert is_valid_uid(uid_from("ab", "c"))


@pytest.mark.parametrize("uid", ["", "1", "1.", ".1", "1.02", "1.2 ", "1.a", "../x", "1." * 32 + "1", "1.2\n"])
def test_what_is_no_uid_is_not_valid(uid: str) -> None:
    assert not is_valid_uid(uid)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Röntgen^Ärztin", "rontgen^arztin"),
        ("  Two   words ", "two words"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
    ],
)
def test_folded_text_has_no_case_and_no_accents(text: str, folded: str) -> None:
    assert fold(text) == folded
