"""What the receiver agrees to: which objects in which transfer syntaxes, and with whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from kahua.dicom.transfer_syntaxes import EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN
from kahua.store.dimse.commitment import PUSH_MODEL
from kahua.store.dimse.extended import answer_of
from kahua.store.dimse.models import GET, QUERY_RETRIEVE
from kahua.store.dimse.pdu import (
    APPLICATION_CONTEXT,
    AssociateRequest,
    ContextAnswer,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    Rejection,
    Role,
)

VERIFICATION = "1.2.840.10008.1.1"

#: Every storage SOP class of the standard is below this; new ones need no new version of Kahua.
STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."

#: Storage SOP classes elsewhere: RT Beams Delivery Instruction, hanging protocol, colour palette, implant templates.
OTHER_STORAGE = frozenset(
    {
        "1.2.840.10008.5.1.4.34.7",
        "1.2.840.10008.5.1.4.34.10",
        "1.2.840.10008.5.1.4.38.1",
        "1.2.840.10008.5.1.4.39.1",
        "1.2.840.10008.5.1.4.43.1",
        "1.2.840.10008.5.1.4.44.1",
        "1.2.840.10008.5.1.4.45.1",
    }
)

#: Root of all UIDs that DICOM itself has given; what is elsewhere is private.
DICOM_ROOT = "1.2.840.10008."

#: SOP classes that are no storage.
SERVICES = QUERY_RETRIEVE | {VERIFICATION, PUSH_MODEL}

#: Transfer syntaxes in which identifiers are read and written.
IDENTIFIER_SYNTAXES = frozenset({EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN})


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What is answered to an association request: each context, and the roles and services that were asked for."""

    contexts: Sequence[ContextAnswer]
    roles: Sequence[Role] = ()
    extended: Sequence[ExtendedNegotiation] = ()


def rejection_of(request: AssociateRequest) -> Rejection | None:
    """Say whether a request is not for us, whoever sends it."""
    if not request.protocol_version & 1:
        return Rejection.PROTOCOL_VERSION_NOT_SUPPORTED
    if request.application_context != APPLICATION_CONTEXT:
        return Rejection.APPLICATION_CONTEXT_NOT_SUPPORTED
    return None


def agree(request: AssociateRequest, *, may_store: bool, may_query: bool) -> Agreement:
    """Answer each proposed presentation context and role.

    The first transfer syntax that a context for storing proposes is taken, since objects are kept as they
    are sent, in whatever compression. A peer that wants to retrieve by C-GET plays the provider of the
    storage SOP classes (PS3.4 C.5.3.1); the answer grants the roles that it may play.
    """
    gets = may_query and any(context.abstract_syntax in GET for context in request.contexts)
    wanted = {role.sop_class_uid: role for role in request.roles if is_storage(role.sop_class_uid)}
    roles = [
        Role(sop_class_uid=uid, user=role.user and may_store, provider=role.provider and gets)
        for uid, role in wanted.items()
    ]
    taken = {role.sop_class_uid for role in roles if role.provider}
    contexts = [
        _answer(context, may_store=may_store or context.abstract_syntax in taken, may_query=may_query)
        for context in request.contexts
    ]
    services = {each.sop_class_uid: each for each in request.extended} if may_query else {}
    extended = [answer for each in services.values() if (answer := answer_of(each)) is not None]
    return Agreement(contexts=contexts, roles=roles, extended=extended)


def is_storage(abstract_syntax: str) -> bool:
    """Tell whether objects of this SOP class can be stored: all that DICOM defines, and private ones."""
    if abstract_syntax.startswith(DICOM_ROOT):
        return abstract_syntax.startswith(STORAGE_ROOT) or abstract_syntax in OTHER_STORAGE
    return bool(abstract_syntax)


def _answer(context: ProposedContext, *, may_store: bool, may_query: bool) -> ContextAnswer:
    uid = context.abstract_syntax
    if uid in QUERY_RETRIEVE or uid == PUSH_MODEL:
        allowed = may_store if uid == PUSH_MODEL else may_query
        syntaxes = [syntax for syntax in context.transfer_syntaxes if syntax in IDENTIFIER_SYNTAXES]
    else:
        syntaxes, allowed = list(context.transfer_syntaxes[:1]), may_store or uid == VERIFICATION
    if uid not in SERVICES and not is_storage(uid):
        result = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    elif not allowed:
        result = ContextResult.USER_REJECTION
    elif not any(syntaxes):
        result = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
    else:
        result = ContextResult.ACCEPTED
    return ContextAnswer(
        id=context.id, result=result, transfer_syntax=next(iter(syntaxes), "") or IMPLICIT_LITTLE_ENDIAN
    )
