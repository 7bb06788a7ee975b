"""What a picture says of its patient and of how it was made, written into it (PS3.18 section 8.3.5.1.1)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from kahua.dicom.functional_groups import Attributes

#: Attributes by kind of annotation, line by line.
LINES = {
    "patient": (("PatientName", "PatientID"), ("PatientBirthDate", "PatientSex", "PatientAge")),
    "technique": (
        ("Modality", "Manufacturer", "ManufacturerModelName"),
        ("StudyDescription",),
        ("SeriesNumber", "SeriesDescription", "InstanceNumber"),
        ("StudyDate", "StudyTime", "InstitutionName"),
    ),
}

#: Height of the letters as a share of the picture, and its limits in pixels.
LETTER_SHARE = 1 / 32
LETTER_PIXELS = (9, 48)

#: Longest line, in letters.
MAX_LETTERS = 100


def annotated(picture: NDArray[np.uint8], dataset: Attributes, kinds: Sequence[str]) -> NDArray[np.uint8]:
    """Write into the upper left corner of a picture what is asked for; white on a dark edge, legible everywhere."""
    image = Image.fromarray(picture)
    size = min(max(round(image.height * LETTER_SHARE), LETTER_PIXELS[0]), LETTER_PIXELS[1])
    white, black = (255, 0) if image.mode == "L" else ((255, 255, 255), (0, 0, 0))
    ImageDraw.Draw(image).multiline_text(
        (size // 2, size // 2),
        "\n".join(_lines(dataset, kinds)),
        fill=white,
        stroke_fill=black,
        stroke_width=max(size // 12, 1),
        font=ImageFont.load_default(size),
    )
    return np.asarray(image)


def _lines(dataset: Attributes, kinds: Sequence[str]) -> Iterator[str]:
    for kind in kinds:
        for keywords in LINES[kind]:
            words = [str(value) for keyword in keywords if (value := dataset.get(keyword)) not in (None, "")]
            line = "  ".join(words).replace("^", " ")
            yield "".join(letter for letter in line[:MAX_LETTERS] if letter.isprintable())
