"""Coded concepts: what a word means, for programs (PS3.3 8)."""

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.sr.coding import Code as DicomCode


@dataclass(frozen=True, kw_only=True)
class Code:
    """A concept of a coding scheme, SNOMED CT for example."""

    value: str
    #: Designator of the scheme: SCT, DCM, UCUM, ….
    scheme: str
    meaning: str

    def dicom(self) -> DicomCode:
        """Return the code as highdicom takes it."""
        return DicomCode(self.value, self.scheme, self.meaning)


#: Whatever is segmented and has no better category.
ANATOMICAL_STRUCTURE = Code(value="123037004", scheme="SCT", meaning="Anatomical Structure")


def code_of(item: Dataset) -> Code:
    """Return the code that an item of a code sequence holds."""
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue") or ""
    return Code(
        value=str(value), scheme=str(item.get("CodingSchemeDesignator", "")), meaning=str(item.get("CodeMeaning", ""))
    )
