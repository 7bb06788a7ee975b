import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from kahua.access.tables import AuditEntryRow, ProjectRow
from kahua.database import Base, Database, now
from kahua.errors import InvalidInput, KahuaError, NotFound, StateConflict
from kahua.extensions import Extensions, InvalidExtension
from kahua.settings import Settings, load_settings
from kahua.testing.wheels import write_wheel
from kahua.workflows.environments import EnvironmentBuilder
from kahua.workflows.tables import RunRow

from .example import write_example


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database.in_folder(settings.data_dir)
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture
def extensions(database: Database, settings: Settings, tmp_path: Path) -> Extensions:
    pip = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}
    pip |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    return Extensions(database=database, settings=settings, builder=EnvironmentBuilder(settings, pip))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An extension that can be built."""
    return write_example(tmp_path / "example", lock=write_wheel(tmp_path / "wheels", name="tiny"))


def zipped(folder: Path, archive: Path, below: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as target:
        for file in folder.iterdir():
            target.write(file, f"{below}{file.name}")
    return archive


def actions(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        return [(row.actor, row.action, row.subject) for row in session.scalars(select(AuditEntryRow))]


def test_an_installed_extension_gives_its_workflows(extensions: Extensions, folder: Path, database: Database) -> None:
    installed = extensions.install(folder, actor="alice")
    assert (installed.state, installed.error, installed.installed_by) == ("ready", "", "alice")

    workflow = extensions.get("example/mask")
    assert workflow == extensions.get("example/mask", "1.0.0") == extensions.list()[0]
    assert (workflow.version, workflow.digest, workflow.licence) == ("1.0.0", installed.digest, "MIT")
    assert workflow.workflow == installed.manifest.workflows["mask"]
    assert workflow.environments["tiny"].python.exists()
    assert (workflow.folder / "find.py").is_file()
    assert actions(database) == [("alice", "extension.installed", "example 1.0.0")]


def test_what_is_installed_depends_on_its_source_no_more(extensions: Extensions, folder: Path) -> None:
    extensions.install(folder, actor="alice")
    (folder / "find.py").write_text("changed")
    assert (extensions.get("example/mask").folder / "find.py").read_text() == ""


def test_the_same_extension_again_changes_nothing(extensions: Extensions, folder: Path, database: Database) -> None:
    first = extensions.install(folder, actor="alice")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "find.pyc").write_bytes(b"trace of a run")
    assert extensions.install(folder, actor="bob") == first
    assert len(actions(database)) == 1


def test_other_content_under_the_same_version_is_refused(extensions: Extensions, folder: Path) -> None:
    first = extensions.install(folder, actor="alice")
    (folder / "find.py").write_text("changed")
    with pytest.raises(StateConflict, match="installed with other content") as refused:
        extensions.install(folder, actor="alice")
    assert "new version" in str(refused.value.remedy)
    assert extensions.installed() == [first]


def test_of_several_versions_the_newest_is_given_and_each_by_its_number(extensions: Extensions, folder: Path) -> None:
    for version in ("1.10.0", "1.9.0"):
        text = (folder / "extension.toml").read_text()
        (folder / "extension.toml").write_text(text.replace(text.splitlines()[1], f'version = "{version}"'))
        extensions.install(folder, actor="alice")
    assert extensions.get("example/mask").version == "1.10.0"
    assert extensions.get("example/mask", "1.9.0").version == "1.9.0"
    assert [workflow.version for workflow in extensions.list()] == ["1.10.0"]


@pytest.mark.parametrize("below", ["", "example-1.0.0/"], ids=["at the top", "in one folder"])
def test_an_archive_gives_the_same_extension_as_its_folder(
    extensions: Extensions, folder: Path, tmp_path: Path, below: str
) -> None:
    first = extensions.install(folder, actor="alice")
    assert extensions.install(zipped(folder, tmp_path / "example.zip", below), actor="alice") == first


def test_what_is_not_installed_is_not_found(extensions: Extensions, folder: Path) -> None:
    extensions.install(folder, actor="alice")
    for name, version in (("example/mask", "2.0.0"), ("example/other", None), ("other/mask", None), ("", None)):
        with pytest.raises(NotFound):
            extensions.get(name, version)
    with pytest.raises(NotFound):
        extensions.remove("example", "2.0.0", actor="alice")


def test_an_environment_that_cannot_be_built_leaves_a_failed_extension_that_can_be_mended(
    extensions: Extensions, folder: Path, tmp_path: Path
) -> None:
    wheel = next((tmp_path / "wheels").iterdir())
    aside = wheel.rename(tmp_path / wheel.name)
    with pytest.raises(InvalidInput, match="cannot all be found"):
        extensions.install(folder, actor="alice")
    (failed,) = extensions.installed()
    assert failed.state == "failed"
    assert "tiny" in failed.error
    assert extensions.get("example/mask").error == failed.error

    aside.rename(wheel)
    assert extensions.install(folder, actor="alice").state == "ready"


def test_what_was_entered_and_not_built_is_completed_later(extensions: Extensions, folder: Path) -> None:
    assert extensions.register(folder, actor="alice").state == "building"
    assert extensions.get("example/mask").state == "building"
    extensions.build_pending()
    assert extensions.get("example/mask").state == "ready"


def test_a_lost_environment_is_noticed_and_built_again(extensions: Extensions, folder: Path) -> None:
    extensions.install(folder, actor="alice")
    extensions.get("example/mask").environments["tiny"].python.unlink()
    lost = extensions.get("example/mask")
    assert (lost.state, lost.environments) == ("failed", {})
    extensions.build_pending()
    assert extensions.get("example/mask").state == "ready"


def test_checking_installs_nothing(extensions: Extensions, folder: Path, settings: Settings) -> None:
    lines: list[str] = []
    assert extensions.check(folder, build=True, progress=lines.append).name == "example"
    assert lines
    assert extensions.installed() == []
    assert not list(settings.folder("extensions").rglob("extension.toml"))


def test_a_removed_extension_is_gone_with_its_files(extensions: Extensions, folder: Path, database: Database) -> None:
    extensions.install(folder, actor="alice")
    workflow = extensions.get("example/mask")
    extensions.remove("example", "1.0.0", actor="bob")
    assert extensions.list() == []
    assert not workflow.folder.exists()
    assert not workflow.environments["tiny"].folder.exists()
    assert actions(database)[-1] == ("bob", "extension.removed", "example 1.0.0")


def test_an_environment_that_another_extension_uses_stays(extensions: Extensions, folder: Path) -> None:
    extensions.install(folder, actor="alice")
    manifest = (folder / "extension.toml").read_text()
    (folder / "extension.toml").write_text(manifest.replace('name = "example"', 'name = "other"', 1))
    extensions.install(folder, actor="alice")
    extensions.remove("example", "1.0.0", actor="alice")
    assert extensions.get("other/mask").state == "ready"


@pytest.mark.parametrize(("state", "is_refused"), [("queued", True), ("cancelling", True), ("succeeded", False)])
def test_an_extension_is_not_removed_while_a_run_uses_it(
    extensions: Extensions, folder: Path, database: Database, state: str, is_refused: bool
) -> None:
    extensions.install(folder, actor="alice")
    with database.write() as session:
        session.add(ProjectRow(id="p", name="main", title="Main", created_at=now()))
        session.flush()
        run = {
            "workflow": "example/mask",
            "version": "1.0.0",
            "specification": {},
            "parameters": {},
            "code": {},
            "state": state,
        }
        session.add(RunRow(project_id="p", created_at=now(), created_by="alice", **run))
    if is_refused:
        with pytest.raises(StateConflict, match="Runs that are not over"):
            extensions.remove("example", "1.0.0", actor="alice")
        assert extensions.get("example/mask").folder.is_dir()
    else:
        extensions.remove("example", "1.0.0", actor="alice")


def hostile(archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("extension.toml", "name = 1")
        match name:
            case "a parent path":
                target.writestr("../escaped", "x")
            case "an absolute path":
                target.writestr("/tmp/escaped", "x")  # noqa: S108 - a hostile name, nothing is written there
            case "a link":
                link = zipfile.ZipInfo("link")
                link.external_attr = 0o120777 << 16
                target.writestr(link, "/etc/passwd")
            case "a file where a folder is":
                target.writestr("code", "x")
                target.writestr("code/find.py", "x")
            case "a name with a backslash":
                target.writestr("code\\find.py", "x")
            case "a name with a line break":
                target.writestr("a\nb", "x")
            case "a bomb":
                target.writestr("zeros", bytes(50_000_000), compress_type=zipfile.ZIP_DEFLATED)
            case "too many files":
                for number in range(20_001):
                    target.writestr(f"{number}", "")
            case _:
                raise AssertionError(name)


HOSTILE = (
    "a parent path",
    "an absolute path",
    "a link",
    "a file where a folder is",
    "a name with a backslash",
    "a name with a line break",
    "a bomb",
    "too many files",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    extensions: Extensions, tmp_path: Path, settings: Settings, name: str
) -> None:
    hostile(tmp_path / "hostile.zip", name)
    with pytest.raises(KahuaError) as refused:
        extensions.install(tmp_path / "hostile.zip", actor="alice")
    assert not isinstance(refused.value, InvalidExtension), "refused before the manifest is read"
    assert not [path for path in settings.folder("extensions").rglob("*") if path.is_file()]
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "no entry"])
def test_what_is_no_extension_archive_is_refused(extensions: Extensions, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.zip").write_bytes(content)
    with pytest.raises(InvalidInput):
        extensions.install(tmp_path / "other.zip", actor="alice")


def test_links_and_devices_in_a_folder_are_refused(extensions: Extensions, folder: Path) -> None:
    (folder / "secrets").symlink_to("/etc")
    with pytest.raises(InvalidInput, match="'secrets' is a link"):
        extensions.install(folder, actor="alice")


def test_a_path_that_is_not_there_is_not_found(extensions: Extensions, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        extensions.install(tmp_path / "absent", actor="alice")
