import io

import pydicom
import pytest
from pydicom import Dataset

from kahua.dicom.codes import Code
from kahua.dicom.measurement_report import Measurement, build_report, read_measurements
from kahua.errors import InvalidInput
from kahua.testing import factory

from .reading import scan_file, shared, shared_files
from .test_segmentation import build, labelmap

VOLUME = Measurement(
    name="Volume", value=1234.5, unit="ml", segment=1, code=Code(value="118565006", scheme="SCT", meaning="Volume")
)
SPHERICITY = Measurement(name="Sphericity", value=0.75, unit="1", segment=2)


def report(*measurements: Measurement) -> tuple[list[Dataset], Dataset, bytes]:
    sources = factory.mr_series(slices=6)
    segmentation = build(sources, labelmap())
    built = build_report(
        sources,
        segmentation,
        measurements,
        series_uid="1.2.3.10",
        description="Brain volumes",
        algorithm_name="threshold",
        algorithm_version="1.0",
    )
    buffer = io.BytesIO()
    built.save_as(buffer, enforce_file_format=True)
    return sources, segmentation, buffer.getvalue()


def test_measurements_survive_the_way_through_dicom() -> None:
    _, _, data = report(VOLUME, SPHERICITY)
    volume, sphericity = read_measurements(pydicom.dcmread(io.BytesIO(data)))
    assert (volume.name, volume.value, volume.unit, volume.segment, volume.code) == (
        "Volume",
        1234.5,
        "ml",
        1,
        VOLUME.code,
    )
    assert (volume.tracking, sphericity.tracking) == ("Brain", "Lesion")
    assert (sphericity.name, sphericity.value, sphericity.unit, sphericity.segment) == ("Sphericity", 0.75, "1", 2)


def test_a_report_refers_to_image_and_segmentation() -> None:
    sources, segmentation, data = report(VOLUME)
    header = scan_file(data)
    assert set(header.references) == {sources[0].SeriesInstanceUID, segmentation.SeriesInstanceUID}
    assert (header.text("00080060"), header.text("0008103E")) == ("SR", "Brain volumes")
    assert header.findings == ()


@pytest.mark.parametrize("measurements", [(), (Measurement(name="Volume", value=1, unit="ml", segment=7),)])
def test_what_was_measured_must_be_a_segment(measurements: tuple[Measurement, ...]) -> None:
    with pytest.raises(InvalidInput, match="No segment was measured"):
        report(*measurements)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_reported(value: float) -> None:
    with pytest.raises(InvalidInput, match="No number was measured: Volume"):
        report(Measurement(name="Volume", value=value, unit="ml"))


def test_numbers_of_any_length_survive() -> None:
    _, _, data = report(*(Measurement(name="Ratio", value=value, unit="1") for value in (1e5 / 3, 1e-17 / 3)))
    values = [each.value for each in read_measurements(pydicom.dcmread(io.BytesIO(data)))]
    assert values == pytest.approx([1e5 / 3, 1e-17 / 3])


def test_text_beyond_ascii_survives() -> None:
    written = factory.ct_series(slices=6, SpecificCharacterSet="ISO_IR 100", PatientName="Äneas^Rüdiger")
    sources = [pydicom.dcmread(io.BytesIO(factory.part10(each))) for each in written]
    for source in sources:
        del source.StudyTime, source.StudyID
    built = build_report(
        sources,
        factory.segmentation(sources),
        [Measurement(name="Größe", value=1, unit="ml")],
        series_uid="1.2.3",
        description="Maße",
        algorithm_name="threshold",
        algorithm_version="1",
    )
    buffer = io.BytesIO()
    built.save_as(buffer, enforce_file_format=True)
    header = scan_file(buffer.getvalue())
    assert (header.text("00100010"), header.text("0008103E")) == ("Äneas^Rüdiger", "Maße")
    assert read_measurements(built)[0].name == "Größe"


@shared
def test_foreign_reports_are_read() -> None:
    found = {path.name: read_measurements(pydicom.dcmread(path)) for path in shared_files("sr_tid1500")}
    assert sum(bool(measurements) for measurements in found.values()) >= 2
    assert all(each.name and each.unit for measurements in found.values() for each in measurements)
