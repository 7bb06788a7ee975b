"""Send instances to another DICOM application by C-STORE (PS3.4 annex B), streaming from the object store."""

import ssl
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from kahua.errors import NotFound
from kahua.store.dimse.association import Association
from kahua.store.dimse.commands import RESPONSE, CommandField, Originator, Status, encode_store_request
from kahua.store.dimse.message import Context
from kahua.store.dimse.pdu import MAX_CONTEXTS, ProposedContext
from kahua.store.dimse.requestor import Destination, associate
from kahua.store.objects import ObjectStore
from kahua.store.tables import InstanceRow

__all__ = ["Destination", "Outgoing", "Sent", "offer", "outgoing", "send"]

#: Message IDs are 16 bits, and 0 is none.
MAX_MESSAGE_ID = 65_535

#: Statuses of a C-STORE that stored the instance all the same (PS3.4 table B.2-1).
_WARNING = 0xB000


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """An instance that is to be sent."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    #: Gives the data set in that transfer syntax, without File Meta Information, piece by piece.
    data: Callable[[], Iterator[bytes]]


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
    )


def send(
    destination: Destination,
    instances: Iterable[Outgoing],
    *,
    calling: str,
    originator: Originator | None = None,
    security: ssl.SSLContext | None = None,
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

    Raises
    ------
    PeerUnavailable
        The peer cannot be reached, rejects an association, or ends one.
    """
    identifiers = (1 + number % MAX_MESSAGE_ID for number in count())
    for contexts, group in _groups(instances):
        with associate(destination, calling=calling, contexts=contexts, security=security) as association:
            for instance in group:
                yield offer(
                    association,
                    association.contexts.values(),
                    instance,
                    message_id=next(identifiers),
                    originator=originator,
                )


def offer(
    association: Association,
    contexts: Iterable[Context],
    instance: Outgoing,
    *,
    message_id: int,
    originator: Originator | None = None,
) -> Sent:
    """Send an instance over an association, in that of the accepted contexts in which it is kept.

    Raises
    ------
    Ended
        The association ended.
    """
    kind = (instance.sop_class_uid, instance.transfer_syntax_uid)
    context = next((each for each in contexts if (each.abstract_syntax, each.transfer_syntax) == kind), None)
    if context is None:
        comment = "The peer does not take this SOP class in this transfer syntax."
        return Sent(instance=instance, status=Status.SOP_CLASS_NOT_SUPPORTED, comment=comment)
    command = encode_store_request(
        message_id,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        originator=originator,
    )
    try:
        data = instance.data()
    except NotFound:
        return Sent(instance=instance, status=Status.PROCESSING_FAILURE, comment="The instance was removed.")
    response = association.ask(context, command, data)
    if (response.field, response.message_id) != (CommandField.C_STORE_RQ | RESPONSE, message_id):
        raise association.refuse()
    return Sent(instance=instance, status=response.status, comment=response.comment)


def _groups(instances: Iterable[Outgoing]) -> Iterator[tuple[Sequence[ProposedContext], Sequence[Outgoing]]]:
    """Part instances into groups whose presentation contexts fit into one association."""
    kinds: dict[tuple[str, str], None] = {}
    group: list[Outgoing] = []
    for instance in instances:
        kind = (instance.sop_class_uid, instance.transfer_syntax_uid)
        if kind not in kinds and len(kinds) == MAX_CONTEXTS:
            yield _contexts(kinds), group
            kinds, group = {}, []
        kinds[kind] = None
        group.append(instance)
    if group:
        yield _contexts(kinds), group


def _contexts(kinds: Iterable[tuple[str, str]]) -> Sequence[ProposedContext]:
    return [
        ProposedContext(id=2 * number + 1, abstract_syntax=sop_class, transfer_syntaxes=(syntax,))
        for number, (sop_class, syntax) in enumerate(kinds)
    ]
