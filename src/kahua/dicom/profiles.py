"""Colour profiles of images (PS3.3 C.11.15), and pictures in sRGB."""

from functools import cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom import Dataset

from kahua.errors import UndecodablePixels

Picture = NDArray[np.uint8]


def profiled(picture: Picture, dataset: Dataset, *, in_srgb: bool) -> tuple[Picture, bytes]:
    """Return a picture in colour and its ICC profile: that of its image, or sRGB, into which it is converted then.

    An image without a profile is taken to be in sRGB.

    Raises
    ------
    UndecodablePixels
        The profile of the image is damaged.
    """
    srgb = _srgb()
    own = _own(dataset)
    if own is None:
        return picture, srgb.tobytes()
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(own))
        if not in_srgb:
            return picture, own
        converted = ImageCms.profileToProfile(Image.fromarray(picture), profile, srgb)
    except (OSError, ValueError, ImageCms.PyCMSError) as error:
        raise UndecodablePixels("The ICC profile of the image is damaged.", remedy="Ask without iccprofile.") from error
    return np.asarray(converted), srgb.tobytes()


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    """Make the profile once: it says when it was made."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _own(dataset: Dataset) -> bytes | None:
    """Return the profile of an image; of a slide, that of its first optical path."""
    paths = dataset.get("OpticalPathSequence") or []
    found = dataset.get("ICCProfile") or (paths[0].get("ICCProfile") if paths else None)
    return found if isinstance(found, bytes) and found else None
