"""Public support for tests: DICOM objects, contract suites of the ports, a site in memory."""

from pathlib import Path


def shared_data() -> Path | None:
    """Return the folder of real DICOM files beside the repository, or None where it is absent.

    It holds de-identified studies and phantoms that are not part of the repository. A test that
    needs them skips without it.
    """
    for folder in Path(__file__).resolve().parents:
        candidate = folder / "shared" / "data"
        if (candidate / "MANIFEST.md").is_file():
            return candidate
    return None
