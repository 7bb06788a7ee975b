"""Senders of DICOM that others wrote, and the objects that they send."""

import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, build_context
from pynetdicom.dimse_primitives import C_STORE

from kahua.testing.factory import part10

from .running import RunningSite

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"


def write_files(folder: Path, series: Sequence[Dataset]) -> Path:
    """Write a series as Part 10 files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, instance in enumerate(series):
        (folder / f"{number:04}.dcm").write_bytes(part10(instance))
    return folder


def dcmtk(
    program: str, site: RunningSite, folder: Path, *options: str, dataset: str = "", called: str = "kp-main"
) -> str:
    """Send a folder with a program of DCMTK and give what it said; it must have been content."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"needs {program} of DCMTK")
    calling = f"kp-{dataset}" if dataset else program.upper()
    result = subprocess.run(
        [
            path,
            "-v",
            "-aet",
            calling,
            "-aec",
            called,
            *options,
            "+sd",
            "+r",
            "127.0.0.1",
            str(site.dicom_port),
            folder,
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def send(site: RunningSite, series: Sequence[Dataset], dataset: str = "") -> None:
    """Send a series with ``storescu``, as a scanner does."""
    with tempfile.TemporaryDirectory() as name:
        dcmtk("storescu", site, write_files(Path(name), series), "-R", dataset=dataset)


def associate(
    site: RunningSite, *sop_classes: str, syntax: str = EXPLICIT_LITTLE_ENDIAN, called: str = "kp-main"
) -> Any:
    """Open an association with pynetdicom; the caller releases it."""
    entity = AE(ae_title="PYNETDICOM")
    entity.requested_contexts = [build_context(each, syntax) for each in dict.fromkeys(sop_classes)]
    return entity.associate("127.0.0.1", site.dicom_port, ae_title=called)


def store_bytes(association: Any, sop_class_uid: str, sop_instance_uid: str, data: bytes) -> int | None:
    """Send any bytes by C-STORE, readable or not; give the status, None if the association ended."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class_uid, sop_instance_uid
    request.DataSet = io.BytesIO(data)
    pause_reactor(association)
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, response = association.dimse.get_msg(block=True)
    return response.Status if response else None


def pause_reactor(association: Any) -> None:
    """Keep pynetdicom's own thread from taking answers, for as long as the association lives.

    Paused and let go for every message it is too slow now and then: it says that it pauses while it still runs.
    """
    if association._reactor_checkpoint.is_set():
        association._reactor_checkpoint.clear()
        while not association._is_paused:
            time.sleep(0.001)
