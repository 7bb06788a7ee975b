"""PACS of others, started for a test on free ports, with nothing in them but what tests have made."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import Dataset

from kahua.testing.factory import part10
from kahua.testing.serving import free_port, wait_until_open

#: Where Debian's package orthanc-dicomweb puts the plugin.
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")

START_SECONDS = 30

#: User and password of every server.
USER, PASSWORD = "kahua", "correct-horse"

AE_TITLE = "ORTHANC"


@dataclass(frozen=True, kw_only=True)
class Orthanc:
    """A running Orthanc."""

    http_port: int
    dicom_port: int

    @property
    def url(self) -> str:
        """Root of its DICOMweb services."""
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    def keep(self, instances: Sequence[Dataset]) -> None:
        """Give it instances."""
        for instance in instances:
            answer = httpx.post(
                f"http://127.0.0.1:{self.http_port}/instances", content=part10(instance), auth=(USER, PASSWORD)
            )
            assert answer.status_code == 200, answer.text

    def instances(self) -> list[str]:
        """Give the SOP Instance UIDs of all that it has."""
        answer = httpx.get(f"http://127.0.0.1:{self.http_port}/instances?expand", auth=(USER, PASSWORD))
        return sorted(item["MainDicomTags"]["SOPInstanceUID"] for item in answer.json())

    def forget_all(self) -> None:
        """Have it delete all that it has."""
        root = f"http://127.0.0.1:{self.http_port}"
        for study in httpx.get(f"{root}/studies", auth=(USER, PASSWORD)).json():
            httpx.delete(f"{root}/studies/{study}", auth=(USER, PASSWORD)).raise_for_status()

    def file(self, sop_instance_uid: str) -> bytes:
        """Give an instance as it has it."""
        root = f"http://127.0.0.1:{self.http_port}"
        (found,) = httpx.post(f"{root}/tools/lookup", content=sop_instance_uid, auth=(USER, PASSWORD)).json()
        return httpx.get(f"{root}/instances/{found['ID']}/file", auth=(USER, PASSWORD)).content


@contextmanager
def orthanc(folder: Path, *, receiver_port: int = 11112) -> Iterator[Orthanc]:
    """Start Debian's Orthanc: reachable from this machine, by who knows its password or is in its list."""
    program = shutil.which("Orthanc")
    if program is None or not PLUGIN.exists():
        pytest.skip("needs Debian's packages orthanc and orthanc-dicomweb")
    server = Orthanc(http_port=free_port(), dicom_port=free_port())
    local = {"AET": "KAHUA", "Host": "127.0.0.1", "Port": receiver_port, "AllowStore": True}
    configuration = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": server.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomAet": AE_TITLE,
        "DicomPort": server.dicom_port,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {"kahua": local, "main": {**local, "AET": "kp-main"}},
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with running([program, str(folder / "orthanc.json")], folder / "log"):
        wait_for(server.http_port)
        wait_for(server.dicom_port)
        yield server


@contextmanager
def running(command: Sequence[str], log: Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program for the time of a `with` block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int) -> None:
    """Wait until a program listens, which may take its time."""
    wait_until_open(port, seconds=START_SECONDS)


def tool(name: str) -> str:
    """Give the path of a program of DCMTK."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name} of DCMTK")
    return path


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """Start a receiver of DCMTK that keeps what comes in a folder, bit for bit; give its port."""
    folder.mkdir()
    port = free_port()
    command = [tool("storescp"), "-od", str(folder), "+B", *options, str(port)]
    with running(command, folder.with_suffix(".log")):
        wait_for(port)
        yield port


@contextmanager
def undisturbed(association: Any) -> Iterator[Any]:
    """Keep pynetdicom's own thread from taking the answers of an association, for the time of a `with` block.

    It is paused for every message by itself, but says that it pauses while it still runs, and now and then is too slow.
    """
    checkpoint = association._reactor_checkpoint
    checkpoint.clear()
    checkpoint.set = lambda: None
    # Many times what the thread needs for one round; with no request under way, it has nothing to take.
    time.sleep(0.05)
    try:
        yield association
    finally:
        del checkpoint.set
        checkpoint.set()
