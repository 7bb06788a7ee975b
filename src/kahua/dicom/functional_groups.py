"""Attributes of one frame, wherever an image keeps them."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pydicom import Dataset


class Attributes(Protocol):
    """What may be asked of an image: a pydicom Dataset, or a part of one."""

    def get(self, keyword: str, default: Any = None, /) -> Any:
        """Return the value of an attribute by its keyword."""

    def __contains__(self, keyword: str, /) -> bool: ...


def frame_attribute(dataset: Attributes, frame: int, group: str, keyword: str) -> Any:
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
    macro = frame_group(dataset, frame, group, keyword)
    return macro.get(keyword) if macro is not None else dataset.get(keyword)


def frame_group(dataset: Attributes, frame: int, group: str, keyword: str) -> "Dataset | None":
    """Return the functional group of a frame, or of all frames, that has an attribute; None if none has.

    The arguments are those of `frame_attribute`.
    """
    groups: list[Dataset] = []
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if frame < len(per_frame):
        groups.append(per_frame[frame])
    groups += dataset.get("SharedFunctionalGroupsSequence") or []
    for item in groups:
        macro = item.get(group)
        if macro and keyword in macro[0]:
            found: Dataset = macro[0]
            return found
    return None
