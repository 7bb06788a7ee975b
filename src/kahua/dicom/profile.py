"""What a de-identification takes away and what it leaves: the choices a person has (PS3.15 E.2 and E.3)."""

from dataclasses import dataclass
from typing import Literal

#: Edition of the tables of PS3.15 that are applied.
EDITION = "2026c"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The Basic Application Level Confidentiality Profile, with its options."""

    #: `shift` moves all dates of a patient by as many days and keeps the times of day; `remove` leaves none.
    dates: Literal["shift", "remove"] = "shift"
    #: Keep those words of descriptions that are known to say nothing of a person, instead of none.
    clean_descriptors: bool = False
    #: Keep serial number, station name and whatever else names the device.
    retain_device: bool = False
    #: Keep sex, age, height, weight, ethnic group and smoking status; PET needs the weight.
    retain_characteristics: bool = False

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Code value and meaning of everything that is applied (PS3.16 CID 7050)."""
        chosen = (
            (True, ("113100", "Basic Application Confidentiality Profile")),
            (True, ("113103", "Clean Graphics Option")),
            (True, ("113104", "Clean Structured Content Option")),
            (self.clean_descriptors, ("113105", "Clean Descriptors Option")),
            (self.dates == "shift", ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")),
            (self.retain_characteristics, ("113108", "Retain Patient Characteristics Option")),
            (self.retain_device, ("113109", "Retain Device Identity Option")),
        )
        return tuple(code for applied, code in chosen if applied)
