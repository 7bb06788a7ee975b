"""Read a data set in XML, the Native DICOM Model (PS3.19 A.1), into the DICOM JSON model (PS3.18 F).

A stream of events is read, never a tree; a document type, and with it every entity, is refused.
"""

from typing import Any, Final
from xml.parsers import expat

from kahua.errors import InvalidInput, TooMuch

#: Deepest nesting of XML elements: an attribute of a sequence lies three deeper than the sequence itself.
MAX_DEPTH: Final = 64

#: Components of a person's name, in their order (PS3.5 6.2.1.1).
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

_FLOATS: Final = frozenset({"FL", "FD"})
_INTEGERS: Final = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
#: Numbers that are text in DICOM itself; what is none stays as it is.
_TEXT_NUMBERS: Final = frozenset({"DS", "IS"})

#: Most values of a data set, with the empty ones that numbers leave out.
MAX_VALUES: Final = 100_000

Json = dict[str, Any]


def read_native_xml(body: bytes) -> Json:
    """Return a data set in XML as a DICOM JSON object.

    Raises
    ------
    InvalidInput
        It is no XML, has a document type, or is no data set.
    TooMuch
        It is nested too deeply, or has too many values.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)  # noqa: FBT003 - its own signature
    except (expat.ExpatError, LookupError, ValueError):  # of a character set that is not known, or not read
        raise InvalidInput("The body is no XML.") from None
    if reader.data_set is None:
        raise InvalidInput("The body is no data set of the Native DICOM Model.")
    return reader.data_set


def _refuse_doctype(*_: object) -> None:
    raise InvalidInput("A document type is not read.", remedy="Leave it out.")


class _Reader:
    """The data set while it grows."""

    def __init__(self) -> None:
        self.data_set: Json | None = None
        self._names: list[str] = []
        #: Items and elements that are open, the innermost last.
        self._items: list[Json] = []
        self._elements: list[Json] = []
        self._numbers: list[int] = []
        self._left = MAX_VALUES
        self._words: list[str] = []
        self._person: Json = {}
        self._components: dict[str, str] = {}

    def start(self, qualified: str, attributes: dict[str, str]) -> None:
        name = qualified.rpartition(" ")[2]
        self._names.append(name)
        if len(self._names) > MAX_DEPTH:
            raise TooMuch("The XML is nested too deeply.")
        self._words = []
        match name:
            case "NativeDicomModel" if len(self._names) == 1:
                self.data_set = {}
                self._items.append(self.data_set)
            case "DicomAttribute":
                self._begin_element(attributes)
            case "Item":
                self._items.append({})
                self._numbers.append(_number(attributes))
            case "Value":
                self._numbers.append(_number(attributes))
            case "PersonName":
                self._numbers.append(_number(attributes))
                self._person = {}
            case "Alphabetic" | "Ideographic" | "Phonetic":
                self._components = {}
            case "BulkData" | "InlineBinary":
                raise InvalidInput("Binary values are not read.")

    def end(self, _qualified: str) -> None:
        name, text = self._names.pop(), "".join(self._words)
        self._words = []
        match name:
            case "DicomAttribute":
                self._elements.pop()
            case "Item":
                self._put(self._items.pop())
            case "Value":
                self._put(_typed(self._element["vr"], text))
            case "PersonName":
                self._put(self._person)
            case "Alphabetic" | "Ideographic" | "Phonetic":
                parts = [self._components.get(component, "") for component in _COMPONENTS]
                self._person[name] = "^".join(parts).rstrip("^")
            case "FamilyName" | "GivenName" | "MiddleName" | "NamePrefix" | "NameSuffix":
                self._components[name] = text

    def text(self, text: str) -> None:
        self._words.append(text)

    @property
    def _element(self) -> Json:
        if not self._elements:
            raise InvalidInput("The XML has a value outside an attribute.")
        return self._elements[-1]

    def _begin_element(self, attributes: dict[str, str]) -> None:
        if not self._items:
            raise InvalidInput("The XML has an attribute outside a data set.")
        element: Json = {"vr": attributes.get("vr", "")}
        self._items[-1][attributes.get("tag", "").upper()] = element
        self._elements.append(element)

    def _put(self, value: Any) -> None:
        """Put a value at its number, from 1 on; those before it that are missing are empty."""
        values = self._element.setdefault("Value", [])
        number = self._numbers.pop()
        missing = max(0, number - len(values))
        self._left -= max(1, missing)
        if self._left < 0:
            raise TooMuch(f"A data set has at most {MAX_VALUES} values.")
        values.extend([None] * missing)
        values[number - 1] = value


def _number(attributes: dict[str, str]) -> int:
    text = attributes.get("number", "")
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_VALUES)) or int(text) < 1:
        raise InvalidInput("A value of the XML has no number from 1 on.")
    return int(text)


def _typed(vr: str, text: str) -> str | int | float | None:
    if not text:
        return None
    try:
        if vr in _FLOATS:
            return float(text)
        if vr in _INTEGERS:
            return int(text)
        if vr in _TEXT_NUMBERS:
            return int(text) if text.strip().lstrip("+-").isdigit() else float(text)
    except ValueError:
        return text
    return text
