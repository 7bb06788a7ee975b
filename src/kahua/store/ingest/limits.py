"""What the archive accepts at most."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from kahua.dicom import Budget
from kahua.errors import OutOfSpace, UnreadableDicom
from kahua.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds for what comes in."""

    #: Largest DICOM object, in bytes.
    max_object_bytes: int
    #: Nothing more is accepted when less than this would be free on the disk.
    min_free_bytes: int
    #: Most bytes that are kept in quarantine.
    max_quarantine_bytes: int
    #: Bounds for reading a header.
    budget: Budget

    @classmethod
    def from_settings(cls, settings: Settings) -> "Limits":
        """Take the bounds that a site sets."""
        budget = Budget(
            max_header_bytes=settings.max_header_bytes,
            max_elements=settings.max_elements,
            max_depth=settings.max_sequence_depth,
            max_inflated_bytes=settings.max_inflated_bytes,
        )
        return cls(
            max_object_bytes=settings.max_object_bytes,
            min_free_bytes=settings.min_free_bytes,
            max_quarantine_bytes=settings.max_quarantine_bytes,
            budget=budget,
        )

    def check_size(self, size: int) -> None:
        """Refuse an object that is too large.

        Raises
        ------
        UnreadableDicom
            It is.
        """
        if size > self.max_object_bytes:
            raise UnreadableDicom(
                f"The object has {size} bytes; this site accepts {self.max_object_bytes}.",
                remedy="An administrator can raise max_object_bytes.",
            )

    def check_space(self, folder: Path, wanted: int = 0) -> None:
        """Refuse to begin what the disk cannot hold.

        Raises
        ------
        OutOfSpace
            Less than `min_free_bytes` would be left.
        """
        if shutil.disk_usage(folder).free - wanted < self.min_free_bytes:
            raise OutOfSpace(
                "The disk is full; nothing was accepted.",
                remedy="Free space on the disk of the data folder, or lower min_free_bytes.",
            )
