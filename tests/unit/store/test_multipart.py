"""Multipart bodies are read in any pieces, and refused when they are not well-formed."""

import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kahua.errors import InvalidInput, TooMuch
from kahua.store.dicomweb.multipart import MultipartReader, PartHead, boundary_of, write_multipart

BOUNDARY = "b0undary"


class Collector:
    def __init__(self) -> None:
        self.parts: list[tuple[Mapping[str, str], bytes]] = []

    def open_part(self, headers: Mapping[str, str]) -> io.BytesIO:
        collector = self

        class Part(io.BytesIO):
            def close(self) -> None:
                if not self.closed:
                    collector.parts.append((headers, self.getvalue()))
                super().close()

        return Part()


def body_of(contents: list[bytes]) -> bytes:
    parts = ((PartHead(boundary=BOUNDARY, media_type="application/dicom"), iter([content])) for content in contents)
    return b"".join(write_multipart(BOUNDARY, parts))


def read(body: bytes, piece: int = 1 << 20, max_parts: int = 100) -> list[bytes]:
    collector = Collector()
    reader = MultipartReader(BOUNDARY, collector.open_part, max_parts)
    for start in range(0, len(body), piece):
        reader.feed(body[start : start + piece])
    reader.finish()
    return [content for _, content in collector.parts]


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50))
def test_any_contents_come_back_in_any_pieces(contents: list[bytes], piece: int) -> None:
    assert read(body_of(contents), piece) == contents


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_content_that_looks_like_a_boundary_is_content(piece: int) -> None:
    contents = [b"--b0undary\r\n", b"\r\n--b0undar", b"", b"\r\n", b"\r\n\r\n--b0undar\r\n--"]
    assert read(body_of(contents), piece) == contents


def test_a_preamble_and_an_epilogue_mean_nothing() -> None:
    assert read(b"hello\r\n" + body_of([b"1"]) + b"bye") == [b"1"]


def test_headers_are_told_by_lower_case_names() -> None:
    collector = Collector()
    MultipartReader(BOUNDARY, collector.open_part, 1).feed(body_of([b"x"]))
    assert collector.parts == [({"content-type": "application/dicom"}, b"x")]


@pytest.mark.parametrize("cut", [5, 30, 60, -3])
def test_a_body_that_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(InvalidInput, match="cut off"):
        read(body_of([b"content"])[:cut])


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(TooMuch):
        read(body_of([b""] * 11), max_parts=10)


def test_an_endless_header_is_refused() -> None:
    with pytest.raises(TooMuch):
        read(b"--b0undary\r\nX: " + b"x" * 20_000)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "multipart/related",
        'multipart/related; boundary="a\nb"',
        f"multipart/related; boundary={'a' * 201}",
    ],
)
def test_a_type_without_a_valid_boundary_is_refused(content_type: str) -> None:
    with pytest.raises((InvalidInput, ValueError)):
        boundary_of(content_type)


def test_the_boundary_may_be_a_little_too_long() -> None:
    """Orthanc's is two UUIDs, where RFC 2046 allows 70 characters."""
    two = f"{'a' * 36}-{'b' * 36}"
    assert boundary_of(f"multipart/related; type=application/dicom; boundary={two}") == two


def test_the_boundary_may_be_quoted() -> None:
    assert boundary_of('multipart/related; type="application/dicom"; boundary="a b"') == "a b"
