"""Whole slides for tests (PS3.3 A.32.8): levels of square tiles, each of one colour."""

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as Items

from kahua.dicom import uid_from
from kahua.testing.factory import picture
from kahua.testing.states import item

VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.77.1.6"

#: What the tiles look like: stained tissue, and the one at the lower right.
TISSUE, CORNER = (200, 60, 160), (0, 0, 255)

#: Side of a slide in millimetres.
SIDE = 2.0


def slide(*, tile: int = 64, levels: tuple[int, ...] = (4, 2, 1), seed: str = "slide") -> list[Dataset]:
    """Return a slide of levels, from fine to coarse; each has so many tiles along a side."""
    return [_level(tile, tiles, number, seed) for number, tiles in enumerate(levels, 1)]


def _level(tile: int, tiles: int, number: int, seed: str) -> Dataset:
    pixels = np.full((tiles * tiles, tile, tile, 3), TISSUE, np.uint8)
    pixels[-1] = CORNER
    level = picture(pixels, seed=f"{seed} {number}", photometric="RGB")
    del level.ConversionType
    level.SOPClassUID, level.Modality = VL_WHOLE_SLIDE_MICROSCOPY_IMAGE_STORAGE, "SM"
    level.SeriesInstanceUID, level.FrameOfReferenceUID = uid_from("series", seed), uid_from("frame of reference", seed)
    level.SeriesDescription, level.InstanceNumber = "Stained slide", number
    kind = ["ORIGINAL", "NONE"] if number == 1 else ["DERIVED", "RESAMPLED"]
    level.ImageType = [kind[0], "PRIMARY", "VOLUME", kind[1]]
    level.NumberOfFrames = tiles * tiles
    _place(level, tile, tiles)
    level.VolumetricProperties, level.SpecimenLabelInImage, level.BurnedInAnnotation = "VOLUME", "NO", "NO"
    level.FocusMethod, level.ExtendedDepthOfField, level.LossyImageCompression = "AUTO", "NO", "00"
    level.AcquisitionDateTime = "20240229101500"
    level.ContainerIdentifier = "S1"
    level.ContainerTypeCodeSequence = Items([_code("433466003", "SCT", "Microscope slide")])
    level.SpecimenDescriptionSequence = Items([item(SpecimenIdentifier="S1", SpecimenUID=uid_from("specimen", seed))])
    return level


def _place(level: Dataset, tile: int, tiles: int) -> None:
    """Say how the tiles make one picture (PS3.3 C.8.12.4, C.7.6.17)."""
    level.TotalPixelMatrixRows = level.TotalPixelMatrixColumns = tile * tiles
    level.ImagedVolumeWidth = level.ImagedVolumeHeight = SIDE
    level.ImagedVolumeDepth = 1.0
    level.DimensionOrganizationType, level.TotalPixelMatrixFocalPlanes = "TILED_FULL", 1
    level.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    level.TotalPixelMatrixOriginSequence = Items(
        [item(XOffsetInSlideCoordinateSystem="20", YOffsetInSlideCoordinateSystem="40")]
    )
    level.NumberOfOpticalPaths = 1
    level.OpticalPathSequence = Items(
        [
            item(
                OpticalPathIdentifier="1",
                IlluminationTypeCodeSequence=Items([_code("111744", "DCM", "Brightfield illumination")]),
                IlluminationColorCodeSequence=Items([_code("371251000", "SCT", "White color")]),
            )
        ]
    )
    spacing = SIDE / (tile * tiles)
    measures = item(SliceThickness="1", PixelSpacing=[f"{spacing:g}"] * 2)
    level.SharedFunctionalGroupsSequence = Items([item(PixelMeasuresSequence=Items([measures]))])


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
