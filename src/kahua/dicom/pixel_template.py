"""Where a device writes into its pictures: rectangles that are blanked, by kind of device and size of picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Attributes of which a template may name the value, by its field; a template without one fits any.
CONDITIONS: Final = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "sop_class_uid": "SOPClassUID",
    "software": "SoftwareVersions",
}


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle of pixels; the first row and the first column have the number 0."""

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        """Refuse what is no rectangle."""
        if min(self.left, self.top) < 0 or min(self.width, self.height) < 1:
            raise ValueError("An area lies within the picture and has a width and a height.")


@dataclass(frozen=True, kw_only=True)
class PixelTemplate:
    """The rectangles into which a device writes, in pictures of one size.

    Upper and lower case count for nothing in the conditions; of several Software Versions one must be the named.
    """

    name: str
    rows: int
    columns: int
    areas: tuple[Area, ...]
    modality: str = ""
    manufacturer: str = ""
    model: str = ""
    sop_class_uid: str = ""
    software: str = ""

    def __post_init__(self) -> None:
        """Refuse a template that would fit anything, or blank nothing."""
        if not self.areas or min(self.rows, self.columns) < 1:
            raise ValueError("A template names the size of the picture and at least one area.")
        if not (self.modality or self.sop_class_uid) or not (self.manufacturer or self.model):
            raise ValueError("A template names a modality or SOP class, and a manufacturer or model.")

    def fits(self, facts: Mapping[str, str], *, rows: int, columns: int) -> bool:
        """Say whether a picture is of this kind; `facts` are values by keyword, several parted by backslashes."""
        if (rows, columns) != (self.rows, self.columns):
            return False
        wanted = ((getattr(self, field), facts.get(keyword, "")) for field, keyword in CONDITIONS.items())
        return all(not value or _folded(value) in map(_folded, found.split("\\")) for value, found in wanted)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


#: To begin with, and to be checked against the site's own pictures: devices differ by software and by settings.
#: None is applied unless a site makes it its own.
EXAMPLES: Final = (
    PixelTemplate(
        name="example-us-banner-1024x768",
        modality="US",
        manufacturer="GE Healthcare",
        rows=768,
        columns=1024,
        areas=(Area(left=0, top=0, width=1024, height=64),),
    ),
    PixelTemplate(
        name="example-us-banner-800x600",
        modality="US",
        manufacturer="Philips Medical Systems",
        rows=600,
        columns=800,
        areas=(Area(left=0, top=0, width=800, height=56),),
    ),
    PixelTemplate(
        name="example-ct-dose-page-512",
        modality="CT",
        manufacturer="SIEMENS",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.7",
        rows=512,
        columns=512,
        areas=(Area(left=0, top=0, width=512, height=80),),
    ),
)
