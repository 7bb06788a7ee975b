import io
from pathlib import Path
from typing import Any

import pydicom
import pytest

from kahua.dicom import read_file_meta, scan
from kahua.dicom.charsets import decoder
from kahua.dicom.json_model import instance_json
from kahua.testing import factory

from .reading import shared, shared_files


@pytest.mark.parametrize(
    ("terms", "value", "text"),
    [
        ([], b"Plain", "Plain"),
        ([], "Jérôme".encode(), "Jérôme"),
        ([], "Jérôme".encode("latin_1"), "Jérôme"),
        (["ISO_IR 100"], "Äneas".encode("latin_1"), "Äneas"),
        (["ISO-IR 100"], "Äneas".encode("latin_1"), "Äneas"),
        (["ISO_IR 144"], "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        (["ISO_IR 192"], "王^小東".encode(), "王^小東"),
        (["GB18030"], "王^小东".encode("gb18030"), "王^小东"),
        (["", "ISO 2022 IR 87"], b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
        (["", "ISO 2022 IR 149"], b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "Hong^Gildong=洪^吉洞"),
        (["", "ISO 2022 IR 100"], b"A\x1b-A\xe9\\B", "Aé\\B"),
    ],
)
def test_text_is_decoded_by_its_defined_terms(terms: list[str], value: bytes, text: str) -> None:
    decode, finding = decoder(terms)
    assert (decode(value, "PN"), finding) == (text, None)


@pytest.mark.parametrize(
    ("term", "value", "text"),
    [
        ("ISO 2022 IR 58", "Wang^XiaoDong=王^小东".encode("gb2312"), "Wang^XiaoDong=王^小东"),
        ("ISO 2022 IR 58", b"Zhang=\x1b$)A" + "张^小东".encode("gb2312"), "Zhang=张^小东"),
        ("ISO 2022 IR 149", "Hong^Gildong=洪^吉洞".encode("euc_kr"), "Hong^Gildong=洪^吉洞"),
        ("ISO 2022 IR 144", "Люкceмбypг".encode("iso8859_5"), "Люкceмбypг"),
        ("ISO 2022 IR 144", "Люкceмбypг".encode(), "Люкceмбypг"),
        ("ISO 2022 IR 58", "Müller".encode("latin_1"), "Müller"),
        ("ISO 2022 IR 87", "Müller".encode(), "Müller"),
        ("ISO 2022 IR 58", b"Plain", "Plain"),
    ],
)
def test_a_forgotten_escape_sequence_means_what_the_object_names(term: str, value: bytes, text: str) -> None:
    decode, finding = decoder(["", term])
    assert (decode(value, "PN"), finding) == (text, None)


def test_an_unknown_term_is_a_finding() -> None:
    decode, finding = decoder(["KLINGON"])
    assert decode(b"text", "LO") == "text"
    assert finding is not None
    assert "'KLINGON' is not known" in finding


@pytest.mark.parametrize("values", [[8264], [0.5], [{"Alphabetic": "ISO_IR 100"}], [None, 1]])
def test_what_is_no_term_at_all_is_a_finding(values: list[Any]) -> None:
    decode, finding = decoder(values)
    assert decode(b"text", "LO") == "text"
    assert finding is not None


def test_a_character_set_of_another_vr_hinders_nobody() -> None:
    data = factory.part10(factory.ct_series(SpecificCharacterSet="ISO_IR 100")[0]).replace(
        b"CS\x0a\0ISO_IR", b"US\x0a\0ISO_IR"
    )
    file, meta = io.BytesIO(data), read_file_meta(io.BytesIO(data))
    where = {"offset": meta.data_offset, "size": len(data) - meta.data_offset}
    header = scan(file, **where, transfer_syntax_uid=meta.transfer_syntax_uid)
    assert any("is not known" in finding for finding in header.findings)
    model = instance_json(file, **where, transfer_syntax_uid=meta.transfer_syntax_uid, bulk_data_uri="bulk")
    assert model["00080005"]["Value"] == ["ISO_IR 192"]


def test_bytes_outside_the_character_set_do_not_stop_the_reading() -> None:
    decode, _ = decoder(["ISO_IR 192"])
    assert decode(b"a\xffb", "LO") == "a\ufffdb"


@shared
@pytest.mark.parametrize("path", shared_files("charsets"), ids=lambda path: path.stem)
def test_real_names_decode_as_pydicom_decodes_them(path: Path) -> None:
    instance = pydicom.dcmread(io.BytesIO(path.read_bytes()))
    raw = instance.PatientName.original_string if "PatientName" in instance else b""
    terms = instance.get("SpecificCharacterSet", [])
    decode, finding = decoder([terms] if isinstance(terms, str) else list(terms))
    assert decode(raw, "PN").rstrip() == str(instance.get("PatientName", "")).rstrip()
    assert finding is None
