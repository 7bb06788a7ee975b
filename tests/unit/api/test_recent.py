"""Answers that are kept for a while."""

from kahua.api.recent import RecentAnswers


def test_an_answer_is_made_once() -> None:
    recent, made = RecentAnswers(), []
    for _ in range(3):
        assert recent.get("key", lambda: made.append(1) or b"answer") == b"answer"
    assert made == [1]


def test_answers_of_other_keys_are_others() -> None:
    recent = RecentAnswers()
    assert recent.get(("a", "b"), lambda: b"one") == b"one"
    assert recent.get(("a", "c"), lambda: b"two") == b"two"


def test_the_answer_that_nobody_asked_for_longest_goes_first() -> None:
    recent = RecentAnswers(max_bytes=30)
    for key in ("first", "second", "third"):
        recent.get(key, lambda: b"7 bytes")
    recent.get("first", lambda: b"is kept")
    for key in ("fourth", "fifth"):
        recent.get(key, lambda: b"7 bytes")
    assert recent.get("first", lambda: b"anew") == b"7 bytes"
    assert recent.get("second", lambda: b"anew") == b"anew"


def test_an_answer_that_is_too_large_is_not_kept() -> None:
    recent = RecentAnswers(max_bytes=30)
    recent.get("key", lambda: b"is larger than a quarter")
    assert recent.get("key", lambda: b"anew") == b"anew"
