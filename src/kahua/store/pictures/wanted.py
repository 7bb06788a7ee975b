"""What is asked for of pictures of an instance."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # those who only ask need no arrays
    from kahua.dicom.greys import Function


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A picture that is asked for."""

    #: Counted from 1; several make an animation.
    frames: tuple[int, ...]
    media_type: str
    #: Longest side in pixels; the frame's own if empty.
    size: int | None = None
    #: Centre and width.
    window: tuple[float, float] | None = None
    #: `LINEAR`, `LINEAR_EXACT` or `SIGMOID`; what the image says if empty.
    function: "Function | None" = None
    #: Width and height into which it is made to fit.
    viewport: tuple[int, int] | None = None
    #: Left, top, width and height in pixels of the frame; a negative size mirrors.
    region: tuple[float, float, float, float] | None = None
    #: 1 to 100.
    quality: int | None = None
    #: What is written into it: `patient`, `technique`; and whether overlay planes are drawn: `overlay`.
    annotation: tuple[str, ...] = ()
    #: Colour profile of the picture: `yes` for that of the image, or `srgb`; none if empty.
    profile: str | None = None

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> "Wanted":
        """Take it from JSON, which has lists for tuples."""
        values: dict[str, Any] = {
            field.name: tuple(value) if isinstance(value := job[field.name], list) else value for field in fields(cls)
        }
        return cls(**values)
