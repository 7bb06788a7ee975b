"""Extended negotiation of queries and retrievals: what is performed of what the peer asks for (PS3.4 C.5)."""

from typing import Final

from kahua.dicom.rules import PLAIN, Rules
from kahua.store.dimse.models import FIND, QUERY_RETRIEVE
from kahua.store.dimse.pdu import ExtendedNegotiation

#: The bytes of a negotiation for C-FIND, in their order, and whether that is performed (PS3.4 table C.5-2).
FIND_BYTES: Final = {
    "relational queries": True,
    "combined matching of date and time": True,
    "fuzzy semantic matching of names": True,
    "timezone query adjustment": False,
    "conversion of enhanced multi-frame images": False,
    "empty value matching": True,
    "multiple value matching": True,
}

#: Those for C-MOVE and C-GET (PS3.4 tables C.5-3 and C.5-4).
RETRIEVE_BYTES: Final = {"relational retrieval": True, "conversion of enhanced multi-frame images": False}


def answer_of(asked: ExtendedNegotiation) -> ExtendedNegotiation | None:
    """Answer as many bytes as are asked for, as far as they are defined; None for other services."""
    if asked.sop_class_uid not in QUERY_RETRIEVE:
        return None
    performed = FIND_BYTES if asked.sop_class_uid in FIND else RETRIEVE_BYTES
    pairs = zip(performed.values(), asked.information, strict=False)
    return ExtendedNegotiation(
        sop_class_uid=asked.sop_class_uid, information=bytes(can and wanted == 1 for can, wanted in pairs)
    )


def rules_of(agreed: ExtendedNegotiation | None) -> Rules:
    """Give how the values of a C-FIND are read, of what was agreed on.

    Several values are always any of them: a peer that has not asked for that can mean nothing else.
    """
    if agreed is None:
        return PLAIN
    _, combined, fuzzy, _, _, empty, _ = agreed.information.ljust(len(FIND_BYTES), b"\0")
    return Rules(combined=bool(combined), fuzzy=bool(fuzzy), empty=bool(empty))
