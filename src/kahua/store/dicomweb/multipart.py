"""multipart/related bodies: read while they arrive, written in one piece a part (RFC 2387, PS3.18 section 8.6.1.2)."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum
from typing import Protocol

from kahua.errors import InvalidInput, TooMuch

#: Largest header of one part, in bytes.
MAX_PART_HEADER = 16_384

#: A boundary has at most 70 characters (RFC 2046); Orthanc's two UUIDs have 73.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,199}[0-9A-Za-z'()+_,./:=?-]")


def boundary_of(content_type: str) -> str:
    """Read the boundary out of the header Content-Type.

    Raises
    ------
    InvalidInput
        It is no multipart type, or has no valid boundary.
    """
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if message.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        raise InvalidInput("The body must be multipart/related, with a boundary.", field="Content-Type")
    if not _BOUNDARY.fullmatch(boundary):
        raise InvalidInput("The boundary of the multipart body is not valid.", field="Content-Type")
    return boundary


class Sink(Protocol):
    """Takes the bytes of one part."""

    def write(self, data: bytes | memoryview, /) -> object:
        """Take some bytes; they will not change."""

    def close(self) -> None:
        """Take note that the part is complete."""


class _State(Enum):
    PREAMBLE = "preamble"
    HEADER = "header"
    BODY = "body"
    END = "end"


@dataclass
class MultipartReader:
    """Reads a body piece by piece and writes each part into a sink of its own.

    Holds no more than the header of a part, or the bytes that may be the beginning of a boundary.
    """

    boundary: str
    #: Makes the sink of a part from its headers (names in lower case).
    open_part: Callable[[Mapping[str, str]], Sink]
    #: Most parts of one body.
    max_parts: int
    parts: int = 0
    _state: _State = _State.PREAMBLE
    #: What came last; the bytes before `_start` are done with.
    _buffer: bytes = b"\r\n"  # the first delimiter stands at the very beginning, without a line break before it
    _start: int = 0
    _sink: Sink | None = None

    def __post_init__(self) -> None:
        self._delimiter = b"\r\n--" + self.boundary.encode()

    def feed(self, *pieces: bytes) -> None:
        """Take the next pieces of the body.

        Raises
        ------
        InvalidInput
            The body is not well-formed.
        TooMuch
            A part's header is too large, or there are too many parts.
        """
        self._buffer = b"".join((self._buffer[self._start :], *pieces))
        self._start = 0
        while self._step():
            pass

    def finish(self) -> None:
        """Take note that the body ended.

        Raises
        ------
        InvalidInput
            It ended before its last delimiter.
        """
        if self._state is not _State.END:
            raise InvalidInput("The multipart body ends before its last boundary: it was cut off.")

    def _step(self) -> bool:
        """Do the next thing that the bytes allow; say whether there may be more to do."""
        match self._state:
            case _State.PREAMBLE:
                return self._skip_preamble()
            case _State.HEADER:
                return self._read_header()
            case _State.BODY:
                return self._read_body()
            case _State.END:
                self._start = len(self._buffer)  # an epilogue means nothing
                return False

    def _skip_preamble(self) -> bool:
        found = self._buffer.find(self._delimiter, self._start)
        if found < 0:
            self._start = max(self._start, len(self._buffer) - len(self._delimiter) + 1)
            return False
        self._start = found
        return self._pass_delimiter()

    def _read_body(self) -> bool:
        found = self._buffer.find(self._delimiter, self._start)
        if found < 0:
            self._emit(len(self._buffer) - len(self._delimiter) + 1)
            return False
        self._emit(found)
        if len(self._buffer) < found + len(self._delimiter) + 2:
            return False
        if self._sink:
            self._sink.close()
            self._sink = None
        return self._pass_delimiter()

    def _pass_delimiter(self) -> bool:
        end = self._start + len(self._delimiter)
        if len(self._buffer) < end + 2:
            return False
        if self._buffer[end : end + 2] == b"--":
            self._state = _State.END
            return True
        line_end = self._buffer.find(b"\r\n", end)
        if line_end < 0:
            self._check_header_size(len(self._buffer) - end)
            return False
        if self._buffer[end:line_end].strip(b" \t"):
            raise InvalidInput("The multipart body has text behind a boundary.")
        self._start = line_end  # the line break stays: an empty header ends at once
        self._state = _State.HEADER
        return True

    def _read_header(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", self._start)
        self._check_header_size((end if end >= 0 else len(self._buffer)) - self._start)
        if end < 0:
            return False
        headers = _headers(self._buffer[self._start + 2 : end])
        self._start = end + 4
        self.parts += 1
        if self.parts > self.max_parts:
            raise TooMuch(f"The multipart body has more than {self.max_parts} parts.")
        self._sink = self.open_part(headers)
        self._state = _State.BODY
        return True

    def _emit(self, end: int) -> None:
        """Write the bytes of the buffer before `end`."""
        if end > self._start and self._sink is not None:
            self._sink.write(memoryview(self._buffer)[self._start : end])
            self._start = end

    def _check_header_size(self, size: int) -> None:
        if size > MAX_PART_HEADER:
            raise TooMuch(f"The header of part {self.parts + 1} is larger than {MAX_PART_HEADER} bytes.")


def _headers(block: bytes) -> dict[str, str]:
    headers = {}
    for line in block.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if line and not colon:
            raise InvalidInput("A part of the multipart body has a header line without a colon.")
        headers[name.strip().lower()] = value.strip()
    return headers


@dataclass(frozen=True, kw_only=True)
class PartHead:
    """The bytes that stand before a part's content."""

    boundary: str
    media_type: str
    #: Further headers, by name.
    headers: Mapping[str, str] = field(default_factory=dict)

    def __bytes__(self) -> bytes:
        lines = [f"--{self.boundary}", f"Content-Type: {self.media_type}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def new_boundary() -> str:
    """Give a boundary that no content holds by chance."""
    return f"kahua-{secrets.token_hex(16)}"


def multipart_length(boundary: str, heads: Sequence[PartHead], sizes: Sequence[int]) -> int:
    """Count the bytes of a multipart body whose parts have these heads and sizes."""
    return sum(len(bytes(head)) + size + 2 for head, size in zip(heads, sizes, strict=True)) + len(boundary) + 6


def part_ends(head: PartHead) -> tuple[bytes, bytes]:
    """Give what stands before and after the content of the only part of a body."""
    return bytes(head), f"\r\n--{head.boundary}--\r\n".encode()


def write_multipart(boundary: str, parts: Iterator[tuple[PartHead, Iterator[bytes]]]) -> Iterator[bytes]:
    """Give the pieces of a multipart body: each part's head, its content as it comes, and the end."""
    for head, content in parts:
        yield bytes(head)
        yield from content
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()
