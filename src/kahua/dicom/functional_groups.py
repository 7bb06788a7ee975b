"""Attributes of one frame, wherever an image keeps them."""

from typing import Any

from pydicom import Dataset


def frame_attribute(dataset: Dataset, frame: int, group: str, keyword: str) -> Any:
    """Return an attribute of a frame, or None.

    Enhanced multi-frame images keep it in the functional group of the frame, or in that of all
    frames; classic images in the data set itself (PS3.3 C.7.6.16).

    Parameters
    ----------
    dataset
        The image.
    frame
        Number of the frame, from 0.
    group
        Keyword of the functional group's sequence, `PixelMeasuresSequence` for example.
    keyword
        Keyword of the attribute.
    """
    groups = []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if frame < len(per_frame):
        groups.append(per_frame[frame])
    groups += dataset.get("SharedFunctionalGroupsSequence") or []
    for item in groups:
        macro = item.get(group)
        if macro and keyword in macro[0]:
            return macro[0].get(keyword)
    return dataset.get(keyword)
