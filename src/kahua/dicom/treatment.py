"""Every element of a data set treated, at every depth."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import UID_dictionary

from kahua.dicom.confidentiality import Action, action_on, requires_value
from kahua.dicom.dates import moved
from kahua.dicom.descriptors import cleaned
from kahua.dicom.elements import VALUE_ERRORS, peek, tags_of, vr_of
from kahua.dicom.identity import LEAST_LETTERS, Identity
from kahua.dicom.profile import Profile
from kahua.dicom.pseudonyms import Pseudonyms

#: What stands where a value is required and nothing may be said.
DUMMIES: Final[dict[str, Any]] = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), "REMOVED"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), 0),
    **dict.fromkeys(("OB", "OW", "UN"), b"\0\0"),
    "AS": "000Y",
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "TM": "000000",
    "UR": "urn:removed",
}

#: Under these stand all private attributes, and all that no dictionary knows, in a report.
PRIVATE, UNKNOWN = "private", "unknown"

#: What was done with an attribute in which a name or number of the patient was found.
FOUND: Final = "found"

#: Values that anybody may have typed into.
_TYPED: Final = frozenset({"CS", "LO", "LT", "SH", "ST", "UC", "UT"})

#: Value representations of bytes that say nothing of what is in them.
_BYTES: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})

#: Value representations that are no text, and could hide one.
_BINARY: Final = _BYTES | {"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"}

#: Most bytes of a value that is no text, but is searched for names all the same.
_SHORT: Final = 4096

#: What a number consists of when it is written as text.
_NUMBER: Final = re.compile(r"[-+0-9.eE \\\0]*")

_CODE: Final = tags_of("CodeValue CodingSchemeDesignator CodingSchemeVersion CodeMeaning LongCodeValue")

#: Schemes whose meanings are published: a patient called Head is no reason to forget what a code means.
_PUBLISHED_SCHEMES: Final = frozenset({"DCM", "FMA", "LN", "NCIt", "RADLEX", "SCT", "SNM3", "SRT", "UCUM", "UMLS"})

#: Oldest patient whose age is told; older ones are few.
_OLDEST: Final = 89

#: Terms without which nothing else can be read.
_FIXED: Final = tags_of("SpecificCharacterSet ValueType CodingSchemeDesignator Modality")

#: Words of a name that are looked for among terms, such as an image's type, have so many letters.
LEAST_LETTERS_OF_TERM: Final = 6

_AGE: Final = 0x00101010


class Treatment:
    """Treats one object of a patient."""

    def __init__(self, *, pseudonyms: Pseudonyms, subject: str, profile: Profile, identity: Identity) -> None:
        self.patient = pseudonyms.patient(subject)
        self.counts: Counter[tuple[str, str]] = Counter()
        self._pseudonyms, self._profile, self._identity = pseudonyms, profile, identity
        self._days = pseudonyms.days(subject)
        self._do: dict[Action, Callable[[Dataset, BaseTag, str], None]] = {
            Action.REMOVE: self._remove,
            Action.EMPTY: self._empty,
            Action.DUMMY: self._dummy,
            Action.PSEUDONYM: self._pseudonym,
            Action.UID: self._replace_uids,
            Action.SHIFT: self._shift,
            Action.CLEAN: self._clean,
            Action.DESCEND: self._descend,
        }

    def apply(self, dataset: Dataset) -> None:
        """Treat the elements of a data set and of all items in it."""
        for tag in list(dataset.keys()):
            vr = vr_of(dataset, tag)
            action = action_on(int(tag), vr, self._profile)
            if action == Action.KEEP:
                self._keep(dataset, tag, vr)
                continue
            if action != Action.DESCEND and tag.element:  # the length of a group is no attribute
                self.counts[_name(tag), action] += 1
            try:
                self._do[action](dataset, tag, vr)
            except VALUE_ERRORS:  # damaged: nobody knows what it says
                self._remove(dataset, tag, vr)

    def _keep(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:
        """Leave an element, unless it holds a name or number of the patient, or something else than it should."""
        if tag == _AGE:
            self._cap_age(dataset, tag)
        if _is_disguised(dataset, tag, vr) or (vr in _BINARY and self._identity.is_in(_written(dataset, tag))):
            self.counts[_name(tag), Action.REMOVE] += 1
            self._remove(dataset, tag, vr)
        elif vr in _TYPED and tag not in _FIXED and not _is_published(dataset, tag) and self._is_told(dataset, tag, vr):
            self.counts[_name(tag), FOUND] += 1
            self._set(dataset, tag, vr, DUMMIES[vr])

    def _is_told(self, dataset: Dataset, tag: BaseTag, vr: str) -> bool:
        least = LEAST_LETTERS_OF_TERM if vr == "CS" else LEAST_LETTERS
        return any(self._identity.is_in(text, least=least) for text in peek(dataset, tag))

    def _remove(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:  # noqa: ARG002 - one signature for all
        del dataset[tag]

    def _empty(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:
        self._set(dataset, tag, vr, [] if vr == "SQ" else None)

    def _dummy(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:
        self._set(dataset, tag, vr, DUMMIES[vr])

    def _pseudonym(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:
        self._set(dataset, tag, vr, self.patient)

    def _replace_uids(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:
        originals = [uid.strip(" \0") for uid in peek(dataset, tag)]
        new = [uid if uid in UID_dictionary else self._pseudonyms.uid(uid) for uid in originals if uid]
        self._set(dataset, tag, vr, new)

    def _shift(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:
        dates = [date for date in (moved(text, self._days) for text in peek(dataset, tag)) if date]
        empty = DUMMIES[vr] if requires_value(int(tag)) else ""
        self._set(dataset, tag, vr, dates or empty)

    def _clean(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:
        text = cleaned(" ".join(peek(dataset, tag)))
        if self._identity.is_in(text):
            text = ""
        self._set(dataset, tag, vr, text or (DUMMIES[vr] if requires_value(int(tag)) else ""))

    def _descend(self, dataset: Dataset, tag: BaseTag, vr: str) -> None:  # noqa: ARG002
        for item in dataset[tag].value:
            self.apply(item)

    def _cap_age(self, dataset: Dataset, tag: BaseTag) -> None:
        for age in peek(dataset, tag):
            if age[-1:] == "Y" and age[:-1].isdecimal() and int(age[:-1]) > _OLDEST:
                self.counts[_name(tag), Action.CLEAN] += 1
                self._set(dataset, tag, "AS", f"{_OLDEST + 1:03}Y")

    def _set(self, dataset: Dataset, tag: BaseTag, vr: str, value: Any) -> None:
        dataset.add_new(tag, vr, value)


def _name(tag: BaseTag) -> str:
    """Name an attribute in a report: by tag and keyword, nothing that the object could have chosen."""
    if tag.is_private:
        return PRIVATE
    keyword = keyword_for_tag(tag)
    return f"({tag.group:04X},{tag.element:04X}) {keyword}" if keyword else UNKNOWN


def _is_disguised(dataset: Dataset, tag: BaseTag, vr: str) -> bool:
    """Say whether bytes stand where text or numbers should, or letters where a number should: nobody checks those."""
    if vr in _BYTES:
        return not any(kind in _BYTES for kind in str(dictionary_VR(tag)).split(" or "))
    return vr in ("DS", "IS") and not _NUMBER.fullmatch(_written(dataset, tag))


def _written(dataset: Dataset, tag: BaseTag) -> str:
    """Give the bytes of a short value as text, whatever they are; empty if it is long, or no longer as it came."""
    element = dataset.get_item(tag)
    value = element.value if isinstance(element, RawDataElement) else None
    return value.decode("latin_1") if isinstance(value, bytes) and len(value) <= _SHORT else ""


def _is_published(item: Dataset, tag: BaseTag) -> bool:
    """Say whether this belongs to a code of a published scheme."""
    return tag in _CODE and str(item.get("CodingSchemeDesignator", "")).strip() in _PUBLISHED_SCHEMES
