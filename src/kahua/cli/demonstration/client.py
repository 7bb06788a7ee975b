"""What the demonstration asks of the site, over HTTP like anybody else."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from kahua.errors import KahuaError, TaskFailed

#: Pause between two questions whether something is done.
POLL_SECONDS = 0.3

#: How long a series may take from its last instance to its preview.
SERIES_SECONDS = 120

#: States in which a run stays.
FINAL_STATES = ("succeeded", "failed", "cancelled")


class SiteClient:
    """A person with an API token who works in one project of a site."""

    def __init__(self, url: str, token: str, project: str) -> None:
        self.url, self.project = url, project
        self.http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def get(self, path: str, **query: str | int) -> Any:
        """Ask the project for something; a refusal is an error with the site's own words."""
        return self._answer(self.http.get(f"/api/projects/{self.project}/{path}", params=query))

    def post(self, path: str, body: object = None) -> Any:
        """Ask the project to do something."""
        return self._answer(self.http.post(f"/api/projects/{self.project}/{path}", json=body))

    def dicomweb(self, path: str, accept: str) -> httpx.Response:
        """Ask for DICOM in the project."""
        response = self.http.get(f"/dicom-web/{self.project}/{path}", headers={"Accept": accept})
        response.raise_for_status()
        return response

    def wait_for_series(
        self, study_uid: str, series_uid: str, ready: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        """Wait until a series is there and is as wanted."""
        found: dict[str, Any] | None = None
        deadline = time.monotonic() + SERIES_SECONDS
        while time.monotonic() < deadline:
            items = self.get("series", study_uid=study_uid, limit=1000)["items"]
            found = next((item for item in items if item["series_uid"] == series_uid), None)
            if found and ready(found):
                return dict(found)
            time.sleep(POLL_SECONDS)
        seen = found or "it is not there"
        raise KahuaError(f"The series {series_uid} was not ready after {SERIES_SECONDS} seconds: {seen}.")

    def wait_for_run(self, run_id: str, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Follow a run to its end and return it.

        Raises
        ------
        TaskFailed
            It did not succeed; carries cause and next step.
        """
        while True:
            run: dict[str, Any] = self.get(f"runs/{run_id}")
            tell(run)
            if run["state"] in FINAL_STATES:
                break
            time.sleep(POLL_SECONDS)
        if run["state"] != "succeeded":
            failure = run.get("failure") or {}
            raise TaskFailed(
                f"The run {run_id} {run['state']}: {failure.get('cause', 'no cause was recorded')}",
                remedy=failure.get("next_step"),
            )
        return run

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success:
            return response.json()
        problem = response.json() if "json" in response.headers.get("content-type", "") else {}
        detail = problem.get("detail") or f"The site answered {response.status_code} to {response.request.url.path}."
        raise KahuaError(detail, remedy=problem.get("remedy"))
