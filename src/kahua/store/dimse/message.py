"""Messages out of the fragments in which they come (PS3.8 annex E, PS3.7 section 6.3)."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from kahua.dicom import write_file_meta
from kahua.store.dimse.commands import MAX_COMMAND_BYTES, Command, MalformedCommand, Response, decode_command
from kahua.store.dimse.link import Link, LinkSilent
from kahua.store.dimse.pdu import COMMAND, LAST, PDV_HEADER

#: A message may take this long, and longer only by a second for every so many bytes that came.
MESSAGE_SECONDS = 60.0
MESSAGE_BYTES_PER_SECOND = 4096

#: An object over the limit is read to its end, so that its sender gets an answer; but at most to this multiple.
MAX_WASTE = 2


class ProtocolError(Exception):
    """The peer sent what no peer may send."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """An accepted presentation context."""

    id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """A whole message; its data set, if it has one, is in the inbox."""

    command: Command | Response
    context: Context


class Sink(Protocol):
    """Takes the fragments of one data set after the other."""

    #: Bytes of the data set so far.
    received: int

    def begin(self, prefix: bytes) -> None:
        """Begin a data set; `prefix` is what stands before it in a file."""

    def room(self, size: int) -> memoryview:
        """Give the place for the next fragment."""


class MessageReader:
    """Puts the messages of one association together."""

    def __init__(self, link: Link, inbox: Sink, contexts: Mapping[int, Context], *, max_object_bytes: int) -> None:
        self._link = link
        self._inbox = inbox
        self._contexts = contexts
        self._max_bytes = MAX_WASTE * max_object_bytes
        self._command = bytearray()
        self._context: Context | None = None
        #: The command whose data set is coming in.
        self._request: Command | Response | None = None
        self._began = 0.0
        #: Holds one PDU; as long as the longest so far.
        self._pdu = memoryview(b"")

    @property
    def busy(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context is not None

    def read_pdu(self, length: int, *, deadline: float) -> Message | None:
        """Read the fragments in a P-DATA-TF; return the message that ends with it, if one does.

        Raises
        ------
        ProtocolError
            The fragments make no message.
        LinkClosed, LinkSilent
            The peer is gone, or too slow.
        """
        if length > len(self._pdu):
            self._pdu = memoryview(bytearray(length))
        rest = self._pdu[:length]
        self._link.fill(rest, deadline=deadline)
        message = None
        while rest:
            if message is not None:
                raise ProtocolError("The peer goes on before it has its answer.")
            if len(rest) < PDV_HEADER.size:
                raise ProtocolError("A fragment is cut off.")
            size, context_id, flags = PDV_HEADER.unpack_from(rest)
            end = PDV_HEADER.size - 2 + size  # the length counts context id and flags
            if not PDV_HEADER.size <= end <= len(rest):
                raise ProtocolError(f"A fragment of {size} bytes, where {len(rest)} are left in the PDU.")
            message = self._take_fragment(rest[PDV_HEADER.size : end], context_id, flags)
            rest = rest[end:]
        return message

    def _take_fragment(self, fragment: memoryview, context_id: int, flags: int) -> Message | None:
        is_command, is_last = bool(flags & COMMAND), bool(flags & LAST)
        if not fragment and not is_last:
            raise ProtocolError("An empty fragment in the middle of a message.")
        context = self._contexts.get(context_id)
        if context is None or (self.busy and context != self._context):
            raise ProtocolError("A fragment of another presentation context.")
        self._check_pace(context)
        if is_command is (self._request is not None):
            raise ProtocolError("A command in a data set, or a data set without command.")
        if is_command:
            return self._take_command(fragment, context, is_last=is_last)
        if self._inbox.received > self._max_bytes:
            raise ProtocolError("A data set without end.")
        self._inbox.room(len(fragment))[:] = fragment
        return self._end(context) if is_last else None

    def _take_command(self, fragment: memoryview, context: Context, *, is_last: bool) -> Message | None:
        if len(self._command) + len(fragment) > MAX_COMMAND_BYTES:
            raise ProtocolError("A command without end.")
        self._command += fragment
        return self._end_command(context) if is_last else None

    def _end_command(self, context: Context) -> Message | None:
        """A command is complete: its data set follows, or it is the whole message."""
        try:
            request = decode_command(self._command)
        except MalformedCommand as error:
            raise ProtocolError(str(error)) from error
        self._command.clear()
        self._request = request
        if not request.has_data_set:
            return self._end(context)
        self._inbox.begin(_file_meta(request, context) if isinstance(request, Command) else b"")
        return None

    def _end(self, context: Context) -> Message:
        request, self._request, self._context = self._request, None, None
        if request is None:
            raise ProtocolError("A message without command.")
        return Message(command=request, context=context)

    def _check_pace(self, context: Context) -> None:
        """Give up a message that comes so slowly that it only takes the place of another."""
        if not self.busy:
            self._context, self._began = context, time.monotonic()
        elif time.monotonic() - self._began > MESSAGE_SECONDS + self._inbox.received / MESSAGE_BYTES_PER_SECOND:
            raise LinkSilent


def _file_meta(request: Command, context: Context) -> bytes:
    return write_file_meta(
        sop_class_uid=request.sop_class_uid,
        sop_instance_uid=request.sop_instance_uid,
        transfer_syntax_uid=context.transfer_syntax,
    )
