"""Data sets as XML: the Native DICOM Model (PS3.19 A.1), made of the DICOM JSON model (PS3.18 F).

Loads the dictionary of pydicom for the keywords; what answers in JSON does without this module.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from pydicom.datadict import keyword_for_tag

NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"

#: Components of a person's name, in the order in which carets part them (PS3.5 6.2.1.1).
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")

#: What no XML 1.0 document may hold, however it is written.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)

Json = Mapping[str, Any]


def native_xml(document: Json) -> bytes:
    """Return a DICOM JSON object as an XML document in UTF-8.

    Characters that XML cannot hold become U+FFFD. The block of a private tag is written as 00, and its
    creator beside it, as PS3.19 A.1.6 has it.

    >>> print(native_xml({"00100020": {"vr": "LO", "Value": ["A & B"]}}).decode().split("preserve")[1])
    "><DicomAttribute tag="00100020" vr="LO" keyword="PatientID"><Value number="1">A &amp; B</Value></DicomAttribute></NativeDicomModel>
    """  # noqa: E501
    head = f'<?xml version="1.0" encoding="UTF-8"?><NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
    return "".join([head, *_attributes(document), "</NativeDicomModel>"]).encode()


def _attributes(document: Json) -> Iterator[str]:
    for tag in sorted(document):
        element = document[tag]
        yield f"<DicomAttribute {_names(tag, str(element['vr']), document)}>"
        yield from _content(element)
        yield "</DicomAttribute>"


def _names(tag: str, vr: str, document: Json) -> str:
    """Give the XML attributes by which an element is known."""
    if int(tag[:4], 16) % 2 and tag[4:6] != "00":
        creator = document.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value") or [""]
        return f'tag="{tag[:4]}00{tag[6:]}" vr="{vr}" privateCreator="{_escaped(str(creator[0] or ""))}"'
    keyword = _keyword(tag)
    return f'tag="{tag}" vr="{vr}" keyword="{keyword}"' if keyword else f'tag="{tag}" vr="{vr}"'


def _content(element: Json) -> Iterator[str]:
    if "BulkDataURI" in element:
        yield f'<BulkData uri="{_escaped(element["BulkDataURI"])}"/>'
    elif "InlineBinary" in element:
        yield f"<InlineBinary>{_escaped(element['InlineBinary'])}</InlineBinary>"
    for number, value in enumerate(element.get("Value", ()), start=1):
        yield from _value(element["vr"], number, value)


def _value(vr: str, number: int, value: Any) -> Iterator[str]:
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value or {})
        yield "</Item>"
    elif value is None:
        return  # the number of the next one tells that it is empty
    elif vr == "PN":
        yield f'<PersonName number="{number}">'
        yield from (_group(group, str(value[group])) for group in _GROUPS if value.get(group))
        yield "</PersonName>"
    else:
        yield f'<Value number="{number}">{_escaped(str(value))}</Value>'


def _group(group: str, text: str) -> str:
    parts = zip(_COMPONENTS, text.split("^", len(_COMPONENTS) - 1), strict=False)
    inner = "".join(f"<{name}>{_escaped(part)}</{name}>" for name, part in parts if part)
    return f"<{group}>{inner}</{group}>"


def _escaped(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text).translate(_ESCAPES)


@lru_cache(maxsize=20_000)
def _keyword(tag: str) -> str:
    keyword: str = keyword_for_tag(int(tag, 16))
    return keyword
