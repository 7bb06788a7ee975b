"""What a de-identification takes away and what it leaves: the choices a person has (PS3.15 E.2 and E.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Literal

#: Edition of the tables of PS3.15 that are applied.
EDITION = "2026c"

#: Written into an object of which pixels were blanked (PS3.16 CID 7050).
CLEAN_PIXEL_DATA: Final = ("113101", "Clean Pixel Data Option")


class Kept(StrEnum):
    """What the basic profile takes away, and a person may leave."""

    #: Those words of descriptions that are known to say nothing of a person.
    DESCRIPTIONS = "descriptions"
    #: Serial number, station name and whatever else names the device.
    DEVICE = "device"
    #: Sex, age, height, weight, ethnic group and smoking status; PET needs the weight.
    CHARACTERISTICS = "characteristics"
    #: Name, address and department of the institution.
    INSTITUTION = "institution"
    #: All UIDs as they are, so that whoever holds the originals can tell which they are.
    UIDS = "uids"


#: Field of `Profile` of each.
_FIELDS: Final = {
    Kept.DESCRIPTIONS: "clean_descriptors",
    Kept.DEVICE: "retain_device",
    Kept.CHARACTERISTICS: "retain_characteristics",
    Kept.INSTITUTION: "retain_institution",
    Kept.UIDS: "retain_uids",
}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The Basic Application Level Confidentiality Profile, with its options.

    Graphics and structured content are cleaned always, so those two options are no choice.
    """

    #: `shift` moves all dates of a patient by as many days and keeps the times of day; `remove` leaves none.
    dates: Literal["shift", "remove"] = "shift"
    clean_descriptors: bool = False
    retain_device: bool = False
    retain_characteristics: bool = False
    retain_institution: bool = False
    retain_uids: bool = False
    #: An object whose pixels may show a name is held back, or goes with a warning and is not called de-identified.
    suspicious_pixels: Literal["hold", "flag"] = "hold"
    #: Objects that may show a face: nobody removes it; they go, go with a warning, or are held back.
    faces: Literal["leave", "flag", "hold"] = "leave"

    def keeping(self, kept: Iterable[Kept]) -> "Profile":
        """Give the same profile, but one that leaves exactly these."""
        chosen: dict[str, Any] = {field: each in set(kept) for each, field in _FIELDS.items()}
        return replace(self, **chosen)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """What it leaves."""
        return tuple(each for each, field in _FIELDS.items() if getattr(self, field))

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Code value and meaning of everything that is applied to every object (PS3.16 CID 7050)."""
        chosen = (
            (True, ("113100", "Basic Application Confidentiality Profile")),
            (True, ("113103", "Clean Graphics Option")),
            (True, ("113104", "Clean Structured Content Option")),
            (self.clean_descriptors, ("113105", "Clean Descriptors Option")),
            (self.dates == "shift", ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")),
            (self.retain_characteristics, ("113108", "Retain Patient Characteristics Option")),
            (self.retain_device, ("113109", "Retain Device Identity Option")),
            (self.retain_uids, ("113110", "Retain UIDs Option")),
            (self.retain_institution, ("113112", "Retain Institution Identity Option")),
        )
        return tuple(code for applied, code in chosen if applied)
