"""Where a result came from: which data, code, parameters and person made it."""

import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from kahua import __version__
from kahua.database import now
from kahua.workflows.catalogue import InstalledWorkflow
from kahua.workflows.folders import OBJECTS
from kahua.workflows.tables import AttemptRow, JobSeriesRow, RunRow, TaskRow


def provenance(session: Session, *, run: RunRow, job_id: str, objects: Mapping[str, list[str]]) -> dict[str, Any]:
    """Describe how the results of a job came to be; `objects` are the digests of each input series' objects."""
    return {
        "run": run.id,
        "job": job_id,
        "person": run.created_by,
        "started_at": run.created_at.isoformat(),
        "stored_at": now().isoformat(),
        "workflow": {"name": run.workflow, "version": run.version, **run.code},
        "parameters": run.parameters,
        "dataset": {"name": run.dataset_name, "version": run.dataset_version} if run.dataset_name else None,
        "inputs": [
            {
                "input": row.input_name,
                "series_id": row.series_id,
                "series_uid": row.series_uid,
                "objects": objects.get(row.series_id, []),
            }
            for row in session.scalars(select(JobSeriesRow).where(JobSeriesRow.job_id == job_id))
        ],
        "tasks": _tasks(session, job_id),
        "site": {"kahua": __version__, "python": platform.python_version(), "host": platform.node()},
    }


def code_of(installed: InstalledWorkflow) -> dict[str, Any]:
    """Digests that name the code which a run executes."""
    return {
        "extension_digest": installed.digest,
        "environments": {
            name: installed.environments[name].digest
            for name in sorted(installed.workflow.environment_names())
            if name in installed.environments
        },
    }


def input_objects(fetched: Iterable[Path]) -> dict[str, list[str]]:
    """Digests of the objects that were fetched, by series, as the fetching tasks noted them."""
    objects: dict[str, list[str]] = {}
    for folder in fetched:
        objects |= orjson.loads((folder / OBJECTS).read_bytes())
    return objects


def _tasks(session: Session, job_id: str) -> list[dict[str, Any]]:
    """What was done, by the attempts that succeeded."""
    rows = session.execute(
        select(TaskRow, AttemptRow)
        .join(AttemptRow, AttemptRow.task_id == TaskRow.id)
        .where(TaskRow.job_id == job_id, AttemptRow.state == "succeeded")
        .order_by(TaskRow.position)
    )
    return [
        {
            "task": task.name,
            "command": task.plan.get("command", []),
            "attempt": attempt.number,
            "host": attempt.host,
            "started_at": attempt.started_at.isoformat(),
            "finished_at": attempt.finished_at.isoformat() if attempt.finished_at else None,
            "cpu_seconds": attempt.cpu_seconds,
            "peak_memory_bytes": attempt.peak_memory_bytes,
        }
        for task, attempt in rows
    ]
