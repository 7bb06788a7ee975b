import subprocess
import sys

import kahua.workflows


def test_every_exported_name_is_there() -> None:
    for name in kahua.workflows.__all__:
        assert getattr(kahua.workflows, name) is not None
    assert not hasattr(kahua.workflows, "nothing")


def test_a_converter_does_not_load_the_database() -> None:
    program = "import sys, kahua.workflows.converters; print('sqlalchemy' in sys.modules, 'numpy' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "False False\n"


def test_the_web_process_loads_no_heavy_library() -> None:
    program = "import sys; from kahua.workflows import Runs; print('numpy' in sys.modules, 'pydicom' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "False False\n"
