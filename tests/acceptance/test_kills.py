"""A site that is killed, all of it at once, at any moment, goes on after the next start as if nothing had been."""

import os
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset

from kahua.testing.factory import CT_IMAGE_STORAGE, ct_series, data_set_bytes, mr_series

from .conftest import StartSite, client_of, install
from .peers import associate, send, store_bytes
from .running import Client, RunningSite, wait_for

#: Kills of a run and of a burst: few each time, many on demand.
KILLS = int(os.environ.get("KAHUA_TEST_KILLS", "2"))  # noqa: TID251 - no setting of a site

#: Instances of a burst.
BURST = 60


@pytest.fixture(scope="module")
def mortal(start_site: StartSite) -> RunningSite:
    """Start a site that is there to be killed."""
    return start_site()


def born_again(site: RunningSite, token: str) -> Client:
    """Start the site again and come back to it."""
    site.start()
    return Client(site, token)


@pytest.fixture
def token(mortal: RunningSite) -> str:
    """Make an API token of the administrator, which outlives the site's processes."""
    client = client_of(mortal)
    client.http.close()
    return str(client.http.headers["Authorization"].removeprefix("Bearer "))


def moments(seed: str, longest: float) -> Iterator[tuple[int, float]]:
    """Give numbers and random moments in seconds, the same each time."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for number in range(KILLS):
        yield number, chance.uniform(0.1, longest)


def test_a_run_gives_the_same_result_once_whenever_the_site_is_killed(
    mortal: RunningSite, token: str, packages: tuple[Any, str]
) -> None:
    client = Client(mortal, token)
    workflow = install(client, packages[1])
    for number, moment in moments("run", 4):
        series = mr_series(slices=4, seed=f"killed-{number}", patient_id=f"KILLED-{number}")
        send(mortal, series)
        source = client.wait_for_series(series[0].SeriesInstanceUID, instances=4)
        started = client.post("runs", {"workflow": workflow, "series": [source["id"]], "parameters": {"pause": 0.5}})
        time.sleep(moment)
        client.http.close()
        mortal.kill()
        client = born_again(mortal, token)
        run = client.wait_for_run(started["id"])
        assert run["state"] == "succeeded", run
        assert sorted(result["output"] for result in run["results"]) == ["mask", "volumes"]
        made = client.series(q=f"PatientID:KILLED-{number}")
        assert sorted(item["modality"] for item in made) == ["MR", "SEG", "SR"], "nothing lost, nothing doubled"
        assert {item["instance_count"] for item in made if item["modality"] != "MR"} == {1}
        (measured,) = next(result for result in run["results"] if result["output"] == "volumes")["summary"][
            "measurements"
        ]
        assert measured["value"] > 0
    client.http.close()


def test_what_was_acknowledged_is_there_after_a_kill_in_the_middle_of_a_burst(mortal: RunningSite, token: str) -> None:
    for number, moment in moments("burst", 0.6):
        series = ct_series(slices=BURST, seed=f"burst-{number}", patient_id=f"BURST-{number}")
        killer = threading.Timer(moment, mortal.kill)
        killer.start()
        acknowledged = burst(mortal, series)
        killer.join()
        client = born_again(mortal, token)
        kept = uids_of(client, series)
        assert acknowledged <= kept, f"{len(acknowledged - kept)} acknowledged instances were lost"

        assert len(burst(mortal, series)) == BURST, "what is sent again is welcome"
        item = client.wait_for_series(series[0].SeriesInstanceUID, instances=BURST)
        assert item["instance_count"] == BURST
        assert len(uids_of(client, series)) == BURST
        assert client.get("quarantine")["items"] == []
        client.http.close()


def burst(site: RunningSite, series: list[Dataset]) -> set[str]:
    """Send a series until the end or until nobody answers; give what was acknowledged."""
    acknowledged: set[str] = set()
    association = associate(site, CT_IMAGE_STORAGE)
    for instance in series if association.is_established else ():
        status = store_bytes(association, CT_IMAGE_STORAGE, instance.SOPInstanceUID, data_set_bytes(instance))
        if status is None:
            break
        assert status == 0
        acknowledged.add(str(instance.SOPInstanceUID))
    if association.is_established:
        association.release()
    return acknowledged


def uids_of(client: Client, series: list[Dataset]) -> set[str]:
    """SOP Instance UIDs of a series that the site has."""
    answer = client.http.get(
        "/dicom-web/main/instances", params={"SeriesInstanceUID": series[0].SeriesInstanceUID, "limit": 1000}
    )
    return {item["00080018"]["Value"][0] for item in answer.json()} if answer.content else set()


def test_the_audit_log_and_the_doctor_are_content_after_all_that(mortal: RunningSite) -> None:
    said = wait_for(lambda: doctor(mortal), "a doctor who is content")
    assert said


def doctor(site: RunningSite) -> bool:
    """Whether the doctor finds nothing wrong."""
    return site.kahua("doctor", "--json").returncode == 0
