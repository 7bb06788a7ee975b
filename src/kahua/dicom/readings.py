"""Pages of objects that have no pixels, and are read instead: reports, waveforms, encapsulated documents.

Runs in child processes with limits on memory and time: the bytes come from strangers.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from kahua.dicom.documents import draw_document
from kahua.dicom.drawn import Drawn
from kahua.dicom.reports import draw_report
from kahua.dicom.waveforms import draw_waveform
from kahua.errors import UndecodablePixels

#: Most pages of an object.
_MOST_PAGES: Final = 16


def draw_reading(dataset: Dataset, *, most: int = _MOST_PAGES) -> Drawn:
    """Draw the pages of an object by what it holds.

    Raises
    ------
    UndecodablePixels
        It is damaged; the message says in which way.
    """
    if "WaveformSequence" in dataset:
        return draw_waveform(dataset)
    if "ContentSequence" in dataset:
        return draw_report(dataset, most=most)
    if "EncapsulatedDocument" in dataset:
        return draw_document(dataset)
    return Drawn(pictures=[], note="The object has neither pixels nor pages.")


def read_page(dataset: Dataset, number: int) -> NDArray[np.uint8]:
    """Draw one page, counted from 0, shape (rows, columns, 3).

    Raises
    ------
    UndecodablePixels
        There is no such page, or it cannot be drawn; the message says why.
    """
    drawn = draw_reading(dataset)
    if number >= len(drawn.pictures):
        raise UndecodablePixels(drawn.note or f"The object has no page {number + 1}.")
    return drawn.pictures[number]
