"""Runs a module of ours without what its packages import: ``python -m kahua.program MODULE [ARGUMENT …]``.

A package's surface is for those who use the whole component. A child process that draws one picture needs neither
database nor network, and would hold 30 MB of them.
"""

import runpy
import sys
from pathlib import Path
from types import ModuleType

#: pydicom loads it, where it is installed, to fetch examples of its own; with what it needs that takes 6 MB.
NEEDLESS = "requests"


def run(module: str) -> None:
    """Run a module, all packages around it taken as mere folders."""
    sys.modules[NEEDLESS] = None  # type: ignore[assignment] # the import system's own way to say that it is not there
    packages = module.split(".")[1:-1]
    folder, name = Path(__file__).parent, __package__
    for package in packages:
        folder, name = folder / package, f"{name}.{package}"
        bare = ModuleType(name)
        bare.__path__ = [str(folder)]
        sys.modules[name] = bare
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    del sys.argv[0]
    run(sys.argv[0])
