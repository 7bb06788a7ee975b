"""Send instances to another DICOM application by C-STORE (PS3.4 annex B), streaming from the object store.

They go as they are stored. A peer that does not take them so gets them in an uncompressed transfer syntax, if it takes
that and they can be converted; what is compressed with loss is never compressed once more.
"""

import ssl
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from kahua.dicom import read_file_meta
from kahua.dicom.transfer_syntaxes import CONVERTED, PLAIN
from kahua.errors import KahuaError, NotFound, Unavailable, UndecodablePixels
from kahua.store.dimse.association import Association
from kahua.store.dimse.commands import CommandField, Originator, Status, encode_store_request
from kahua.store.dimse.message import Context
from kahua.store.dimse.pdu import MAX_CONTEXTS, ProposedContext
from kahua.store.dimse.requestor import Destination, associate
from kahua.store.objects import ObjectStore
from kahua.store.tables import InstanceRow

__all__ = ["Destination", "Outgoing", "Rewriter", "Sent", "data_set", "not_converted", "offer", "outgoing", "send"]

#: Gives a Part 10 file in another transfer syntax, for the time of a `with` block.
Rewriter = Callable[[Path, str], AbstractContextManager[Path]]

#: Message IDs are 16 bits, and 0 is none.
MAX_MESSAGE_ID = 65_535

#: Statuses of a C-STORE that stored the instance all the same (PS3.4 table B.2-1).
_WARNING = 0xB000

#: Bytes of a converted instance that are read at once.
_PIECE = 1 << 20

