"""Long answers are sent in pieces, to their end."""

from hypothesis import given
from hypothesis import strategies as st

from kahua.api.streams import LARGE_BYTES, PIECE_BYTES, joined

LENGTHS = st.sampled_from([0, 1, LARGE_BYTES - 1, LARGE_BYTES, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])


@given(st.lists(LENGTHS, max_size=8))
def test_pieces_are_joined_in_order_and_none_is_empty_before_the_end(lengths: list[int]) -> None:
    pieces = [bytes([number]) * length for number, length in enumerate(lengths)]
    found = list(joined(iter(pieces)))
    assert b"".join(found) == b"".join(pieces)
    assert all(found)
