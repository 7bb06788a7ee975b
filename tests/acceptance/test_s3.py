"""A whole site whose objects are in a bucket: what comes in is shown, found, worked on and erased as on a disk."""

import json
from pathlib import Path

import pytest

from kahua.store.objects import FetchedFiles, ObjectStore
from kahua.testing.factory import ct_series, mr_series
from kahua.testing.s3 import ACCESS_KEY, SECRET_KEY, S3Server

from .conftest import StartSite, client_of, install
from .peers import send
from .running import Client, RunningSite, wait_for


@pytest.fixture
def settings(s3: S3Server) -> dict[str, str]:
    return s3.settings()


@pytest.fixture
def kept(start_site: StartSite, settings: dict[str, str]) -> RunningSite:
    """Start a site that keeps its objects in a bucket, and nothing in a trash."""
    return start_site(trash_days=0, **settings)


@pytest.fixture
def bucket(settings: dict[str, str], tmp_path: Path) -> ObjectStore:
    from kahua.store.objects.s3 import S3Store  # late: the extra may be missing

    name, _, prefix = settings["object_store"].removeprefix("s3://").partition("/")
    return S3Store(
        name,
        prefix,
        endpoint=settings["s3_endpoint"],
        region="us-east-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        fetched=FetchedFiles(tmp_path, most_bytes=1_000_000),
    )


def test_a_site_keeps_its_objects_in_a_bucket(kept: RunningSite, settings: dict[str, str], bucket: ObjectStore) -> None:
    client = client_of(kept)
    series = ct_series(slices=3, seed="in a bucket", patient_id="BUCKET")
    other = ct_series(slices=2, seed="erased from a bucket", patient_id="ERASED")
    for one in (series, other):
        send(kept, one)
        item = client.wait_for_series(one[0].SeriesInstanceUID, preview=True, instances=len(one))
        assert item["preview"]["state"] == "ready"

    address = f"/dicom-web/main/studies/{series[0].StudyInstanceUID}/series/{series[0].SeriesInstanceUID}"
    assert len(client.http.get(f"{address}/instances").json()) == 3
    whole = client.http.get(address, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert all(instance.PixelData in whole.content for instance in series)
    look_as_ohif_does(client, address, series[1].SOPInstanceUID, series[1].PixelData)

    assert not [path for path in (kept.folder / "objects").rglob("*") if path.is_file()]
    logs = [kept.output, *(kept.folder / "logs").glob("*.log")]
    assert settings["s3_secret_access_key"] not in "".join(log.read_text() for log in logs)
    said = kept.kahua("doctor", "--json")
    found = {finding["id"]: finding["severity"] for finding in json.loads(said.stdout)}
    assert found["objects"] == "fine", said.stdout
    assert client.http.delete(address).status_code == 204
    wait_for(lambda: client.http.get(f"{address}/metadata").status_code == 404, "the end of the series")
    assert kept.kahua("trash", "empty", "--all", "--yes").returncode == 0
    erased = kept.kahua("erase", "--patient", "ERASED", "--yes")
    assert erased.returncode == 0, erased.stderr
    assert list(bucket.keys()) == []
    client.http.close()


def look_as_ohif_does(client: Client, address: str, instance: str, pixels: bytes) -> None:
    """Ask for metadata, a frame as it is stored, a picture and a thumbnail."""
    metadata = client.http.get(f"{address}/metadata", headers={"Accept": "application/dicom+json"}).json()
    assert len(metadata) == 3
    frame = client.http.get(
        f"{address}/instances/{instance}/frames/1",
        headers={"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"},
    )
    assert pixels in frame.content, frame.text
    for picture in (f"{address}/rendered", f"{address}/instances/{instance}/rendered", f"{address}/thumbnail"):
        answer = client.http.get(picture, headers={"Accept": "image/jpeg"})
        assert answer.content.startswith(b"\xff\xd8"), answer.text


def test_a_workflow_runs_on_objects_in_a_bucket(
    kept: RunningSite, packages: tuple[Path, str], bucket: ObjectStore
) -> None:
    client = client_of(kept)
    workflow = install(client, packages[1])
    series = mr_series(slices=4, seed="worked on in a bucket", patient_id="WORKED-ON")
    send(kept, series)
    source = client.wait_for_series(series[0].SeriesInstanceUID, instances=4)
    started = client.post("runs", {"workflow": workflow, "series": [source["id"]], "parameters": {}})
    run = client.wait_for_run(started["id"])
    assert run["state"] == "succeeded", run
    made = client.series(q="PatientID:WORKED-ON")
    assert sorted(each["modality"] for each in made) == ["MR", "SEG", "SR"]
    erased = kept.kahua("erase", "--patient", "WORKED-ON", "--yes")
    assert erased.returncode == 0, erased.stderr
    wait_for(lambda: kept.kahua("doctor", "--mend") and not list(bucket.keys()), "an empty bucket")
    client.http.close()
