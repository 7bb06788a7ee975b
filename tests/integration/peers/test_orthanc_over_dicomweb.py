"""Orthanc's DICOMweb client against a site: it finds, retrieves and stores."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kahua.access import Role, create_token, get_user
from kahua.api import create_application
from kahua.site import Site
from kahua.testing.factory import ct_series, part10
from kahua.testing.serving import free_port, served
from kahua.testing.site import add_person, temporary_site

from .servers import PASSWORD, USER, Orthanc, orthanc

HERE = ct_series(slices=3, seed="here", patient_id="HERE")
THERE = ct_series(slices=2, seed="there", patient_id="THERE", patient_name="Roe^Richard")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = temporary_site(tmp_path_factory.mktemp("site"), port=free_port())
    add_person(site.database, "curator", liver=Role.CURATOR)
    yield site
    site.close()


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with served(create_application(site), site.settings.port):
        yield site.settings.url


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    with site.database.write() as session:
        _, secret = create_token(session, user_id=get_user(session, "curator").id, label="test", days=1)
    return secret


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, address: str, token: str) -> Iterator[Orthanc]:
    """Give an Orthanc that knows this site, and its token, as the server ``kahua``."""
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        known = {"Url": f"{address}/dicom-web/liver/", "HttpHeaders": {"Authorization": f"Bearer {token}"}}
        call(server, "PUT", "/dicom-web/servers/kahua", known)
        yield server


def call(server: Orthanc, method: str, path: str, body: object = None) -> Any:
    url = f"http://127.0.0.1:{server.http_port}{path}"
    answer = httpx.request(method, url, json=body, auth=(USER, PASSWORD), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.content else None


def keep(address: str, token: str) -> None:
    """Store three instances here."""
    parts = b"".join(b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part10(each) + b"\r\n" for each in HERE)
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    answer = httpx.post(f"{address}/dicom-web/liver/studies", content=parts + b"--b--\r\n", headers=headers)
    assert answer.status_code == 200, answer.text


def test_orthanc_finds_and_retrieves_over_dicomweb(server: Orthanc, address: str, token: str) -> None:
    keep(address, token)
    study = str(HERE[0].StudyInstanceUID)
    question = {"Uri": "/studies", "Arguments": {"PatientID": "HERE", "00100010": "phantom*"}}
    (found,) = call(server, "POST", "/dicom-web/servers/kahua/qido", question)
    assert found["0020000D"]["Value"] == study
    wanted = {"Resources": [{"Study": study}], "Synchronous": True}
    done = call(server, "POST", "/dicom-web/servers/kahua/retrieve", wanted)
    assert done["ReceivedInstancesCount"] == "3"
    assert set(server.instances()) >= {str(each.SOPInstanceUID) for each in HERE}


def test_orthanc_stores_over_dicomweb(server: Orthanc, address: str, token: str) -> None:
    server.forget_all()
    server.keep(THERE)
    call(server, "POST", "/dicom-web/servers/kahua/stow", {"Resources": call(server, "GET", "/studies")})
    headers = {"Authorization": f"Bearer {token}"}
    for instance in THERE:
        place = f"studies/{instance.StudyInstanceUID}/series/{instance.SeriesInstanceUID}"
        url = f"{address}/dicom-web/liver/{place}/instances/{instance.SOPInstanceUID}"
        kept = httpx.get(url, headers={**headers, "Accept": "application/dicom; transfer-syntax=*"})
        assert kept.status_code == 200
        assert kept.content.endswith(part10(instance)[-1000:])
