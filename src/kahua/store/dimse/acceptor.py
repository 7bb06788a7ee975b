"""An association that a peer has requested, from the request that has arrived to the closed connection."""

from collections.abc import Callable

from kahua.dicom import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from kahua.store.dimse import pdu
from kahua.store.dimse.association import Association, Ended, Terms
from kahua.store.dimse.commands import Command
from kahua.store.dimse.inbox import Inbox
from kahua.store.dimse.link import Link
from kahua.store.dimse.message import Context
from kahua.store.dimse.negotiation import agree, rejection_of
from kahua.store.dimse.pdu import AbortReason, AssociateRequest, ContextResult, Rejection
from kahua.store.dimse.routes import Route
from kahua.store.dimse.services import Services
from kahua.store.dimse.states import Event, Machine

#: Decides on a request: who serves it, or why it is rejected.
Decide = Callable[[AssociateRequest], Services | Rejection]


class AcceptedAssociation(Association):
    """Serves one peer: passes whole requests to the services, which answer."""

    def __init__(self, link: Link, machine: Machine, *, terms: Terms, inbox: Inbox) -> None:
        super().__init__(link, machine, terms=terms, sink=inbox)
        self._inbox = inbox

    def run(self, request: memoryview, decide: Decide) -> None:
        """Answer the association request, then serve the peer until the connection is closed."""
        try:
            self._serve(self._negotiate(request, decide))
        except Ended as end:
            self.conclude(end.event)
        finally:
            self._inbox.discard()
            self.close()

    def _serve(self, services: Services) -> None:
        while True:
            message = self.receive()
            self._cancelled.clear()
            if isinstance(message.command, Command):
                services.answer(message.command, message.context, self._inbox, self)
            elif not services.take(message.command):
                raise self.refuse()
            self._inbox.discard()

    def _negotiate(self, body: memoryview, decide: Decide) -> Services:
        try:
            request = pdu.decode_associate_request(body)
        except pdu.MalformedPdu:
            self._reason = AbortReason.INVALID_PARAMETER
            raise Ended(Event.GOT_INVALID) from None
        decision = rejection_of(request) or decide(request)
        if isinstance(decision, Rejection):
            self._outgoing = pdu.encode_reject(decision)
            raise Ended(Event.REJECT)
        self._accept(request, body, decision.route)
        return decision

    def _accept(self, request: AssociateRequest, body: memoryview, route: Route) -> None:
        agreement = agree(request, may_store=route.may_store, may_query=route.may_query)
        for context, answer in zip(request.contexts, agreement.contexts, strict=True):
            if answer.result is ContextResult.ACCEPTED:
                self.contexts[context.id] = Context(
                    id=context.id, abstract_syntax=context.abstract_syntax, transfer_syntax=answer.transfer_syntax
                )
        self.roles = {role.sop_class_uid: role for role in agreement.roles}
        self.extended = {each.sop_class_uid: each for each in agreement.extended}
        self._agree_on_length(request.max_pdu_bytes)
        self._machine.on(Event.ACCEPT)
        accept = pdu.encode_associate_accept(
            body,
            agreement.contexts,
            max_pdu_bytes=self._terms.max_pdu_bytes,
            implementation_class_uid=IMPLEMENTATION_CLASS_UID,
            implementation_version=IMPLEMENTATION_VERSION_NAME,
            roles=agreement.roles,
            extended=agreement.extended,
        )
        with self._ending():
            self._link.send(accept)
