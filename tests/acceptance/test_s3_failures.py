"""A bucket that cannot be used is said at the start; one that fails later costs nobody an image."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset

from kahua.testing.factory import CT_IMAGE_STORAGE, ct_series, data_set_bytes, part10
from kahua.testing.s3 import READER_KEY, READER_SECRET, SECRET_KEY, S3Server, lacking, s3_server
from kahua.testing.troubled import Trouble, troubled_way

from .conftest import StartSite, client_of
from .peers import associate, store_bytes
from .running import Client, RunningSite, wait_for

DICOM = {"Accept": 'multipart/related; type="application/dicom"'}


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """Start a server that may be killed."""
    if reason := lacking():
        pytest.skip(reason)
    with s3_server() as server:
        yield server


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"s3_secret_access_key": "very-wrong-secret"}, "refuses the access key. Correct s3_access_key_id"),
        ({"s3_access_key_id": READER_KEY, "s3_secret_access_key": READER_SECRET}, "refuses the access key"),
        ({"object_store": "s3://no-such-bucket/kahua"}, "There is no bucket for s3://no-such-bucket/kahua."),
        ({"s3_endpoint": "http://127.0.0.1:9"}, "does not answer as it should; try again. Look whether it runs"),
        ({"s3_access_key_id": ""}, "The access key of the object store is missing."),
        ({"object_store": "ftp://images"}, "Objects cannot be kept at ftp://images."),
    ],
)
def test_a_bucket_that_cannot_be_used_is_said_at_the_start(
    s3: S3Server, tmp_path: Path, wrong: dict[str, str], words: str
) -> None:
    settings = {**s3.settings(), **wrong}
    site = RunningSite(tmp_path / "data", {f"KAHUA_{name.upper()}": value for name, value in settings.items()})
    result = site.kahua("up", "--port", "0", "--dicom-port", "0")
    (sentence,) = result.stderr.strip().splitlines()
    assert (result.returncode, result.stdout) == (1, "")
    assert words in sentence
    said = sentence + "".join(log.read_text() for log in (site.folder / "logs").glob("*.log"))
    assert SECRET_KEY not in said
    assert "very-wrong-secret" not in said


def c_store(site: RunningSite, instance: Dataset) -> int | None:
    association = associate(site, CT_IMAGE_STORAGE)
    try:
        return store_bytes(association, CT_IMAGE_STORAGE, instance.SOPInstanceUID, data_set_bytes(instance))
    finally:
        association.release()


def test_an_outage_of_the_bucket_refuses_what_comes_and_loses_nothing(start_site: StartSite, own_s3: S3Server) -> None:
    site = start_site(**own_s3.settings())
    client = client_of(site)
    before, during, by_web = ct_series(slices=3, seed="outage")
    assert c_store(site, before) == 0
    client.wait_for_series(before.SeriesInstanceUID, preview=True)
    assert client.http.get("/readyz").is_success

    parts = site.parts()
    own_s3.kill()
    assert c_store(site, during) == 0xA700
    stow = client.http.post(
        "/dicom-web/main/studies", content=part10(by_web), headers={"Content-Type": "application/dicom"}
    )
    assert stow.status_code == 503, stow.text
    series = f"/dicom-web/main/studies/{before.StudyInstanceUID}/series/{before.SeriesInstanceUID}"
    instance = client.http.get(f"{series}/instances/{before.SOPInstanceUID}", headers={"Accept": "application/dicom"})
    assert instance.status_code == 503, instance.text
    wait_for(lambda: client.http.get("/readyz").status_code == 503, "the news of the outage")
    assert client.http.get("/healthz").is_success
    doctor = site.kahua("doctor")
    assert doctor.returncode == 1
    assert "does not answer as it should" in doctor.stdout
    assert len(client.http.get(f"{series}/instances").json()) == 1
    assert client.get("quarantine")["items"] == []

    own_s3.start()
    wait_for(lambda: client.http.get("/readyz").is_success, "the end of the outage")
    assert (c_store(site, during), c_store(site, by_web)) == (0, 0)
    client.wait_for_series(before.SeriesInstanceUID, preview=True, instances=3)
    whole = client.http.get(series, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert all(each.SOPInstanceUID.encode() in whole.content for each in (before, during, by_web))
    assert site.parts() == parts
    client.http.close()


#: What the doctor says of a trouble.
WORDS = {
    Trouble.FAILS: "does not answer as it should",
    Trouble.REFUSES: "refuses the access key",
    Trouble.NO_BUCKET: "There is no bucket for",
    Trouble.FULL: "There is no more room at",
}


def test_a_troubled_server_costs_nobody_an_image_and_needs_no_restart(start_site: StartSite, s3: S3Server) -> None:
    with troubled_way(s3.ports["s3"]) as way:
        site = start_site(**{**s3.settings(), "s3_endpoint": way.endpoint})
        client = client_of(site)
        series = ct_series(slices=6, seed="troubled")
        assert c_store(site, series[0]) == 0
        client.wait_for_series(series[0].SeriesInstanceUID, preview=True)
        parts, address = site.parts(), address_of(series[0])
        for instance, (trouble, words) in zip(series[1:], WORDS.items(), strict=False):
            way.trouble = trouble
            assert c_store(site, instance) == 0xA700, trouble
            assert stow(client, instance) in (503, 507), trouble
            assert client.http.get(address, headers=DICOM).status_code in (503, 507), trouble
            doctor = site.kahua("doctor")
            assert doctor.returncode == 1, trouble
            assert words in doctor.stdout, trouble
            way.trouble = Trouble.NONE
            wait_for(lambda: client.http.get("/readyz").is_success, "the end of the trouble")
            assert c_store(site, instance) == 0, trouble

        way.trouble = Trouble.CUT
        with suppress(httpx.RemoteProtocolError):  # what cannot be given whole does not look whole
            assert client.http.get(address, headers=DICOM).status_code == 503
        assert site.kahua("doctor", "--thorough").returncode == 1
        way.trouble = Trouble.SLOW
        assert c_store(site, series[5]) == 0
        whole = client.http.get(address, headers=DICOM)
        assert all(each.PixelData in whole.content for each in series)
        way.trouble = Trouble.NONE
        assert "Every object is as it was stored." in site.kahua("doctor", "--thorough").stdout
        assert site.parts() == parts
        assert client.get("quarantine")["items"] == []
        client.http.close()


def address_of(instance: Dataset) -> str:
    return f"/dicom-web/main/studies/{instance.StudyInstanceUID}/series/{instance.SeriesInstanceUID}"


def stow(client: Client, instance: Dataset) -> int:
    headers = {"Content-Type": "application/dicom"}
    return client.http.post("/dicom-web/main/studies", content=part10(instance), headers=headers).status_code
