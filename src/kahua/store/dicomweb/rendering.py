"""Query parameters of rendered pictures (PS3.18 section 8.3.5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from kahua.errors import InvalidInput
from kahua.store.pictures.wanted import Wanted

if TYPE_CHECKING:  # those who only ask need no arrays
    from kahua.dicom.greys import Function

#: Media types of pictures; the first is sent to who accepts any.
PICTURES = ("image/jpeg", "image/png", "image/webp")

#: Media type of several frames as one picture.
ANIMATION = "image/gif"

#: Largest side of a picture that is asked for.
MAX_VIEWPORT = 8192

#: What is called how in the query parameter window.
FUNCTIONS: "dict[str, Function]" = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}

#: What is written into pictures; `overlay` is ours, for the standard has no word for overlay planes.
ANNOTATIONS = ("patient", "technique", "overlay")

#: Colour profiles of the standard (PS3.18 section 8.3.5.1.5) that pictures can have, and those that they cannot.
EMBEDDED = ("yes", "srgb")
LACKING = ("adobergb", "rommrgb", "displayp3")


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """How pictures are to look."""

    window: tuple[float, float] | None = None
    function: "Function | None" = None
    viewport: tuple[int, int] | None = None
    region: tuple[float, float, float, float] | None = None
    quality: int | None = None
    annotation: tuple[str, ...] = ()
    #: Colour profile that pictures are to have, if any.
    profile: str | None = None
    #: A colour profile was asked for that is not here.
    lacks_profile: bool = False

    def of(self, frames: tuple[int, ...], media_type: str) -> Wanted:
        """Give what is wanted of some frames."""
        return Wanted(
            frames=frames,
            media_type=media_type,
            window=self.window,
            function=self.function,
            viewport=self.viewport,
            region=self.region,
            quality=self.quality,
            annotation=self.annotation,
            profile=self.profile,
        )


def parse_rendering(parameters: Mapping[str, str]) -> Rendering:
    """Read the query parameters window, viewport, quality, annotation and iccprofile.

    Raises
    ------
    InvalidInput
        One has an impossible value.
    """
    window, function = _window(parameters.get("window"))
    viewport, region = _viewport(parameters.get("viewport"))
    profile = _profile(parameters.get("iccprofile"))
    return Rendering(
        window=window,
        function=function,
        viewport=viewport,
        region=region,
        quality=_quality(parameters.get("quality")),
        annotation=_annotation(parameters.get("annotation")),
        profile=profile if profile in EMBEDDED else None,
        lacks_profile=profile in LACKING,
    )


def _profile(text: str | None) -> str:
    kind = (text or "no").lower()
    if kind not in ("no", *EMBEDDED, *LACKING):
        kinds = ", ".join(("no", *EMBEDDED, *LACKING))
        raise InvalidInput(f"The colour profile is one of {kinds}.", field="iccprofile")
    return kind


def read_window(centre: str, width: str, *, field: str = "window") -> tuple[float, float]:
    """Read centre and width of a window.

    Raises
    ------
    InvalidInput
        They are no numbers, or the width is not above 0.
    """
    try:
        window = float(centre), float(width)
    except ValueError:
        raise InvalidInput("The window is written as centre,width,function.", field=field) from None
    if not (isfinite(window[0]) and isfinite(window[1]) and window[1] > 0):
        raise InvalidInput("Centre and width of the window must be numbers, and the width above 0.", field=field)
    return window


def _window(text: str | None) -> "tuple[tuple[float, float] | None, Function | None]":
    if text is None:
        return None, None
    parts = text.split(",")
    if not 2 <= len(parts) <= 3:
        raise InvalidInput("The window is written as centre,width,function.", field="window")
    function = FUNCTIONS.get(parts[2].lower()) if len(parts) > 2 else "LINEAR"
    if function is None:
        raise InvalidInput(f"The function of a window is one of {', '.join(FUNCTIONS)}.", field="window")
    return read_window(parts[0], parts[1]), function


def _viewport(text: str | None) -> tuple[tuple[int, int] | None, tuple[float, float, float, float] | None]:
    """Read width and height, and which region of the image is shown in them; empty parts leave it whole."""
    if text is None:
        return None, None
    parts = text.split(",")
    try:
        size = (int(parts[0]), int(parts[1]))
        region = [float(part) if part else None for part in parts[2:]]
    except (ValueError, IndexError):
        raise InvalidInput(
            "The viewport is written as width,height or width,height,x,y,w,h.", field="viewport"
        ) from None
    if not all(0 < side <= MAX_VIEWPORT for side in size) or len(parts) not in (2, 6):
        raise InvalidInput(f"A viewport has 1 to {MAX_VIEWPORT} pixels a side.", field="viewport")
    if not region:
        return size, None
    left, top, width, height = region
    if width is None or height is None:
        if left is None and top is None and width is None and height is None:
            return size, None
        raise InvalidInput("A region of the viewport needs width and height.", field="viewport")
    numbers = (left or 0.0, top or 0.0, width, height)
    if not all(isfinite(number) and abs(number) < 1e6 for number in numbers) or not width or not height:
        raise InvalidInput("The region of the viewport has impossible numbers.", field="viewport")
    return size, numbers


def _quality(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:4]) <= 100):
        raise InvalidInput("The quality is a number from 1 to 100.", field="quality")
    return int(text)


def _annotation(text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    kinds = tuple(dict.fromkeys(text.lower().split(",")))
    if not set(kinds) <= set(ANNOTATIONS):
        raise InvalidInput(f"An annotation is one of {', '.join(ANNOTATIONS)}.", field="annotation")
    return kinds
