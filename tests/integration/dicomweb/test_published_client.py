"""dicomweb-client, the published library, searches, retrieves and stores against a site."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread

from kahua.dicom import transfer_syntaxes
from kahua.testing import shared_data
from kahua.testing.factory import ct_series, part10, picture

from .conftest import token_of

ANY_SYNTAX = (("application/dicom", "*"),)
STORED_FRAMES = (("application/octet-stream", "*"),)
NATIVE_FRAMES = (("application/octet-stream", transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN),)


@pytest.fixture(scope="module")
def client(address: str, token: str) -> DICOMwebClient:
    return client_of(address, token, "liver")


def client_of(address: str, token: str, project: str) -> DICOMwebClient:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    return DICOMwebClient(f"{address}/dicom-web/{project}", session=session)


def read(file: bytes | Path) -> Dataset:
    return dcmread(BytesIO(file) if isinstance(file, bytes) else file)


def uids(instance: Dataset) -> tuple[str, str, str]:
    return instance.StudyInstanceUID, instance.SeriesInstanceUID, instance.SOPInstanceUID


def as_sent(instance: Dataset) -> bytes:
    """The data set of an instance as the library encodes it."""
    buffer = BytesIO()
    instance.save_as(buffer)
    written = buffer.getvalue()
    meta_length = int.from_bytes(written[140:144], "little")
    return written[144 + meta_length :]


def series_of_patient(patient_id: str, slices: int = 3) -> list[Dataset]:
    return [read(part10(each)) for each in ct_series(slices=slices, seed=patient_id, patient_id=patient_id)]


def test_what_is_stored_is_found_and_comes_back(client: DICOMwebClient) -> None:
    series = series_of_patient("STORED")
    answer = client.store_instances(series)
    assert len(answer.ReferencedSOPSequence) == 3
    (study,) = client.search_for_studies(search_filters={"PatientID": "STORED"})
    study_uid, series_uid, _ = uids(series[0])
    assert study["0020000D"]["Value"] == [study_uid]
    (found,) = client.search_for_series(study_uid, search_filters={"Modality": "CT"})
    assert found["00201209"]["Value"] == [3]
    assert len(client.search_for_instances(study_uid, series_uid)) == 3
    back = client.retrieve_series(study_uid, series_uid, media_types=ANY_SYNTAX)
    assert [as_sent(each) for each in back] == [as_sent(each) for each in series]
    assert len(client.retrieve_study(study_uid, media_types=ANY_SYNTAX)) == 3


@pytest.mark.parametrize("wanted", ["yamada^tarou", "=山田*", "山田^太郎", "Yamada^Tarou^^=", "Yamada*=*=やまだ*"])
def test_a_name_is_found_by_each_of_its_groups(client: DICOMwebClient, wanted: str) -> None:
    (instance,) = ct_series(
        slices=1, seed="NAMED", patient_id="NAMED", patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう"
    )
    client.store_instances([read(part10(instance))])
    (study,) = client.search_for_studies(search_filters={"PatientName": wanted, "PatientID": "NAMED"})
    assert study["00100010"]["Value"][0]["Ideographic"] == "山田^太郎"
    (fuzzy,) = client.search_for_studies(
        fuzzymatching=True, search_filters={"PatientName": "tar 山", "PatientID": "NAMED"}
    )
    assert fuzzy == study
    assert client.search_for_studies(search_filters={"PatientName": "=Yamada*", "PatientID": "NAMED"}) == []


def test_paging_gives_everything_once(client: DICOMwebClient) -> None:
    series = series_of_patient("PAGED", slices=5)
    client.store_instances(series)
    study_uid, series_uid, _ = uids(series[0])
    pages = [client.search_for_instances(study_uid, series_uid, limit=2, offset=offset) for offset in (0, 2, 4)]
    found = [row["00080018"]["Value"][0] for page in pages for row in page]
    assert found == [each.SOPInstanceUID for each in series]


def test_metadata_describe_the_instances(client: DICOMwebClient) -> None:
    series = series_of_patient("DESCRIBED")
    client.store_instances(series)
    study_uid, series_uid, instance_uid = uids(series[1])
    whole = client.retrieve_series_metadata(study_uid, series_uid)
    assert [Dataset.from_json(row, lambda *_: b"").SOPInstanceUID for row in whole] == [
        each.SOPInstanceUID for each in series
    ]
    assert client.retrieve_instance_metadata(study_uid, series_uid, instance_uid) == whole[1]
    assert len(client.retrieve_study_metadata(study_uid)) == 3


def test_bulk_data_come_from_the_address_that_metadata_name(client: DICOMwebClient) -> None:
    (instance,) = series_of_patient("BULK", slices=1)
    client.store_instances([instance])
    (row,) = client.retrieve_series_metadata(*uids(instance)[:2])
    (value,) = client.retrieve_bulkdata(row["7FE00010"]["BulkDataURI"])
    assert value == instance.PixelData


@pytest.mark.parametrize("syntax", [transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN, transfer_syntaxes.JPEG_LS_LOSSLESS])
def test_frames_come_as_they_are_stored(client: DICOMwebClient, syntax: str) -> None:
    frames = np.random.default_rng(1).integers(0, 4000, (3, 16, 24), dtype=np.uint16)
    instance = read(part10(picture(frames, seed=syntax, StudyInstanceUID=f"{syntax}.1"), syntax))
    client.store_instances([instance])
    found = client.retrieve_instance_frames(*uids(instance), frame_numbers=[1, 3], media_types=STORED_FRAMES)
    if syntax == transfer_syntaxes.EXPLICIT_LITTLE_ENDIAN:
        assert found == [frames[0].tobytes(), frames[2].tobytes()]
    else:
        assert all(frame.startswith(b"\xff\xd8") for frame in found)
    decoded = client.retrieve_instance_frames(*uids(instance), frame_numbers=[3], media_types=NATIVE_FRAMES)
    assert decoded == [frames[2].tobytes()]


def test_pictures_are_rendered(client: DICOMwebClient) -> None:
    (instance,) = series_of_patient("RENDERED", slices=1)
    client.store_instances([instance])
    picture_ = client.retrieve_instance_rendered(*uids(instance), media_types=("image/jpeg",))
    assert picture_.startswith(b"\xff\xd8\xff")
    frame = client.retrieve_instance_frames_rendered(*uids(instance), [1], media_types=("image/png",))
    assert frame.startswith(b"\x89PNG")


def test_another_project_holds_nothing_of_it(client: DICOMwebClient, address: str, token: str) -> None:
    series = series_of_patient("OURS", slices=1)
    client.store_instances(series)
    other = client_of(address, token, "brain")
    assert other.search_for_studies(search_filters={"PatientID": "OURS"}) == []
    with pytest.raises(requests.HTTPError, match="404"):
        other.retrieve_instance(*uids(series[0]))


def test_everything_comes_piece_by_piece_too(client: DICOMwebClient) -> None:
    series = series_of_patient("PIECES")
    client.set_chunk_size(1000)
    client.set_http_retry_params(retry=True, max_attempts=2)
    client.store_instances(series)
    study_uid, series_uid, instance_uid = uids(series[0])
    for found in (
        client.iter_study(study_uid, media_types=ANY_SYNTAX),
        client.iter_series(study_uid, series_uid, media_types=ANY_SYNTAX),
    ):
        assert [as_sent(each) for each in found] == [as_sent(each) for each in series]
    frames = client.iter_instance_frames(study_uid, series_uid, instance_uid, [1], media_types=STORED_FRAMES)
    assert list(frames) == [series[0].PixelData]
    (one,) = [client.retrieve_instance(study_uid, series_uid, instance_uid, media_types=ANY_SYNTAX)]
    assert as_sent(one) == as_sent(series[0])


def test_bulk_data_come_whole_where_a_range_is_asked_of_an_answer_in_parts(client: DICOMwebClient) -> None:
    """The library asks for multipart alone: a range of that would be one of boundaries, and is left out."""
    (instance,) = series_of_patient("RANGE", slices=1)
    client.store_instances([instance])
    (row,) = client.retrieve_series_metadata(*uids(instance)[:2])
    address = row["7FE00010"]["BulkDataURI"]
    assert list(client.iter_bulkdata(address)) == [instance.PixelData]
    kind = (("application/octet-stream", "*"),)
    assert client.retrieve_bulkdata(address, media_types=kind, byte_range=(2, 9)) == [instance.PixelData]


def test_searches_take_fields_fuzzy_names_and_get_what_remains(client: DICOMwebClient) -> None:
    series = series_of_patient("SEARCHED", slices=5)
    client.store_instances(series)
    study_uid, series_uid, _ = uids(series[0])
    (study,) = client.search_for_studies(
        fuzzymatching=True,
        fields=["StudyDescription"],
        search_filters={"PatientID": "SEARCHED", "PatientName": "head phan"},
    )
    assert study["00081030"]["Value"] == ["Phantom study"]
    whole = client.search_for_instances(study_uid, series_uid, limit=2, get_remaining=True)
    assert [row["00080018"]["Value"][0] for row in whole] == [each.SOPInstanceUID for each in series]


def test_a_series_is_rendered_as_a_whole(client: DICOMwebClient) -> None:
    series = series_of_patient("DRAWN", slices=1)
    client.store_instances(series)
    drawn = client.retrieve_series_rendered(*uids(series[0])[:2], media_types=("image/jpeg",))
    assert b"\xff\xd8\xff" in drawn


def test_instances_series_and_studies_are_deleted_by_who_may(site: Any, address: str, client: DICOMwebClient) -> None:
    series = series_of_patient("DELETED")
    study_uid, series_uid, instance_uid = uids(series[0])
    client.store_instances(series)
    with pytest.raises(requests.HTTPError, match="403"):
        client.delete_instance(study_uid, series_uid, instance_uid)
    client = client_of(address, token_of(site, "manager"), "liver")
    client.delete_instance(study_uid, series_uid, instance_uid)
    assert len(client.search_for_instances(study_uid, series_uid)) == 2
    client.delete_series(study_uid, series_uid)
    assert client.search_for_series(study_uid) == []
    other = series_of_patient("DELETED-TOO")
    client.store_instances(other)
    client.delete_study(other[0].StudyInstanceUID)
    assert client.search_for_studies(search_filters={"PatientID": "DELETED-TOO"}) == []


def test_no_method_of_the_library_that_calls_a_server_is_left_out_here() -> None:
    source = Path(__file__).read_text()
    methods = {name for name in vars(DICOMwebClient) if not name.startswith(("_", "lookup_"))} - {"protocol"}
    called = {name for name in methods if re.search(rf"\.{name}\(", source)}
    assert methods - {name for name in methods if isinstance(vars(DICOMwebClient)[name], property)} == called


@pytest.mark.skipif(shared_data() is None, reason="the folder shared/data is not here")
def test_a_real_study_comes_back_byte_for_byte(address: str, token: str) -> None:
    folder = shared_data()
    assert folder is not None
    files = sorted(path for path in (folder / "petct_acrin").rglob("*") if path.is_file() and _is_dicom(path))
    body, kind = _multipart(files)
    base = f"{address}/dicom-web/liver"
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{base}/studies", data=body, headers={**headers, "Content-Type": kind}, timeout=120)
    assert answer.status_code == 200, answer.text[:1000]
    first = dcmread(files[0], stop_before_pixels=True)
    expected = {}
    for path in files:
        meta = dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        expected[meta.SOPInstanceUID] = _data_set(path.read_bytes())
    study = client_of(address, token, "liver").iter_study(first.StudyInstanceUID, media_types=ANY_SYNTAX)
    assert sum(1 for _ in study) == len(files)
    for item in answer.json()["00081199"]["Value"]:
        url = item["00081190"]["Value"][0]
        got = requests.get(url, headers={**headers, "Accept": "application/dicom; transfer-syntax=*"}, timeout=30)
        assert _data_set(got.content) == expected[item["00081155"]["Value"][0]]


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _data_set(file: bytes) -> bytes:
    return file[144 + int.from_bytes(file[140:144], "little") :]


def _multipart(files: list[Path]) -> tuple[Any, str]:
    def pieces() -> Any:
        for path in files:
            yield b"--b0undary\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n"
        yield b"--b0undary--\r\n"

    return pieces(), 'multipart/related; type="application/dicom"; boundary=b0undary'
