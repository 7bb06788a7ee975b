"""Objects that are no plain images become pictures too: reports, doses, waveforms, documents, slides."""

from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

from kahua.dicom.documents import draw_document
from kahua.dicom.dose import draw_dose
from kahua.dicom.overlays import draw_segmentation, draw_structure_set
from kahua.dicom.reports import draw_report
from kahua.dicom.segmentation import SegmentLabel, build_segmentation
from kahua.dicom.slides import draw_slide
from kahua.dicom.waveforms import draw_waveform
from kahua.errors import UndecodablePixels
from kahua.testing.factory import ct_series, part10, picture


def code(meaning: str) -> Items:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99TEST", meaning
    return Items([item])


def written(folder: Path, instances: list[Dataset]) -> list[Path]:
    paths = [folder / f"{number:03}.dcm" for number in range(len(instances))]
    for path, instance in zip(paths, instances, strict=True):
        path.write_bytes(part10(instance))
    return paths


def is_coloured(drawn: np.ndarray) -> np.ndarray:
    return np.ptp(drawn.astype(int), axis=2) > 60


def number_item(name: str, value: str, unit: str) -> Dataset:
    item, measured, units = Dataset(), Dataset(), code(unit)
    units[0].CodeValue = unit
    measured.NumericValue, measured.MeasurementUnitsCodeSequence = value, units
    item.ValueType, item.ConceptNameCodeSequence, item.MeasuredValueSequence = "NUM", code(name), Items([measured])
    return item


def report(*items: Dataset) -> Dataset:
    dataset = Dataset()
    dataset.ValueType, dataset.ConceptNameCodeSequence = "CONTAINER", code("Measurements")
    dataset.ContentSequence = Items(items)
    return dataset


def test_a_report_is_a_page_to_read() -> None:
    short = draw_report(report(number_item("Volume", "12.5", "ml")), most=4)
    assert len(short.pictures) == 1
    assert short.pictures[0].shape == (512, 512, 3)
    assert short.pictures[0].max() > 200
    assert np.median(short.pictures[0]) == 0, "light on black"


def test_a_long_report_has_more_pages_but_not_endless_ones() -> None:
    many = draw_report(report(*[number_item(f"Volume {number}", "1", "ml") for number in range(400)]), most=3)
    assert len(many.pictures) == 3


def test_a_report_without_an_end_is_cut() -> None:
    innermost = report()
    for _ in range(100):
        innermost = report(innermost)
    assert len(draw_report(innermost, most=9).pictures) == 2


def test_names_of_persons_stay_out_of_the_picture_of_a_report() -> None:
    person = Dataset()
    person.ValueType, person.ConceptNameCodeSequence, person.PersonName = "PNAME", code("Observer"), "Doe^Jane"
    without = draw_report(report(number_item("Volume", "1", "ml")), most=1).pictures[0]
    with_name = draw_report(report(number_item("Volume", "1", "ml"), person), most=1).pictures[0]
    assert (without == with_name).all()


def ecg(samples: np.ndarray, rate: float = 500) -> Dataset:
    dataset, group = Dataset(), Dataset()
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = samples.shape[1], samples.shape[0]
    group.SamplingFrequency, group.WaveformBitsAllocated, group.WaveformSampleInterpretation = rate, 16, "SS"
    group.ChannelDefinitionSequence = Items([Dataset() for _ in range(samples.shape[1])])
    for number, channel in enumerate(group.ChannelDefinitionSequence):
        channel.ChannelSourceSequence = code(f"Lead {number}")
    group.add_new("WaveformData", "OW", samples.astype("<i2").tobytes())
    dataset.WaveformSequence = Items([group])
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def test_each_lead_of_a_waveform_has_its_line() -> None:
    samples = np.zeros((1000, 3))
    samples[:, 1] = 1000 * np.sin(np.arange(1000) / 20)
    (drawn,) = draw_waveform(ecg(samples)).pictures
    third = drawn.shape[0] // 3
    lit = [(drawn[third * lead : third * (lead + 1), 100:, 1] > 150).any(axis=1).sum() for lead in range(3)]
    assert lit[1] > 5 * max(lit[0], lit[2], 1)


