"""Pages of text as pictures: light on black, as images are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from textwrap import wrap
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

#: Side of a page, height of its lines, and size of its letters, in pixels.
SIDE: Final = 512
_LINE: Final = 20
_LETTER: Final = 14
_MARGIN: Final = 16
_INDENT: Final = 12

#: Letters of a line; deepest indent.
_WIDTH: Final = 62
_DEEPEST: Final = 6

#: A file with letters of most scripts, where the system has it; else the one in the library, with Latin letters alone.
_FONT: Final = "DejaVuSans.ttf"

_TEXT, _TITLE, _QUIET = (222, 222, 222), (94, 214, 200), (150, 156, 163)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a page before it is broken."""

    text: str
    depth: int = 0
    #: `title`, `text` or `quiet`.
    kind: str = "text"


def draw_pages(lines: Sequence[Line], *, most: int) -> list[Picture]:
    """Write lines on as many pages as they need, shape (512, 512, 3) each; the last page says what is left out."""
    broken = [part for line in lines for part in _broken(line)]
    each = (SIDE - 2 * _MARGIN) // _LINE
    if len(broken) > each * most:
        left_out = len(broken) - each * most + 1
        broken = [*broken[: each * most - 1], Line(text=f"… {left_out} more lines", kind="quiet")]
    return [_page(broken[start : start + each]) for start in range(0, len(broken), each)]


def _broken(line: Line) -> list[Line]:
    depth = min(line.depth, _DEEPEST)
    printable = "".join(letter if letter.isprintable() else " " for letter in line.text)
    parts = wrap(printable, _WIDTH - 2 * depth) or [""]
    return [Line(text=part, depth=depth + (number > 0), kind=line.kind) for number, part in enumerate(parts)]


def _page(lines: Sequence[Line]) -> Picture:
    page = Image.new("RGB", (SIDE, SIDE))
    pen = ImageDraw.Draw(page)
    colours = {"title": _TITLE, "quiet": _QUIET}
    for number, line in enumerate(lines):
        place = (_MARGIN + _INDENT * line.depth, _MARGIN + _LINE * number)
        pen.text(place, line.text, fill=colours.get(line.kind, _TEXT), font=font(_LETTER))
    return np.asarray(page)


@cache
def font(size: int) -> Font:
    """Return the letters in which pictures are labelled."""
    try:
        return ImageFont.truetype(_FONT, size)
    except OSError:
        return ImageFont.load_default(size)
