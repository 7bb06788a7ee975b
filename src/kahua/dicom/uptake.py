"""Standardised uptake values of PET images, by body weight (PS3.3 C.8.9.1)."""

from math import isfinite
from typing import Any, Final

from pydicom import Dataset

from kahua.dicom.greys import Window

#: Uptake from which on a picture is white.
_WHITE: Final = 5.0
_DAY: Final = 86_400.0


def uptake_window(dataset: Dataset) -> Window | None:
    """Return the window from no uptake to 5, the same for all slices; None if the image does not tell its uptake."""
    if dataset.get("Modality") != "PT":
        return None
    try:
        uptake = _uptake(dataset)
    except (TypeError, ValueError, IndexError, ArithmeticError):  # what is missing, or makes no sense
        return None
    if not (isfinite(uptake) and uptake > 0):
        return None
    white = _WHITE / uptake
    return white / 2, white


def _uptake(dataset: Dataset) -> float:
    """Return the uptake of a value of 1."""
    if dataset.get("Units") == "GML":
        return 1.0
    if dataset.get("Units") != "BQML" or not {"ATTN", "DECY"} <= set(dataset.get("CorrectedImage") or ()):
        raise ValueError("no activity, or not corrected")
    tracer = dataset.get("RadiopharmaceuticalInformationSequence")[0]
    left = float(tracer.get("RadionuclideTotalDose"))
    if dataset.get("DecayCorrection") == "START":
        waited = (_seconds(dataset.get("SeriesTime")) - _seconds(tracer.get("RadiopharmaceuticalStartTime"))) % _DAY
        left *= 0.5 ** (waited / float(tracer.get("RadionuclideHalfLife")))
    elif dataset.get("DecayCorrection") != "ADMIN":
        raise ValueError("not corrected for decay")
    return float(dataset.get("PatientWeight")) * 1000 / left


def _seconds(time: Any) -> float:
    """Return seconds since midnight."""
    text = str(time or "").ljust(6, "0")
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])
