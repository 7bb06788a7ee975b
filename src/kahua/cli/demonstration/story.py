"""The steps of the demonstration, each looked into as it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from kahua.cli.demonstration.client import SiteClient
from kahua.cli.demonstration.facts import Facts
from kahua.cli.demonstration.results import Comparison, compare_with_mask, datasets_of, read_volume_report
from kahua.cli.demonstration.sender import Sent, send_folder
from kahua.errors import InvalidInput

WORKFLOW = "brain-extraction/brain-extraction"

#: Dataset into which the demonstration's images go: the calling AE title is ``kp-demo``.
DATASET = "demo"

#: Agreement with the reference mask below which the demonstration has failed (Dice coefficient).
LEAST_DICE = 0.95

BAD_REQUEST, UNAUTHORIZED = 400, 401
DICOM = 'multipart/related; type="application/dicom"'
DICOM_JSON = "application/dicom+json"

#: Told what is being done, how much of it is done, and of how much.
Tell = Callable[[str, int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a demonstration produced."""

    series: dict[str, Any]
    run: dict[str, Any]
    comparison: Comparison | None
    measurements: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Story:
    """A demonstration on one site."""

    client: SiteClient
    dicom_host: str
    dicom_port: int
    facts: Facts
    tell: Tell

    def run(self, folder: Path, mask: Path | None) -> Outcome:
        """Send a folder, run the model on the first series that fits, and look into everything on the way."""
        sent = self.send(folder)
        series = self.find(sent)
        run = self.execute(series)
        return self.look_at_results(series, run, mask)

    def send(self, folder: Path) -> Sent:
        """Send the images over a real association."""
        sent = send_folder(
            folder,
            host=self.dicom_host,
            port=self.dicom_port,
            called=f"kp-{self.client.project}",
            calling=f"kp-{DATASET}",
            tell=lambda done, total: self.tell("Sending by C-STORE", done, total),
        )
        total = sent.acknowledged + len(sent.refused)
        seen = f"{sent.acknowledged} of {total}"
        self.facts.note("Every instance is acknowledged", holds=not sent.refused, seen=seen)
        return sent

    def find(self, sent: Sent) -> dict[str, Any]:
        """Find a series that the model can work on, as the gallery and as DICOMweb show it."""
        self.tell("Waiting for previews", 0, None)
        found = [self.client.wait_for_series(study, series, _has_preview) for study, series in sent.series]
        checked = self.client.post(f"workflows/{WORKFLOW}/check", {"series": [item["id"] for item in found]})
        if not checked["fit"]:
            reasons = "; ".join(f"{entry['series']}: {', '.join(entry['reasons'])}" for entry in checked["unfit"][:3])
            raise InvalidInput(f"No series that was sent fits {WORKFLOW}: {reasons}.")
        series: dict[str, Any] = next(item for item in found if item["id"] == checked["fit"][0])
        self._look_at_series(series)
        return series

    def execute(self, series: dict[str, Any]) -> dict[str, Any]:
        """Run the model; a run that an interrupted demonstration began is followed to its end instead."""
        begun = self._begun_run(series)
        run = begun or self.client.post("runs", {"workflow": WORKFLOW, "series": [series["id"]]})
        finished = self.client.wait_for_run(run["id"], self._tell_states)
        states = [task["state"] for job in finished["jobs"] for task in job["tasks"]]
        self.facts.note(
            "The run and all its tasks succeeded", holds=set(states) == {"succeeded"}, seen=f"{len(states)} tasks"
        )
        return finished

    def look_at_results(self, series: dict[str, Any], run: dict[str, Any], mask: Path | None) -> Outcome:
        """Fetch the results as DICOM and compare."""
        segmentation = self._result(series, run, "segmentation")
        report = self._result(series, run, "measurements")
        comparison = self._compare(segmentation, mask) if mask else None
        measurements = read_volume_report(report)
        self.facts.note("The report (TID 1500) holds the volume", holds=bool(measurements), seen=measurements)
        detail = self.client.get(f"series/{series['id']}")
        linked = {item["series_uid"] for item in detail["referenced_by"]}
        self.facts.note(
            "The results lie beside their source",
            holds={str(segmentation.SeriesInstanceUID), str(report.SeriesInstanceUID)} <= linked,
            seen=f"{len(linked)} related series",
        )
        return Outcome(series=series, run=run, comparison=comparison, measurements=measurements)

    def _begun_run(self, series: dict[str, Any]) -> dict[str, Any] | None:
        for item in self.client.get("runs", workflow=WORKFLOW, limit=100)["items"]:
            if item["state"] in ("failed", "cancelled", "cancelling"):
                continue
            run: dict[str, Any] = self.client.get(f"runs/{item['id']}")
            if any(entry["id"] == series["id"] for job in run["jobs"] for entry in job["series"]):
                return run
        return None

    def _look_at_series(self, series: dict[str, Any]) -> None:
        preview = self.client.http.get(series["preview"]["url"] or "/")
        self.facts.note(
            "The gallery shows a preview",
            holds=preview.headers.get("content-type") == "image/webp",
            seen=f"{len(preview.content)} bytes of {preview.headers.get('content-type')}",
        )
        study, uid = series["study_uid"], series["series_uid"]
        answer = self.client.dicomweb(f"studies/{study}/series?SeriesInstanceUID={uid}", DICOM_JSON).json()
        count = answer[0]["00201209"]["Value"][0] if answer else 0
        self.facts.note("QIDO-RS finds the series", holds=count == series["instance_count"], seen=f"{count} instances")
        instances = datasets_of(self.client.dicomweb(f"studies/{study}/series/{uid}", DICOM))
        self.facts.note("WADO-RS returns it", holds=len(instances) == count, seen=f"{len(instances)} instances")

    def _result(self, series: dict[str, Any], run: dict[str, Any], kind: str) -> Any:
        result = next(result for result in run["results"] if result["type"] == kind)
        address = f"studies/{series['study_uid']}/series/{result['series_uid']}"
        (dataset,) = datasets_of(self.client.dicomweb(address, DICOM))
        return dataset

    def _compare(self, segmentation: Any, mask: Path) -> Comparison:
        comparison = compare_with_mask(segmentation, mask)
        self.facts.note(
            f"The segmentation agrees with the reference mask (Dice ≥ {LEAST_DICE})",
            holds=comparison.dice >= LEAST_DICE,
            seen=f"Dice {comparison.dice:.3f}, {comparison.volume:,.0f} against {comparison.reference_volume:,.0f} ml",
        )
        return comparison

    def _tell_states(self, run: dict[str, Any]) -> None:
        tasks = [task for job in run["jobs"] for task in job["tasks"]]
        done = sum(task["state"] == "succeeded" for task in tasks)
        running = next((task["name"] for task in tasks if task["state"] == "running"), run["state"])
        self.tell(f"Running {run['workflow']}: {running}", done, len(tasks))


def _has_preview(item: dict[str, Any]) -> bool:
    return bool(item["preview"]["state"] != "pending")


def look_at_pages(url: str, link: str, facts: Facts) -> None:
    """See that a person can sign in and open the pages, and that nothing is told to strangers."""
    with httpx.Client(base_url=url, timeout=30) as browser:
        refused = browser.get("/api/projects").status_code
        facts.note("A stranger is refused", holds=refused == UNAUTHORIZED, seen=f"status {refused}")
        signed_in = browser.post("/api/sign-in/link", json={"token": link})
        again = browser.post("/api/sign-in/link", json={"token": link}).status_code
        facts.note("The link signs in, once", holds=signed_in.is_success and again >= BAD_REQUEST, seen=f"then {again}")
        page = browser.get("/")
        facts.note("The web interface is served", holds="<div id=" in page.text, seen=f"status {page.status_code}")
        viewer = browser.get("/ohif/")
        facts.note("The viewer is served", holds="ohif" in viewer.text.lower(), seen=f"status {viewer.status_code}")