def test_a_waveform_with_too_few_samples_is_refused() -> None:
    dataset = ecg(np.zeros((1000, 3)))
    dataset.WaveformSequence[0].NumberOfWaveformSamples = 10**9
    with pytest.raises(UndecodablePixels):
        draw_waveform(dataset)


def pdf(tmp_path: Path, pages: int) -> bytes:
    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(300, 500)
    document.save(tmp_path / "made.pdf")
    return (tmp_path / "made.pdf").read_bytes()


def test_the_first_pages_of_a_document_are_drawn(tmp_path: Path) -> None:
    dataset = Dataset()
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = pdf(tmp_path, 8)
    drawn = draw_document(dataset)
    assert len(drawn.pictures) == 6
    assert drawn.pictures[0].shape == (768, 461, 3)


@pytest.mark.parametrize("content", [b"%PDF-1.7 and nothing more", b"<html>"])
def test_a_damaged_document_is_refused_in_words(content: bytes) -> None:
    dataset = Dataset()
    dataset.EncapsulatedDocument = content
    with pytest.raises(UndecodablePixels, match="damaged"):
        draw_document(dataset)


def test_a_document_of_another_kind_says_what_to_do() -> None:
    dataset = Dataset()
    dataset.MIMETypeOfEncapsulatedDocument, dataset.EncapsulatedDocument = "model/stl", b"solid"
    assert "download" in draw_document(dataset).note


