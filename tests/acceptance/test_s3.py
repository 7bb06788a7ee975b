"""A whole site whose objects are in a bucket: what comes in is shown, found, retrieved and deleted as on a disk."""

import json

from kahua.testing.factory import ct_series
from kahua.testing.s3 import S3Server

from .conftest import StartSite, client_of
from .peers import send
from .running import RunningSite, wait_for


def test_a_site_keeps_its_objects_in_a_bucket(start_site: StartSite, s3: S3Server) -> None:
    settings = s3.settings()
    site: RunningSite = start_site(trash_days=0, **settings)
    client = client_of(site)
    series = ct_series(slices=3, seed="in a bucket", patient_id="BUCKET")
    send(site, series)
    item = client.wait_for_series(series[0].SeriesInstanceUID, preview=True, instances=3)
    assert item["preview"]["state"] == "ready"

    address = f"/dicom-web/main/studies/{item['study_uid']}/series/{item['series_uid']}"
    assert len(client.http.get(f"{address}/instances").json()) == 3
    whole = client.http.get(address, headers={"Accept": 'multipart/related; type="application/dicom"'})
    assert all(instance.PixelData in whole.content for instance in series)
    assert len(client.http.get(f"{address}/metadata").json()) == 3
    assert client.http.get(f"{address}/rendered", headers={"Accept": "image/jpeg"}).is_success

    assert not [path for path in (site.folder / "objects").rglob("*") if path.is_file()]
    logs = [site.output, *(site.folder / "logs").glob("*.log")]
    assert settings["s3_secret_access_key"] not in "".join(log.read_text() for log in logs)
    said = site.kahua("doctor", "--json")
    found = {finding["id"]: finding["severity"] for finding in json.loads(said.stdout)}
    assert found["objects"] == "fine", said.stdout
    assert client.http.delete(address).status_code == 204
    wait_for(lambda: client.http.get(f"{address}/metadata").status_code == 404, "the end of the series")
