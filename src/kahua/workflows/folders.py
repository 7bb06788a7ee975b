"""Where the files of runs lie. Names are the site's own ids, never words of DICOM or of an extension."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from kahua.workflows.runtimes import LOG, OUT

#: Note of a fetching task, among what it wrote: digests of objects by series.
OBJECTS = "objects.json"


@dataclass(frozen=True)
class RunFolders:
    """Folders below the folder of all runs."""

    root: Path

    def job(self, run_id: str, job_id: str) -> Path:
        """Folder of a job."""
        return self.root / run_id / job_id

    def attempt(self, run_id: str, job_id: str, task_id: str, number: int) -> Path:
        """Folder of an attempt: the runtime's notes, the log, and what the task wrote."""
        return self.job(run_id, job_id) / task_id / str(number)

    def out(self, run_id: str, job_id: str, task_id: str, number: int) -> Path:
        """Folder of what an attempt wrote."""
        return self.attempt(run_id, job_id, task_id, number) / OUT

    def log(self, run_id: str, job_id: str, task_id: str, number: int) -> Path:
        """Log of an attempt."""
        return self.attempt(run_id, job_id, task_id, number) / LOG

    def clear_job(self, run_id: str, job_id: str) -> None:
        """Remove all that a job's tasks wrote but their logs: what counts is in the archive."""
        for folder in self.job(run_id, job_id).glob("*/*"):
            for name in (OUT, "work", "in"):
                shutil.rmtree(folder / name, ignore_errors=True)