#: SOP class and transfer syntaxes of a presentation context.
Kind = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """An instance that is to be sent."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    #: Gives the data set in that transfer syntax, without File Meta Information, piece by piece.
    data: Callable[[], Iterator[bytes]]
    #: Gives the whole instance as a Part 10 file; without one it goes as it is, or not at all.
    file: Callable[[], AbstractContextManager[Path]] | None = None

    @property
    def is_convertible(self) -> bool:
        """Whether it can be given in an uncompressed transfer syntax."""
        return self.file is not None and self.transfer_syntax_uid in CONVERTED


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What the peer answered, or why an instance was not offered to it."""

    instance: Outgoing
    status: int
    comment: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether the peer has it now, with or without a warning."""
        return self.status == Status.SUCCESS or self.is_warning

    @property
    def is_warning(self) -> bool:
        """Whether the peer has it, but changed something."""
        return self.status & 0xF000 == _WARNING


def outgoing(objects: ObjectStore, row: InstanceRow) -> Outgoing:
    """Make ready for sending what the archive holds, as it was stored."""
    key, offset = row.object_key, row.data_offset
    return Outgoing(
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=row.sop_instance_uid,
        transfer_syntax_uid=row.transfer_syntax_uid,
        data=lambda: objects.stream(key, start=offset),
        file=lambda: objects.local_file(key),
    )


def send(
    destination: Destination,
    instances: Iterable[Outgoing],
    *,
    calling: str,
    originator: Originator | None = None,
    security: ssl.SSLContext | None = None,
    rewriter: Rewriter | None = None,
) -> Generator[Sent]:
    """Send instances one after another, in as many associations as their kinds need.

    Every instance gets exactly one answer, in the order of `instances`, unless an error ends the iteration:
    what was not answered until then may or may not be there.

    Parameters
    ----------
    calling
        AE title of this side.
    originator
        The C-MOVE that asked for it.
    security
        How TLS is spoken, if the destination wants it.
    rewriter
        Converts what the peer does not take as it is stored; without one, that is not sent.

    Raises
    ------
    PeerUnavailable
        The peer cannot be reached, rejects an association, or ends one.
    """
    identifiers = (1 + number % MAX_MESSAGE_ID for number in count())
    for contexts, group in _groups(instances, convert=rewriter is not None):
        with associate(destination, calling=calling, contexts=contexts, security=security) as association:
            for instance in group:
                yield offer(
                    association,
                    association.contexts.values(),
                    instance,
                    message_id=next(identifiers),
                    originator=originator,
                    rewriter=rewriter,
                )


def offer(
    association: Association,
    contexts: Iterable[Context],
    instance: Outgoing,
    *,
    message_id: int,
    originator: Originator | None = None,
    rewriter: Rewriter | None = None,
) -> Sent:
    """Send an instance over an association, in that of the accepted contexts in which it is kept, or converted.

    Raises
    ------
    Ended
        The association ended.
    """
    context = _context_for(instance, contexts, convert=rewriter is not None)
    if context is None:
        comment = "The peer does not take this SOP class in this transfer syntax."
        return Sent(instance=instance, status=Status.SOP_CLASS_NOT_SUPPORTED, comment=comment)
    command = encode_store_request(
        message_id,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        originator=originator,
    )
    with ExitStack() as stack:
        try:
            data = stack.enter_context(data_set(instance, context.transfer_syntax, rewriter))
        except KahuaError as error:
            return not_converted(instance, error)
        response = association.ask(context, command, data, field=CommandField.C_STORE_RQ, message_id=message_id)
    return Sent(instance=instance, status=response.status, comment=response.comment)


def _context_for(instance: Outgoing, contexts: Iterable[Context], *, convert: bool) -> Context | None:
    """Choose a context: that of the transfer syntax in which an instance is kept, else of the best one for it."""
    of_its_class = {each.transfer_syntax: each for each in contexts if each.abstract_syntax == instance.sop_class_uid}
    others = PLAIN if convert and instance.is_convertible else ()
    return next((of_its_class[each] for each in (instance.transfer_syntax_uid, *others) if each in of_its_class), None)


def not_converted(instance: Outgoing, error: KahuaError) -> Sent:
    """Say why `data_set` did not give an instance; what is none of the expected reasons is raised."""
    if isinstance(error, NotFound):
        return Sent(instance=instance, status=Status.PROCESSING_FAILURE, comment="The instance was removed.")
    if isinstance(error, UndecodablePixels):
        return Sent(instance=instance, status=Status.SOP_CLASS_NOT_SUPPORTED, comment=error.message)
    if isinstance(error, Unavailable):
        return Sent(instance=instance, status=Status.OUT_OF_RESOURCES, comment=error.message)
    raise error


@contextmanager
def data_set(instance: Outgoing, transfer_syntax: str, rewriter: Rewriter | None) -> Iterator[Iterator[bytes]]:
    """Give the data set of an instance in a transfer syntax, converted if it must be, for the time of a block."""
    if transfer_syntax == instance.transfer_syntax_uid or instance.file is None or rewriter is None:
        yield instance.data()
        return
    with instance.file() as file, rewriter(file, transfer_syntax) as path, path.open("rb") as rewritten:
        rewritten.seek(read_file_meta(rewritten).data_offset)
        yield iter(lambda: rewritten.read(_PIECE), b"")


def _groups(
    instances: Iterable[Outgoing], *, convert: bool
) -> Iterator[tuple[Sequence[ProposedContext], Sequence[Outgoing]]]:
    """Part instances into groups whose presentation contexts fit into one association."""
    kinds: dict[Kind, None] = {}
    group: list[Outgoing] = []
    for instance in instances:
        wanted = dict.fromkeys(_kinds(instance, convert=convert))
        if len(kinds | wanted) > MAX_CONTEXTS:
            yield _contexts(kinds), group
            kinds, group = {}, []
        kinds |= wanted
        group.append(instance)
    if group:
        yield _contexts(kinds), group


def _kinds(instance: Outgoing, *, convert: bool) -> Iterator[Kind]:
    """Give the contexts that an instance needs: as it is stored, and one in which it could go as well."""
    yield instance.sop_class_uid, (instance.transfer_syntax_uid,)
    if convert and instance.is_convertible:
        yield instance.sop_class_uid, tuple(each for each in PLAIN if each != instance.transfer_syntax_uid)


def _contexts(kinds: Iterable[Kind]) -> Sequence[ProposedContext]:
    return [
        ProposedContext(id=2 * number + 1, abstract_syntax=sop_class, transfer_syntaxes=syntaxes)
        for number, (sop_class, syntaxes) in enumerate(kinds)
    ]
