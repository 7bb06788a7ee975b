"""The DICOM Conformance Statement, shortened after PS3.2, made of the tables by which the code decides.

`tools/reference.py` writes it as a page of the documentation, and a test compares the two.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import pynetdicom  # noqa: F401 - it teaches pydicom the names of the newest UIDs
from pydicom.uid import UID

from kahua.api import dicomweb
from kahua.api.dicomweb.reports import WORDS
from kahua.dicom import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from kahua.dicom.charsets import _CODECS
from kahua.dicom.rules import EMPTY, MAX_VALUES
from kahua.dicom.transfer_syntaxes import CONVERTED, DECODED, NATIVE, PLAIN
from kahua.settings import Settings
from kahua.store.dicomweb.attributes import ATTRIBUTES, Level
from kahua.store.dicomweb.beyond import MAX_CANDIDATES
from kahua.store.dicomweb.conditions import MAX_UIDS
from kahua.store.dicomweb.query import MAX_LIMIT, MAX_LIMIT_BEYOND, RULES
from kahua.store.dicomweb.rendering import (
    ANIMATION,
    ANNOTATIONS,
    EMBEDDED,
    FUNCTIONS,
    LACKING,
    MAX_VIEWPORT,
    PICTURES,
)
from kahua.store.dimse.extended import FIND_BYTES, RETRIEVE_BYTES
from kahua.store.dimse.finding import MAX_ANSWERS, MAX_RETURN_SECONDS
from kahua.store.dimse.negotiation import IDENTIFIER_SYNTAXES, OTHER_STORAGE, SERVICES, STORAGE_ROOT

#: What the standard calls a service, by the beginning of its routes' names.
WEB_SERVICES = {"search": "QIDO-RS", "store": "STOW-RS", "delete": "Delete"}


def lines() -> list[str]:
    """Give the statement but for its title."""
    return [
        *_section("Implementation", _implementation()),
        *_section("DIMSE services, as provider", _services()),
        *_section("Negotiation", _negotiation()),
        *_section("Storage", _storage()),
        *_section("DICOMweb services, as origin server", _web_services()),
        *_section("IHE AI Workflow for Imaging", _ai_workflow()),
        *_section("Attributes matched by queries", _attributes()),
        *_section("Matching", _matching()),
        *_section("Pictures", _pictures()),
        *_section("Character sets", _character_sets()),
        *_section("Security", _security()),
        *_section("Tried with", _peers()),
    ]


def _implementation() -> list[str]:
    port = Settings.model_fields["dicom_port"].default
    title = Settings.model_fields["dicom_ae_title"].default
    return [
        (
            f"Implementation Class UID `{IMPLEMENTATION_CLASS_UID}`, Implementation Version Name "
            f"`{IMPLEMENTATION_VERSION_NAME}`. The AE title is `{title}` and the port {port}, "
            "unless settings say otherwise."
        )
    ]


def _services() -> list[str]:
    syntaxes = ", ".join(_names(IDENTIFIER_SYNTAXES))
    rows = [f"| {name} | `{uid}` |" for uid, name in sorted((uid, UID(uid).name) for uid in SERVICES)]
    return ["| SOP class | UID |", "|---|---|", *rows, "", f"Identifiers are read and written in {syntaxes}."]


def _negotiation() -> list[str]:
    per_address = Settings.model_fields["dicom_max_associations_per_address"].default
    return [
        (
            f"PDUs of up to {Settings.model_fields['dicom_max_pdu_bytes'].default} bytes are taken. At most "
            f"{Settings.model_fields['dicom_max_associations'].default} associations are open at once, {per_address} "
            "of an address, and of a peer as many as is said of it; more are rejected for the moment. One operation "
            "is performed at a time: the asynchronous operations window is left out of the answer, which means 1 "
            "(PS3.7 D.3.3.3). SCP/SCU role selection is answered for storage, as C-GET needs it. User "
            "identity is neither needed nor confirmed (PS3.7 "
            "D.3.3.7): who may do what is decided by AE titles, networks and certificates."
        ),
        "",
        (
            "SOP Class Extended Negotiation (PS3.4 C.5) is answered byte for byte as far as it is asked for. For "
            f"C-FIND: {_performed(FIND_BYTES)}. For C-MOVE and C-GET: {_performed(RETRIEVE_BYTES)}."
        ),
    ]


def _performed(services: Mapping[str, bool]) -> str:
    return ", ".join(f"{name} {'performed' if can else 'not performed'}" for name, can in services.items())


def _matching() -> list[str]:
    flags = ", ".join(f"`{name}`" for name in RULES)
    return [
        "- Single values and wildcards are case-sensitive but in names, by C-FIND and QIDO-RS alike (PS3.4 C.2.2.2).",
        (
            "- Names are matched without regard to case and accents, each component group for itself. A value of one "
            "group may be any of the three; a value with `=` names each in its place. Empty components and groups at "
            "the end do not matter. Fuzzy matching goes by the beginnings of words, in all groups."
        ),
        (
            f"- Several values, with a backslash between them, are any of them: up to {MAX_UIDS} UIDs, or {MAX_VALUES} "
            "other values. Each of these may have wildcards or be a range. Between UIDs, QIDO-RS takes commas, too."
        ),
        f"- Where it is agreed, the value `{EMPTY}` matches what has none.",
        (
            "- Ranges of the same form of Study Date and Study Time are one range of moments in QIDO-RS, and in C-FIND "
            "where it is agreed. Timezone Offset From UTC is ignored: the answers say so, by a Warning or the status "
            "FF01. Offsets within values (DT) count where both sides say one."
        ),
        f"- {flags} say in QIDO-RS what is agreed; several values are matched unless that is `false`.",
        "- What is looked for in one sequence must be in one item of it; C-FIND answers the items that match.",
        (
            "- Keys that C-FIND cannot match at its level are ignored, with the status FF01. So are, in answers after "
            f"the first {MAX_LIMIT_BEYOND} and after {MAX_RETURN_SECONDS:.0f} seconds of reading, those that are only "
            f"in the objects. It gives at most {MAX_ANSWERS} answers."
        ),
        (
            "- Made for answers, of what is here: Modalities in Study and the Numbers of Study and Series Related "
            "Series and Instances always, SOP Classes in Study where it is asked for (`includefield`), by C-FIND also "
            "Retrieve AE Title, Instance Availability and the Numbers of Patient Related ones. Of these, Modalities "
            "and SOP Classes in Study are matched."
        ),
        "- Keys whose values are bytes (OB, OW and the like) match nothing: C-FIND ignores them, with the status FF01.",
    ]


def _storage() -> list[str]:
    others = ", ".join(_names(OTHER_STORAGE))
    return [
        (
            f"Every storage SOP class below `{STORAGE_ROOT}`, those of private roots, and {others}; in every transfer "
            "syntax, private ones included. Objects are kept as they were sent."
        ),
        "",
        f"Frames are decoded, besides native ones ({', '.join(_names(NATIVE))}), from: {', '.join(_names(DECODED))}.",
        "",
        (
            "As user of C-STORE, in deliveries, C-MOVE and C-GET, the site proposes each SOP class in the transfer "
            "syntax in which it is stored, and in a further context in "
            f"{' and '.join(UID(uid).name for uid in PLAIN)}. What the peer does not take as it is stored is "
            f"converted to one of these, if its transfer syntax is one of {len(CONVERTED)}: those above but for "
            "private ones. Nothing is compressed with loss. What can go neither way has status 0122H, and is listed "
            "as failed."
        ),
    ]


def _web_services() -> list[str]:
    rows = {f"| {_service(of)} | `{resource}` |" for of, resources in _resources().items() for resource in resources}
    return ["| service | resource |", "|---|---|", *sorted(rows)]


def _resources() -> dict[str, list[str]]:
    """Give method and address of every operation."""
    found: dict[str, list[str]] = defaultdict(list)
    for router in dicomweb.routers:
        for route in router.routes:
            for method in sorted(getattr(route, "methods", None) or {"WEBSOCKET"}):
                operation = str(getattr(route, "operation_id", "workitem channel"))
                found[operation].append(f"{method} {getattr(route, 'path', '')}")
    return found


def _service(operation: str) -> str:
    if "workitem" in operation:
        return "UPS-RS"
    return "Capabilities" if "capabilities" in operation else WEB_SERVICES.get(operation.split("_")[0], "WADO-RS")


#: Transactions of IHE RAD AIW-I that the site answers or begins as Task Manager, and the operation of each.
AI_TRANSACTIONS = {
    "Create UPS Workitem [RAD-80]": "create_workitem",
    "Query UPS Workitems [RAD-81]": "search_workitems",
    "Claim UPS Workitem [RAD-82]": "change_workitem_state",
    "Get UPS Workitem Contents [RAD-83]": "retrieve_workitem",
    "Update UPS Workitem [RAD-84]": "update_workitem",
    "Complete UPS Workitem [RAD-85]": "change_workitem_state",
    "Manage UPS Subscription [RAD-86]": "subscribe_to_workitem",
    "Send UPS Notification [RAD-87], Open Event Channel [RAD-109]": "workitem channel",
    "Request UPS Workitem Cancelation [RAD-88]": "request_workitem_cancellation",
}


def _ai_workflow() -> list[str]:
    resources = _resources()
    rows = [f"| {name} | {', '.join(f'`{each}`' for each in resources[of])} |" for name, of in AI_TRANSACTIONS.items()]
    return [
        (
            "The site is a Task Manager of the RESTful transactions, and performs what its own workflows can do, "
            "grouped with a Task Performer. What it performs it claims by itself, without a transaction. It is no Task "
            "Requester or Task Performer for the Task Manager of another system. UPS by DIMSE, Procedure Update "
            "[RAD-13] and Instance Availability Notification [RAD-49] are not offered. No Connectathon has looked at "
            "it."
        ),
        "",
        "| transaction | resource |",
        "|---|---|",
        *rows,
    ]


def _attributes() -> list[str]:
    rows = [
        f"| {each.keyword} | ({each.tag[:4]},{each.tag[4:]}) | {each.level} | {each.matching} |"
        for level in Level
        for each in ATTRIBUTES
        if each.level is level
    ]
    return [
        "| attribute | tag | level | matching |",
        "|---|---|---|---|",
        *rows,
        "",
        (
            "C-FIND and QIDO-RS match every other attribute of the dictionary too, also within sequences, and answer "
            f"it, by looking into the objects: at most {MAX_CANDIDATES} rows may be left for that. An answer of "
            f"QIDO-RS has at most {MAX_LIMIT} rows, {MAX_LIMIT_BEYOND} with such attributes; a Warning says that "
            "there are more. Answers are `application/dicom+json`, or parts of `application/dicom+xml`."
        ),
    ]


def _pictures() -> list[str]:
    """Describe what can be asked of rendered resources (PS3.18 sections 8.3.5 and 8.7.4)."""
    types = _words((*PICTURES, ANIMATION))
    return [
        (
            f"Rendered resources are {types}, the last one with all frames where no frame is named. Videos are also "
            "sent as `video/mp4` or `video/mpeg`, without being compressed anew, and encapsulated documents as they "
            f"are. Structured reports are sent as {_words(WORDS)}, the last one the data set in the Native DICOM "
            "Model, not as RTF or PDF. Reports, waveforms and encapsulated PDF are also pictures of their first page, "
            "and what is drawn on an image, as contours are, is the preview of its series. Pictures follow the "
            "grayscale pipeline of PS3.4 N.2; an image without a window gets one that fits it. What is impossible is "
            "answered with 400, and the parameter is named."
        ),
        *("", "| query parameter | values |", "|---|---|"),
        f"| `window` | `centre,width,function`, the last one of {_words(FUNCTIONS)} |",
        f"| `viewport` | `width,height,x,y,w,h`, up to {MAX_VIEWPORT} pixels a side; negative `w` and `h` mirror |",
        "| `quality` | `1` to `100` |",
        f"| `annotation` | {_words(ANNOTATIONS)}: the last is ours, and draws overlay planes |",
        f"| `iccprofile` | {_words(('no', *EMBEDDED))}; {_words(LACKING)} are ignored with a Warning |",
    ]


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _character_sets() -> list[str]:
    return [f"Read: {', '.join(sorted(f'`{name}`' for name in _CODECS if name))}. Answers are in `ISO_IR 192`."]


def _security() -> list[str]:
    return [
        (
            "Every request over HTTP needs a session or an API token with the permission of its route in the project "
            "([permissions](permissions.md)). DICOM is taken from networks and peers that are named in the settings; "
            "the [settings](settings.md) say how TLS is set up. A site that listens beyond its machine without that "
            "does not start."
        )
    ]


def _peers() -> list[str]:
    """Give what the integration tests speak with; the versions are those of Debian 12, and of the lock file."""
    rows = [
        ("DCMTK", "3.6.7", "`echoscu`, `storescu`, `dcmsend`, `findscu`, `movescu`, `getscu`, `termscu` (refused)"),
        ("DCMTK", "3.6.7", "`storescp`, `dcmqrscp`, `wlmscpfs`, as peers that are called"),
        ("Orthanc", "1.10.1", "finds, moves, stores and asks for commitment here; is called by DIMSE and DICOMweb"),
        ("pynetdicom", "3", "as library on both sides; `echoscu`, `findscu`, `getscu`"),
        ("dicomweb-client", "0.61", "every service that it has"),
    ]
    return ["| peer | version | what |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]


def _section(title: str, content: list[str]) -> list[str]:
    return [f"## {title}", "", *content, ""]


def _names(uids: Iterable[str]) -> list[str]:
    return sorted(str(UID(uid).name) for uid in uids)
