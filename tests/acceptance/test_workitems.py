"""Workitems on a running site: ordered over HTTP, performed by a real run, their results retrieved; or ended."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from kahua.dicom import new_uid
from kahua.store.workitems.documents import code_item, sequence, words
from kahua.testing.factory import mr_series
from kahua.testing.workitems import input_of, new_workitem

from .conftest import StartSite, client_of, install
from .peers import send
from .running import Client, RunningSite, wait_for

SLICES = 8
UPS = "/dicom-web/main/workitems"

Json = dict[str, Any]


def head(name: str) -> list[Dataset]:
    return mr_series(slices=SLICES, rows=64, columns=64, seed=name, patient_id=name)


def order(client: Client, series: list[Dataset], *, code: Json | None = None, **parameters: float) -> str:
    """Order the test workflow on a series, all of whose instances are named; give the address of the workitem."""
    first = series[0]
    instances = tuple((each.SOPClassUID, each.SOPInstanceUID) for each in series)
    content = [
        {
            "0040A040": words("CS", "NUMERIC"),
            "0040A043": sequence(code_item(name, "99KAHUA", name)),
            "0040A30A": words("DS", value),
        }
        for name, value in parameters.items()
    ]
    document = new_workitem(
        t00100020=words("LO", first.PatientID),
        t00404018=sequence(code or code_item("thresholding/bright", "99KAHUA", "Find what is bright")),
        t00404021=sequence(input_of(first.StudyInstanceUID, first.SeriesInstanceUID, instances)),
        t00741210=sequence(*content),
    )
    answer = client.http.post(UPS, json=document)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def state_of(client: Client, address: str) -> str:
    state: str = client.http.get(address).json()["00741000"]["Value"][0]
    return state


def wait_for_state(client: Client, address: str, *states: str) -> Json:
    wait_for(lambda: state_of(client, address) in states, f"the state {' or '.join(states)}", seconds=120)
    document: Json = client.http.get(address).json()
    return document


def progress_of(document: Json) -> Json:
    progress: Json = document["00741002"]["Value"][0]
    return progress


@pytest.mark.usefixtures("workflow")
def test_a_workitem_is_performed_and_names_its_results_which_are_there(site: RunningSite, client: Client) -> None:
    series = head("ORDERED")
    address = order(client, series, level=400)
    said = site.kahua("workitem", "show", address.rpartition("/")[2]).stdout
    assert "is not here yet" in said
    send(site, series)
    document = wait_for_state(client, address, "COMPLETED", "CANCELED")
    assert document["00741000"]["Value"] == ["COMPLETED"], progress_of(document)
    (performed,) = document["00741216"]["Value"]
    parameters = {
        item["0040A043"]["Value"][0]["00080100"]["Value"][0]: item["0040A30A"]["Value"][0]
        for item in performed["00741212"]["Value"]
    }
    assert parameters == {"level": 400, "pause": 0}
    outputs = performed["00404033"]["Value"]
    found = [client.http.get(item["0040E025"]["Value"][0]["00081190"]["Value"][0] + "/metadata") for item in outputs]
    assert sorted(answer.json()[0]["00080060"]["Value"][0] for answer in found) == ["SEG", "SR"]
    for item, answer in zip(outputs, found, strict=True):
        named = {each["00081155"]["Value"][0] for each in item["00081199"]["Value"]}
        assert named == {each["00080018"]["Value"][0] for each in answer.json()}
    assert progress_of(document)["00741004"]["Value"] == [100]
    assert "COMPLETED" in site.kahua("workitem", "list", "--patient-id", "ORDERED").stdout


def test_a_code_of_others_stands_for_a_workflow_once_the_project_says_so(
    site: RunningSite, client: Client, workflow: str
) -> None:
    series = head("MAPPED")
    send(site, series)
    address = order(client, series, code=code_item("AI-7", "99RIS", "Brightness"))
    said = site.kahua("workitem", "map", "99RIS:AI-7", workflow)
    assert said.returncode == 0, said.stderr
    assert "99RIS:AI-7" in site.kahua("workitem", "codes").stdout
    assert wait_for_state(client, address, "COMPLETED", "CANCELED")["00741000"]["Value"] == ["COMPLETED"]
    assert site.kahua("workitem", "unmap", "99RIS:AI-7").returncode == 0


@pytest.mark.usefixtures("workflow")
def test_a_request_to_cancel_ends_the_run(site: RunningSite, client: Client) -> None:
    series = head("UNWANTED")
    send(site, series)
    address = order(client, series, pause=300)
    wait_for_state(client, address, "IN PROGRESS")
    answer = client.http.post(f"{address}/cancelrequest", json={"00741238": words("LT", "Wrong patient")})
    assert answer.status_code == 202, answer.text
    document = wait_for_state(client, address, "CANCELED")
    assert progress_of(document)["00741238"]["Value"] == ["Canceled on request: Wrong patient"]
    assert progress_of(document)["0074100E"]["Value"]
    assert any(run["state"] == "cancelled" for run in client.get("runs")["items"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": code_item("thresholding/nosuch", "99KAHUA", "x")}, "There is no workflow thresholding/nosuch"),
        ({"level": -5}, "must be at least 0"),
        ({"nosuch": 1}, "There is no parameter 'nosuch'"),
    ],
)
@pytest.mark.usefixtures("workflow")
def test_what_cannot_be_performed_is_canceled_with_the_reason(
    site: RunningSite, client: Client, changes: Any, reason: str
) -> None:
    series = head("IMPOSSIBLE")
    send(site, series)
    document = wait_for_state(client, order(client, series, **changes), "CANCELED", "COMPLETED")
    assert reason in progress_of(document)["00741238"]["Value"][0]


def test_a_workitem_is_performed_once_though_the_site_is_killed(
    start_site: StartSite, packages: tuple[Path, str]
) -> None:
    site = start_site()
    client = client_of(site)
    install(client, packages[1])
    series = head("KILLED")
    send(site, series)
    address = order(client, series, pause=5)
    wait_for_state(client, address, "IN PROGRESS")
    site.kill()
    site.start()
    again = Client(site, client.http.headers["Authorization"].removeprefix("Bearer "))
    path = address[address.index("/dicom-web") :]
    document = wait_for_state(again, path, "COMPLETED", "CANCELED")
    assert document["00741000"]["Value"] == ["COMPLETED"], progress_of(document)
    assert len(again.get("runs")["items"]) == 1
    again.http.close()
    client.http.close()


def test_a_performer_elsewhere_finds_claims_and_finishes_work(client: Client) -> None:
    uid, lock = new_uid(), new_uid()
    client.http.post(f"{UPS}?{uid}", json=new_workitem(t00741204=words("LO", "For somebody else")))
    found = client.http.get(UPS, params={"ProcedureStepState": "SCHEDULED", "ProcedureStepLabel": "For somebody*"})
    assert [each["00080018"]["Value"] for each in found.json()] == [[uid]]
    claim = {"00081195": words("UI", lock), "00741000": words("CS", "IN PROGRESS")}
    assert client.http.put(f"{UPS}/{uid}/state", json=claim).status_code == 200
    report = {"00741002": sequence({"00741004": words("DS", 50)})}
    assert client.http.post(f"{UPS}/{uid}?{lock}", json=report).status_code == 200
    end = {"00081195": words("UI", lock), "00741000": words("CS", "CANCELED")}
    assert client.http.put(f"{UPS}/{uid}/state", json=end).status_code == 200
