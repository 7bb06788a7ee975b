"""Waveforms as pictures: one lead below the other, over the time that was recorded (PS3.3 C.10.9)."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset
from pydicom.waveforms import multiplex_array

from kahua.dicom.drawn import Drawn
from kahua.dicom.pages import font
from kahua.errors import UndecodablePixels

#: Width of the picture; height of a lead, and least height of all, in pixels.
_WIDTH: Final = 768
_HEIGHT: Final = 64
_LEAST_HEIGHT: Final = 256

#: Most leads that are drawn.
_MOST_LEADS: Final = 24

#: Share of a lead's height that its trace may fill.
_FILL: Final = 0.9

_TRACE, _LABEL, _GRID = (120, 230, 215), (170, 176, 182), (38, 44, 50)


def draw_waveform(dataset: Dataset) -> Drawn:
    """Draw each multiplex group of a waveform: an ECG's leads by name, all on one scale, a line for each second.

    Raises
    ------
    UndecodablePixels
        The samples are not what the attributes claim.
    """
    groups = dataset.get("WaveformSequence") or []
    if not groups:
        return Drawn(pictures=[], note="The object has no waveform.")
    return Drawn(pictures=[_draw(dataset, number) for number in range(min(len(groups), 2))])


def _draw(dataset: Dataset, number: int) -> NDArray[np.uint8]:
    group = dataset.WaveformSequence[number]
    try:
        samples = multiplex_array(dataset, number, as_raw=False)[:, :_MOST_LEADS]
        rate = float(group.SamplingFrequency)
    except (AttributeError, KeyError, TypeError, ValueError, NotImplementedError) as error:
        raise UndecodablePixels("The waveform's samples are not what its attributes claim.") from error
    leads = samples.shape[1]
    step = max(_HEIGHT, _LEAST_HEIGHT // max(leads, 1))
    picture = Image.new("RGB", (_WIDTH, step * leads))
    pen = ImageDraw.Draw(picture)
    _draw_seconds(pen, len(samples) / rate if rate > 0 else 0, picture.height)
    middle = np.nanmedian(samples, axis=0)
    reach = float(np.nanmax(np.abs(samples - middle))) or 1.0
    for lead in range(leads):
        trace = (lead + 0.5) * step - (samples[:, lead] - middle[lead]) / reach * step / 2 * _FILL
        _draw_trace(pen, np.nan_to_num(trace, nan=(lead + 0.5) * step))
        pen.text((4, lead * step + 2), _name(group, lead), fill=_LABEL, font=font(14))
    return np.asarray(picture)


def _draw_seconds(pen: ImageDraw.ImageDraw, seconds: float, height: int) -> None:
    for second in range(1, min(int(seconds) + 1, 60)):
        place = second / seconds * _WIDTH
        pen.line([(place, 0), (place, height)], fill=_GRID)


def _draw_trace(pen: ImageDraw.ImageDraw, trace: NDArray[Any]) -> None:
    """Draw all samples that fall on one column of the picture as the stretch between the lowest and the highest."""
    ends = np.linspace(0, len(trace), _WIDTH + 1).astype(int)
    last = float(trace[0])
    for column in range(_WIDTH):
        part = trace[ends[column] : max(ends[column + 1], ends[column] + 1)]
        if not len(part):
            return
        low, high = min(float(part.min()), last), max(float(part.max()), last)
        pen.line([(column, low), (column, high)], fill=_TRACE)
        last = float(part[-1])


def _name(group: Dataset, lead: int) -> str:
    channels = group.get("ChannelDefinitionSequence") or []
    if lead >= len(channels):
        return ""
    label = str(channels[lead].get("ChannelLabel") or "")
    sources = channels[lead].get("ChannelSourceSequence")
    meaning = str(sources[0].get("CodeMeaning", "")) if sources else ""
    return (label or meaning.removeprefix("Lead "))[:30]
