import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pydicom
import pytest
from pydicom import Dataset, Sequence

from kahua.dicom import read_file_meta, transfer_syntaxes
from kahua.dicom.json_model import LONGEST_INLINE, bulk_data, instance_json
from kahua.errors import DicomRefused, NotFound
from kahua.testing import factory

from .reading import shared, shared_samples

NATIVE = sorted(transfer_syntaxes.NATIVE - {transfer_syntaxes.PRIVATE_GE})


def place(data: bytes) -> dict[str, Any]:
    meta = read_file_meta(io.BytesIO(data))
    return {
        "offset": meta.data_offset,
        "size": len(data) - meta.data_offset,
        "transfer_syntax_uid": meta.transfer_syntax_uid,
    }


def by_us(data: bytes) -> dict[str, Any]:
    return instance_json(io.BytesIO(data), bulk_data_uri="bulk", **place(data))


def by_pydicom(data: bytes) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom remarks on invalid values
        instance = pydicom.dcmread(io.BytesIO(data), force=True)
        model: dict[str, Any] = instance.to_json_dict(
            bulk_data_threshold=LONGEST_INLINE + 1,
            bulk_data_element_handler=lambda _: "bulk",
            suppress_invalid_tags=True,
        )
    return model


def differences(ours: dict[str, Any], theirs: dict[str, Any], path: str = "") -> Iterator[str]:
    """Say where two instances differ, beyond what may differ.

    What may: the character set; group lengths and padding, which do not belong into JSON; private
    elements that pydicom knows from its own dictionary; invalid values, which pydicom leaves out;
    where binary values stand.
    """
    skipped = {"00080005", "FFFCFFFC"}
    for tag in sorted((ours.keys() | theirs.keys()) - skipped):
        if tag.endswith("0000"):
            continue
        mine, other = ours.get(tag), theirs.get(tag)
        if other is None:
            continue
        if mine is None:
            yield f"{path}{tag}: {mine!r:.80} / {other!r:.80}"
        elif mine["vr"] == other["vr"] == "SQ":
            items, others = mine.get("Value", []), other.get("Value", [])
            if len(items) != len(others):
                yield f"{path}{tag}: {len(items)} / {len(others)} items"
            for number, (item, each) in enumerate(zip(items, others, strict=False)):
                yield from differences(item, each, f"{path}{tag}/{number}/")
        elif int(tag[3], 16) % 2 and mine["vr"] == "UN":
            continue
        elif _plain(mine) != _plain(other):
            yield f"{path}{tag}: {mine!r:.200} / {other!r:.200}"


def _plain(element: dict[str, Any]) -> dict[str, Any]:
    """Return an element as it is compared: numbers as numbers, nothing as nothing."""
    if "BulkDataURI" in element or "InlineBinary" in element:
        return {"vr": element["vr"], "binary": True}
    values = [_stripped(value) for value in element.get("Value", [])]
    return {**element, "Value": values if any(value is not None for value in values) else []}


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: text for key, text in value.items() if text} or None
    return value.rstrip() or None if isinstance(value, str) else value


@pytest.mark.parametrize("syntax", NATIVE)
def test_the_json_of_the_factory_equals_that_of_pydicom(syntax: str) -> None:
    data = factory.part10(factory.ct_series()[0], syntax)
    assert list(differences(by_us(data), by_pydicom(data))) == []


@shared
@pytest.mark.parametrize("path", shared_samples(), ids=lambda path: "/".join(path.parts[-2:]))
def test_the_json_of_real_files_equals_that_of_pydicom(path: Path) -> None:
    data = path.read_bytes()
    try:
        ours = by_us(data)
    except DicomRefused:
        return  # as the scanner refuses it, which is tested by name
    assert list(differences(ours, by_pydicom(data))) == []


def nested() -> Dataset:
    """Return an instance with a sequence in a sequence, a private value and long and short bytes."""
    instance = factory.ct_series()[0]
    inner = Dataset()
    inner.add_new(0x00420011, "OB", bytes(1000))
    outer = Dataset()
    outer.PatientName = "Änne"
    outer.IconImageSequence = Sequence([inner])
    instance.ReferencedSeriesSequence = Sequence([Dataset(), outer])
    block = instance.private_block(0x0011, "KAHUA", create=True)
    block.add_new(0x01, "OB", b"\1\2\3\4")
    instance.RedPaletteColorLookupTableData = np.arange(256, dtype="<u2").tobytes()
    return instance


def test_the_palette_of_an_image_of_8_bits_is_there_at_once() -> None:
    """A viewer that has to fetch it draws black."""
    assert "InlineBinary" in by_us(factory.part10(nested()))["00281201"]


def test_bulk_data_is_named_by_its_path() -> None:
    model = by_us(factory.part10(nested()))
    item = model["00081115"]["Value"][1]
    assert item["00100010"]["Value"] == [{"Alphabetic": "Änne"}]
    assert item["00880200"]["Value"][0]["00420011"] == {
        "vr": "OB",
        "BulkDataURI": "bulk/00081115/1/00880200/0/00420011",
    }
    assert model["00111001"] == {"vr": "OB", "InlineBinary": "AQIDBA=="}
    assert model["7FE00010"] == {"vr": "OW", "BulkDataURI": "bulk/7FE00010"}


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("path", ["00081115/1/00880200/0/00420011", "7FE00010"])
def test_bulk_data_is_found_by_its_path(syntax: str, path: str) -> None:
    data = factory.part10(nested(), syntax)
    vr, value = bulk_data(io.BytesIO(data), path=path, **place(data))
    assert (vr, len(value)) == (("OB", 1000) if path != "7FE00010" else ("OW", 2048))


def test_only_long_binary_values_are_bulk_data() -> None:
    instance = factory.ct_series(
        ICCProfile=bytes(LONGEST_INLINE), RedPaletteColorLookupTableData=bytes(LONGEST_INLINE + 2)
    )
    model = by_us(factory.part10(instance[0]))
    assert "InlineBinary" in model["00282000"]
    assert model["00281201"]["BulkDataURI"] == "bulk/00281201"


@pytest.mark.parametrize("path", ["00081115", "00081115/7/00880200", "99999999", "", "../../etc"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    data = factory.part10(nested())
    with pytest.raises(NotFound):
        bulk_data(io.BytesIO(data), path=path, **place(data))


def test_numbers_that_json_cannot_write_become_text() -> None:
    instance = factory.ct_series()[0]
    instance.DiffusionBValue = float("nan")
    model = by_us(factory.part10(instance))
    assert model["00189087"] == {"vr": "FD", "Value": ["NaN"]}
    assert orjson.loads(orjson.dumps(model)) == model
