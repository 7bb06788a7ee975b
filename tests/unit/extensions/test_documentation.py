import re
from pathlib import Path

from kahua.extensions.manifest import read_manifest

from .example import LOCK

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "write-an-extension.md"


def test_the_extension_of_the_documentation_is_valid(tmp_path: Path) -> None:
    manifest = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert manifest
    (tmp_path / "extension.toml").write_text(manifest[1])
    (tmp_path / "requirements.txt").write_text(LOCK)
    (tmp_path / "threshold.py").write_text("")
    assert read_manifest(tmp_path).name == "thresholding"
