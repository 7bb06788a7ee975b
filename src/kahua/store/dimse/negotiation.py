"""What the receiver agrees to: which objects in which transfer syntaxes, and with whom."""

from collections.abc import Sequence

from kahua.store.dimse.pdu import (
    APPLICATION_CONTEXT,
    AssociateRequest,
    ContextAnswer,
    ContextResult,
    ProposedContext,
    Rejection,
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

_IMPLICIT = "1.2.840.10008.1.2"


def rejection_of(request: AssociateRequest) -> Rejection | None:
    """Say whether a request is not for us, whoever sends it."""
    if not request.protocol_version & 1:
        return Rejection.PROTOCOL_VERSION_NOT_SUPPORTED
    if request.application_context != APPLICATION_CONTEXT:
        return Rejection.APPLICATION_CONTEXT_NOT_SUPPORTED
    return None


def answer_contexts(contexts: Sequence[ProposedContext]) -> list[ContextAnswer]:
    """Answer each proposed presentation context.

    The first transfer syntax that a context proposes is taken, since objects are kept as they are
    sent, in whatever compression.
    """
    return [_answer(context) for context in contexts]


def is_storage(abstract_syntax: str) -> bool:
    """Tell whether objects of this SOP class can be stored: all that DICOM defines, and private ones."""
    if abstract_syntax.startswith(DICOM_ROOT):
        return abstract_syntax.startswith(STORAGE_ROOT) or abstract_syntax in OTHER_STORAGE
    return bool(abstract_syntax)


def _answer(context: ProposedContext) -> ContextAnswer:
    transfer_syntax = next(iter(context.transfer_syntaxes), "")
    if context.abstract_syntax != VERIFICATION and not is_storage(context.abstract_syntax):
        result = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    elif not transfer_syntax:
        result = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
    else:
        result = ContextResult.ACCEPTED
    return ContextAnswer(id=context.id, result=result, transfer_syntax=transfer_syntax or _IMPLICIT)
