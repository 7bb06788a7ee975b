"""All that a process must know to de-identify the objects of a project."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from sqlalchemy.orm import Session

from kahua.dicom import PixelTemplate, Profile, Pseudonyms
from kahua.store.confidentiality.keys import pseudonyms_of
from kahua.store.confidentiality.policy import policy_of
from kahua.store.confidentiality.templates import template_from, templates_of


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """Key, profile and templates."""

    pseudonyms: Pseudonyms
    profile: Profile
    templates: tuple[PixelTemplate, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give them for a child process, with the key: by standard input, and nowhere else."""
        return {
            "key": self.pseudonyms.key.hex(),
            "profile": asdict(self.profile),
            "templates": [asdict(template) for template in self.templates],
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(
            pseudonyms=Pseudonyms(key=bytes.fromhex(message["key"])),
            profile=Profile(**message["profile"]),
            templates=tuple(template_from(each) for each in message["templates"]),
        )


def instructions_of(session: Session, project_id: str, profile: Profile | None = None) -> Instructions:
    """Give what a project's objects are de-identified by; the session must be one that may write.

    The profile is the project's own, unless another one is given.
    """
    return Instructions(
        pseudonyms=pseudonyms_of(session, project_id),
        profile=profile or policy_of(session, project_id).profile,
        templates=templates_of(session),
    )
