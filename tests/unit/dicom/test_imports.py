import subprocess
import sys

import pytest

HEAVY = ("numpy", "pydicom", "highdicom", "PIL", "imagecodecs", "nibabel")


@pytest.mark.parametrize("module", ["kahua.dicom", "kahua.dicom.scanner"])
def test_receiving_loads_no_heavy_library(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
