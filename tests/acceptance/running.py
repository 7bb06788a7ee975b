"""A whole site as a person starts it: ``kahua up`` in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from kahua.settings import process_environment

#: The command of the environment in which the tests run.
KAHUA = Path(sys.executable).parent / "kahua"

#: Patience, not promises: the machine may be slow, and others work on it.
START_SECONDS = 180
STOP_SECONDS = 60
ANSWER_SECONDS = 120
POLL_SECONDS = 0.1

#: Characters of each log that a failed test shows.
SHOWN_LOG = 6000


@dataclass
class RunningSite:
    """A site in a folder; it can be stopped, killed and started again."""

    folder: Path
    #: Settings, as variables of the environment.
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    dicom_port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """Variables of its processes: the settings, and nothing that the machine's own site is set to."""
        inherited = {key: value for key, value in process_environment().items() if not key.startswith("KAHUA_")}
        return inherited | self.settings

    @property
    def output(self) -> Path:
        """What the command has printed."""
        return self.folder.with_suffix(".output")

    def start(self) -> "RunningSite":
        """Start it and wait until it says that it is running."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [KAHUA, "--data-dir", self.folder, "up", "--port", "0", "--dicom-port", "0"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        said = self._await_greeting(self.process)
        self.url = re.search(r"Web +(\S+)", said)[1]  # type: ignore[index]
        self.dicom_port = int(re.search(r"DICOM +\S+:(\d+)", said)[1])  # type: ignore[index]
        return self

    def _await_greeting(self, process: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C stops it." not in (said := self.output.read_text()):
            assert process.poll() is None, f"the site ended at once:\n{said}"
            assert time.monotonic() < deadline, f"the site does not start:\n{said}"
            time.sleep(POLL_SECONDS)
        return said

    @property
    def first_link(self) -> str:
        """Address of the one-time link that the first start printed."""
        found = re.search(r"http\S+/sign-in#token=\S+", self.output.read_text())
        assert found, "no link was printed"
        return found[0]

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            assert self.process.wait(STOP_SECONDS) == 0, self.output.read_text()

    def kill(self) -> None:
        """End it as a power cut does: supervisor and all parts at once, without a word."""
        assert self.process
        for pid in [self.process.pid, *self.parts().values()]:
            kill(pid)
        self.process.wait(STOP_SECONDS)

    def parts(self) -> dict[str, int]:
        """Process ids of the parts by name."""
        return {path.stem: json.loads(path.read_text())["pid"] for path in (self.folder / "services").glob("*.json")}

    def kahua(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command on the site."""
        return subprocess.run(
            [KAHUA, "--data-dir", self.folder, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )

    def logs(self) -> Iterator[tuple[str, str]]:
        """Give the end of everything that was written: name and text."""
        for path in [self.output, *sorted((self.folder / "logs").glob("*.log"))]:
            if path.exists():
                yield path.name, path.read_text(errors="replace")[-SHOWN_LOG:]


def kill(pid: int) -> None:
    """End a process at once; nothing happens if it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Client:
    """Somebody who works in a project with an API token."""

    def __init__(self, site: RunningSite, token: str | None, project: str = "main") -> None:
        self.project = project
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=site.url, headers=headers, timeout=ANSWER_SECONDS)

    def at(self, site: RunningSite) -> "Client":
        """Give the same person after the site was started again, at another address."""
        self.http.close()
        return self._with_connections(site.url)

    def apart(self) -> "Client":
        """Give the same person for another thread: a pool may close a connection from which another one reads."""
        return self._with_connections(str(self.http.base_url))

    def of_project(self, project: str) -> "Client":
        """Give the same person in another project."""
        other = copy(self)
        other.project = project
        return other

    def _with_connections(self, url: str) -> "Client":
        other = copy(self)
        other.http = httpx.Client(base_url=url, headers=self.http.headers, timeout=ANSWER_SECONDS)
        return other

    def get(self, path: str, **query: Any) -> Any:
        """Ask the project for something."""
        return self._answer(self.http.get(f"/api/projects/{self.project}/{path}", params=query))

    def post(self, path: str, body: object = None) -> Any:
        """Ask the project to do something."""
        return self._answer(self.http.post(f"/api/projects/{self.project}/{path}", json=body))

    def upload(self, name: str, content: bytes, **query: str) -> httpx.Response:
        """Upload a file."""
        return self.http.post(
            f"/api/projects/{self.project}/uploads", params={"filename": name, **query}, content=content
        )

    def series(self, **query: Any) -> list[dict[str, Any]]:
        """List series."""
        items: list[dict[str, Any]] = self.get("series", limit=1000, **query)["items"]
        return items

    def wait_for_series(self, series_uid: str, *, preview: bool = False, instances: int = 1) -> dict[str, Any]:
        """Wait until a series is there, complete, and if asked for with its preview."""

        def found() -> dict[str, Any] | None:
            items = self.series(q=f"SeriesInstanceUID:{series_uid}")
            ready = [item for item in items if item["instance_count"] >= instances]
            return next((item for item in ready if not preview or item["preview"]["state"] != "pending"), None)

        item: dict[str, Any] = wait_for(found, f"the series {series_uid}")
        return item

    def wait_for_run(self, run_id: str) -> dict[str, Any]:
        """Wait until a run is over."""

        def over() -> dict[str, Any] | None:
            run: dict[str, Any] = self.get(f"runs/{run_id}")
            return run if run["state"] in ("succeeded", "failed", "cancelled") else None

        run: dict[str, Any] = wait_for(over, f"the run {run_id}")
        return run

    def _answer(self, response: httpx.Response) -> Any:
        assert response.is_success, f"{response.request.url}: {response.status_code} {response.text}"
        return response.json()


def wait_for(look: Any, what: str, *, seconds: float = ANSWER_SECONDS) -> Any:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:g} seconds"
        time.sleep(POLL_SECONDS)
    return found