def dose(image: list[Dataset]) -> Dataset:
    """Give a dose of which the hottest point lies on the middle slice, in the middle of its left half."""
    first = image[0]
    values = np.zeros((len(image), 16, 16), np.uint32)
    values[len(image) // 2, 8, 4] = 1000
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Rows = dataset.Columns = 16
    dataset.NumberOfFrames, dataset.SamplesPerPixel, dataset.PhotometricInterpretation = len(image), 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 32
    dataset.PixelRepresentation = 0
    spacing = [float(value) * first.Rows / 16 for value in first.PixelSpacing]
    dataset.PixelSpacing, dataset.ImageOrientationPatient = spacing, first.ImageOrientationPatient
    dataset.ImagePositionPatient = first.ImagePositionPatient
    heights = [float(instance.ImagePositionPatient[2]) for instance in image]
    dataset.GridFrameOffsetVector = [height - heights[0] for height in heights]
    dataset.add_new("PixelData", "OW", values.tobytes())
    return dataset


def test_a_dose_is_washed_over_the_slice_on_which_it_lies(tmp_path: Path) -> None:
    image = ct_series(slices=5)
    drawn = draw_dose(dose(image), written(tmp_path, image), most=16)
    assert len(drawn.pictures) == 1, "the other slices have no dose"
    rows, columns = np.nonzero(is_coloured(drawn.pictures[0]))
    side = drawn.pictures[0].shape[0]
    assert abs(rows.mean() / side - 0.5) < 0.05
    assert abs(columns.mean() / side - 0.25) < 0.05


def test_a_dose_without_its_image_is_shown_alone() -> None:
    drawn = draw_dose(dose(ct_series(slices=5)), [], most=16)
    assert len(drawn.pictures) == 5
    assert is_coloured(drawn.pictures[drawn.best]).any()
    assert "alone" in drawn.note


def overlapping(image: list[Dataset]) -> Dataset:
    labels = np.zeros((len(image), 32, 32, 2), np.uint8)
    labels[1:3, 4:20, 4:20, 0] = 1
    labels[1:3, 12:28, 12:28, 1] = 1
    flat = np.argmax(labels, axis=-1) + labels.any(axis=-1)
    made = build_segmentation(
        image,
        flat.astype(np.uint16),
        [SegmentLabel(label=1, name="A", color="#ff0000"), SegmentLabel(label=2, name="B", color="#0000ff")],
        series_uid="1.2.840.1.9",
        algorithm_name="test",
        algorithm_version="1",
        description="two",
    )
    _repaint(made, labels)
    return made


def _repaint(segmentation: Dataset, labels: np.ndarray) -> None:
    """Write the masks as they are, overlapping, frame by frame."""
    frames = []
    for item in segmentation.PerFrameFunctionalGroupsSequence:
        segment = int(item.SegmentIdentificationSequence[0].ReferencedSegmentNumber) - 1
        frames.append(labels[1, :, :, segment])
    segmentation.PixelData = np.packbits(np.stack(frames).ravel(), bitorder="little").tobytes()


def test_overlapping_segments_both_show_where_they_overlap(tmp_path: Path) -> None:
    image = ct_series(slices=4)
    drawn = draw_segmentation(overlapping(image), written(tmp_path, image), most=16)
    assert len(drawn.pictures) == 2
    side = drawn.pictures[0].shape[0]
    colours = [tuple(drawn.pictures[0][int(side * place), int(side * place)]) for place in (0.25, 0.5, 0.75)]
    assert len(set(colours)) == 3
    both = colours[1]
    assert both[0] > both[1]
    assert both[2] > both[1]


def test_frames_that_name_no_source_are_placed_by_where_they_lie(tmp_path: Path) -> None:
    image = ct_series(slices=4)
    named = overlapping(image)
    expected = draw_segmentation(named, written(tmp_path, image), most=16)
    for item in named.PerFrameFunctionalGroupsSequence:
        item.pop("DerivationImageSequence", None)
    found = draw_segmentation(named, written(tmp_path, image), most=16)
    assert found.note == ""
    assert all((a == b).all() for a, b in zip(expected.pictures, found.pictures, strict=True))


def test_contours_that_name_no_image_are_placed_by_where_they_lie(tmp_path: Path) -> None:
    image = ct_series(slices=4)
    contour, roi, structures = Dataset(), Dataset(), Dataset()
    x, y, z = (float(value) for value in image[2].ImagePositionPatient)
    contour.ContourGeometricType = "CLOSED_PLANAR"
    contour.ContourData = [x + 40, y + 40, z, x + 160, y + 40, z, x + 160, y + 160, z]
    roi.ContourSequence, roi.ROIDisplayColor = Items([contour]), [255, 0, 0]
    structures.ROIContourSequence = Items([roi])
    drawn = draw_structure_set(structures, written(tmp_path, image), most=16)
    assert len(drawn.pictures) == 1
    assert is_coloured(drawn.pictures[0]).any()
    contour.ContourData = [x, y, z + 999, x + 9, y, z + 999, x + 9, y + 9, z + 999]
    assert draw_structure_set(structures, written(tmp_path, image), most=16).pictures == []


def slide_level(tile: int, tiles: int, kind: str, shade: int) -> Dataset:
    pixels = np.full((tiles * tiles, tile, tile, 3), shade, np.uint8)
    pixels[-1] = [0, 0, 255]
    made = picture(pixels, seed=f"{kind} {tile} {tiles}", photometric="RGB")
    made.Modality, made.ImageType = "SM", ["ORIGINAL", "PRIMARY", kind, "NONE"]
    made.TotalPixelMatrixRows = made.TotalPixelMatrixColumns = tile * tiles
    return made


def test_a_slide_is_drawn_from_its_smallest_level_and_never_from_its_label(tmp_path: Path) -> None:
    levels = [slide_level(16, 4, "VOLUME", 200), slide_level(16, 2, "VOLUME", 100), slide_level(16, 1, "LABEL", 7)]
    (drawn,) = draw_slide(written(tmp_path, levels)).pictures
    assert drawn.shape == (32, 32, 3)
    assert (drawn[0, 0] == 100).all()
    assert tuple(drawn[-1, -1]) == (0, 0, 255), "the last tile lies at the lower right"
    assert draw_slide(written(tmp_path, levels[2:])).pictures == []


def test_a_slide_that_claims_to_be_huge_has_no_picture(tmp_path: Path) -> None:
    level = slide_level(16, 2, "VOLUME", 100)
    level.TotalPixelMatrixRows = 2**31 - 1
    assert "no small level" in draw_slide(written(tmp_path, [level])).note
