"""The page of clients: with which programs of others Kahua is tried, and what each test says, read from the tests."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"

#: Where programs of others are peers, and whose they are; a package of Python as its requirement is called.
TRIED = {
    "integration/dicomweb/test_published_client.py": ["dicomweb-client"],
    "integration/dicomweb/test_workitem_client.py": ["pydcm"],
    "integration/peers/test_orthanc_over_dicomweb.py": ["Orthanc"],
    "integration/peers/test_archives_as_peers.py": ["Orthanc", "DCMTK", "pynetdicom"],
    "integration/peers/test_sources.py": ["Orthanc"],
    "integration/peers/test_deliveries.py": ["Orthanc"],
    "integration/store/test_receiver_peers.py": ["DCMTK", "pynetdicom"],
    "integration/store/test_query_retrieve_peers.py": ["DCMTK", "pynetdicom"],
    "integration/store/test_sender_peers.py": ["DCMTK", "pynetdicom"],
    "integration/store/test_commitment_peers.py": ["pynetdicom"],
    "integration/store/test_worklist_peers.py": ["DCMTK"],
    "integration/store/test_tls.py": ["DCMTK", "pynetdicom"],
    "acceptance/test_stories.py": ["Chromium", "OHIF"],
}


def lines() -> list[str]:
    """Give the page but for its title."""
    return ["| program | version |", "|---|---|", *_versions(), *(line for path in TRIED for line in _tests_of(path))]


def _versions() -> Iterator[str]:
    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    for package in sorted({name for names in TRIED.values() for name in names if name.islower()}):
        (version,) = re.findall(rf"^{package}==(\S+)", locked, re.MULTILINE)
        yield f"| {package} | {version} |"
    viewer = (ROOT / "web" / "scripts" / "prepare-viewer.mjs").read_text(encoding="utf-8")
    (version,) = re.findall(r"^const VERSION = '(\S+)';", viewer, re.MULTILINE)
    yield f"| OHIF | {version} |"
    yield "| Chromium, DCMTK, Orthanc with its DICOMweb plugin | those of Debian, as `.ci/run` installs them |"


def _tests_of(path: str) -> Iterator[str]:
    module = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    yield from ("", f"## {', '.join(TRIED[path])}: `tests/{path}`", "", ast.get_docstring(module) or "", "")
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield f"- {node.name.removeprefix('test_').replace('_', ' ')}"
