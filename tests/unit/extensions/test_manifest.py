from pathlib import Path

import pytest

from kahua.extensions.manifest import InvalidExtension, read_manifest, version_order

from .example import write_example

FIRST_PARTY = Path(__file__).parents[3] / "extensions"

#: A change of the manifest, and the sentence that it must give.
DEFECTS = {
    "no TOML": (('title = "Example"', "title = Example"), "extension.toml, line 3: this is not TOML: Invalid value"),
    "a missing key": (('licence = "MIT"\n', ""), "extension.toml, licence: is missing"),
    "a key in other English": (
        ('licence = "MIT"', 'license = "MIT"'),
        "extension.toml, line 4, license: is not a known key; 'licence' is",
    ),
    "a misspelt key deep inside": (
        ("minimum = 0", "minimun = 0"),
        "extension.toml, line 21, workflows.mask.parameters.threshold.minimun: is not a known key; 'minimum' is",
    ),
    "a name with capitals": (
        ('name = "example"', 'name = "Example"'),
        "extension.toml, line 1, name: is no valid name: lower-case letters and digits, with single - or _",
    ),
    "a key that is no name": (
        ("[workflows.mask.inputs.image]", '[workflows.mask.inputs."My Image"]'),
        "extension.toml, line 14, workflows.mask.inputs.My Image: is no valid name",
    ),
    "a version in words": (('version = "1.0.0"', 'version = "one"'), "extension.toml, line 2, version: must match"),
    "an unknown choice": (
        ('maturity = "experimental"', 'maturity = "mature"'),
        "extension.toml, line 5, maturity: must be 'stable' or 'experimental', not 'mature'",
    ),
    "a default out of range": (
        ("default = 0.5", "default = 5"),
        "extension.toml, line 18, workflows.mask.parameters.threshold: the default must be at most 1",
    ),
    "an amount without unit": (
        ('memory = "1 GB"', 'memory = "much"'),
        "workflows.mask.steps.0.resources.memory: 'much' is no amount of bytes: write a number and a unit",
    ),
    "a parameter that no step uses": (
        (', "{parameters.threshold}"]', "]"),
        "line 11, workflows.mask: no step uses the parameter 'threshold'",
    ),
    "a placeholder that means nothing": (
        ('"{parameters.threshold}"]', '"{parameters.threshold}", "{parameters.level}"]'),
        "workflows.mask: the command of step 'find' has the unknown placeholder {parameters.level}",
    ),
    "an output of no step": (
        ('from = "find"', 'from = "seek"'),
        "output 'labels' comes from the unknown step 'seek'",
    ),
    "an environment that is not defined": (
        ('environment = "tiny"', 'environment = "huge"'),
        "the workflow 'mask' names the environment 'huge', which is not defined",
    ),
    "a lock outside": (
        ('"requirements.txt"', '"../requirements.txt"'),
        "line 8, environments.tiny.requirements: must be a path inside the extension's folder, without '..'",
    ),
    "a lock that is not there": (
        ('"requirements.txt"', '"lock.txt"'),
        "extension.toml, environments.tiny.requirements: names the file 'lock.txt', which is not there",
    ),
    "a program that is not there": (
        ("{extension}/find.py", "{extension}/seek.py"),
        "workflows.mask.steps.find.command: names the file 'seek.py', which is not there",
    ),
}

#: A line of a lock, and the sentence that it must give.
LOCK_DEFECTS = {
    "tiny>=2\n": "requirements.txt, line 1: 'tiny>=2' is not a package with an exact version",
    "tiny\n": "requirements.txt, line 1: tiny has no exact version: write tiny==VERSION",
    "\n# why\ntiny==2.5\n": "requirements.txt, line 3: tiny has no hash",
    "--index-url https://example.org/\n": "is an option: a lock names packages",
    "-e .\n": "is an option",
    "tiny @ https://example.org/tiny.whl\n": "names a place",
    "../tiny.whl\n": "names a place",
    "# nothing\n": "requirements.txt, line 1: the lock names no package",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_told_by_file_line_and_key(tmp_path: Path, defect: str) -> None:
    change, sentence = DEFECTS[defect]
    with pytest.raises(InvalidExtension) as refused:
        read_manifest(write_example(tmp_path, change))
    assert sentence in refused.value.message
    assert refused.value.message.startswith("The extension has 1 defect:\n")
    assert refused.value.remedy


@pytest.mark.parametrize("lock", LOCK_DEFECTS)
def test_a_lock_that_is_none_is_refused(tmp_path: Path, lock: str) -> None:
    with pytest.raises(InvalidExtension) as refused:
        read_manifest(write_example(tmp_path, lock=lock))
    assert LOCK_DEFECTS[lock] in refused.value.message


def test_every_defect_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    changes = ('maturity = "experimental"', 'maturity = "new"'), ("minimum = 0", "lowest = 0"), ('"1.0.0"', '"1"')
    with pytest.raises(InvalidExtension) as refused:
        read_manifest(write_example(tmp_path, *changes))
    assert [defect["line"] for defect in refused.value.details["defects"]] == [2, 5, 21]


def test_a_package_with_an_override_needs_no_hash(tmp_path: Path) -> None:
    folder = write_example(tmp_path, lock="Torch==1.0\ntiny==2.5 \\\n    --hash=sha256:" + "0" * 64 + " # why\n")
    assert read_manifest(folder).name == "example"


def test_an_override_without_version_or_condition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidExtension, match=r"overrides\.txt, line 2: toolkit has neither"):
        read_manifest(write_example(tmp_path, overrides='window; sys_platform == "never"\ntoolkit\n'))


def test_a_folder_without_manifest_is_no_extension(tmp_path: Path) -> None:
    with pytest.raises(InvalidExtension, match=r"extension\.toml: is missing"):
        read_manifest(tmp_path)


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "extension.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidExtension, match="is not text in UTF-8"):
        read_manifest(tmp_path)


def test_an_enormous_manifest_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "extension.toml").open("wb") as file:
        file.truncate(10_000_000_000)
    with pytest.raises(InvalidExtension, match="larger than"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("folder", sorted(FIRST_PARTY.glob("*/extension.toml")), ids=lambda file: file.parent.name)
def test_first_party_extensions_are_valid(folder: Path) -> None:
    assert read_manifest(folder.parent).name == folder.parent.name


def test_versions_are_ordered_by_number_and_early_ones_come_first() -> None:
    versions = ["10.0.0", "1.10.0", "1.0.0-beta.2", "1.2.0", "1.0.0", "1.0.0-beta.10", "1.0.0-alpha"]
    assert sorted(versions, key=version_order) == [
        "1.0.0-alpha",
        "1.0.0-beta.2",
        "1.0.0-beta.10",
        "1.0.0",
        "1.2.0",
        "1.10.0",
        "10.0.0",
    ]
