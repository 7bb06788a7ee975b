"""A small extension, written into a folder, with what a test wants to be different."""

from pathlib import Path

MANIFEST = """\
name = "example"
version = "1.0.0"
title = "Example"
licence = "MIT"
maturity = "experimental"

[environments.tiny]
requirements = "requirements.txt"
overrides = "overrides.txt"

[workflows.mask]
title = "Mask"

[workflows.mask.inputs.image]
type = "image"
modality = ["MR"]

[workflows.mask.parameters.threshold]
type = "number"
default = 0.5
minimum = 0
maximum = 1

[[workflows.mask.steps]]
name = "find"
environment = "tiny"
command = ["python", "{extension}/find.py", "{inputs.image}", "{outputs.labels}", "{parameters.threshold}"]
inputs = { image = "nifti" }
resources = { cpus = 1, memory = "1 GB" }

[workflows.mask.outputs.labels]
type = "segmentation"
from = "find"

[[workflows.mask.outputs.labels.segments]]
label = 1
name = "Brain"
category = { value = "123037004", meaning = "Anatomical Structure" }
type = { value = "12738006", meaning = "Brain" }
"""

LOCK = f"tiny==2.5 --hash=sha256:{'0' * 64}\n"


def write_example(
    folder: Path, *changes: tuple[str, str], lock: str = LOCK, overrides: str = "torch==1.0\n", code: str = ""
) -> Path:
    """Write the extension, each of the changes (old text, new text) made in its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = MANIFEST
    for old, new in changes:
        assert old in manifest, old
        manifest = manifest.replace(old, new, 1)
    (folder / "extension.toml").write_text(manifest, encoding="utf-8")
    (folder / "requirements.txt").write_text(lock)
    (folder / "overrides.txt").write_text(overrides)
    (folder / "find.py").write_text(code)
    return folder
