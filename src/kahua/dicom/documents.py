"""Encapsulated documents as pictures of their first pages (PS3.3 C.24.2).

Runs in child processes with limits on memory and time: the bytes come from strangers.
"""

from typing import Final

import numpy as np
import pypdfium2
from pydicom import Dataset

from kahua.dicom.drawn import Drawn
from kahua.errors import UndecodablePixels

#: Longest side of a page, in pixels.
_SIZE: Final = 768

#: Most pages that are drawn.
_MOST_PAGES: Final = 6


def draw_document(dataset: Dataset) -> Drawn:
    """Draw the first pages of an encapsulated PDF; other kinds of document have no picture.

    Raises
    ------
    UndecodablePixels
        It is no PDF, is damaged, or wants a password.
    """
    kind = str(dataset.get("MIMETypeOfEncapsulatedDocument") or "application/pdf")
    content = dataset.get("EncapsulatedDocument")
    if kind != "application/pdf":
        return Drawn(pictures=[], note=f"A document of the kind {kind[:60]} is not drawn: download it to read it.")
    if not content:
        return Drawn(pictures=[], note="The object holds no document.")
    try:
        with pypdfium2.PdfDocument(content) as document:
            return Drawn(pictures=[_draw(document[page]) for page in range(min(len(document), _MOST_PAGES))])
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise UndecodablePixels("The encapsulated document is damaged, or protected by a password.") from error


def _draw(page: pypdfium2.PdfPage) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    width, height = page.get_size()
    scale = _SIZE / max(width, height, 1)
    picture = page.render(scale=scale, rev_byteorder=True, may_draw_forms=False).to_numpy()
    return np.array(picture[..., :3])
