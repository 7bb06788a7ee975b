"""Ids are made of chance alone."""

import string

from kahua.database import new_id


def test_an_id_has_twenty_letters_and_digits_each_as_likely_as_the_others() -> None:
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == len(ids)
    assert {len(each) for each in ids} == {20}
    assert set("".join(ids)) == set(string.ascii_lowercase + "234567")
    counts = [sum(each.count(letter) for each in ids) for letter in string.ascii_lowercase + "234567"]
    assert 900 < min(counts) <= max(counts) < 1600  # of 40,000 letters, 1,250 each
