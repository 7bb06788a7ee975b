"""What the web process carries in memory before anyone asks anything."""

import subprocess
import sys

#: Loaded by child processes, or when they are first needed.
HEAVY = ("PIL", "alembic", "highdicom", "httpx", "imagecodecs", "nibabel", "numpy", "pydicom", "pynetdicom")


def test_application_loads_nothing_heavy() -> None:
    program = f"import sys, kahua.api; print([name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
