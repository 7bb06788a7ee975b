from pathlib import Path

from kahua.workflows.interpreters import places_of


def interpreter(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


def test_every_link_to_an_interpreter_is_followed(tmp_path: Path) -> None:
    real = interpreter(tmp_path / "opt" / "bin" / "python3")
    (tmp_path / "opt" / "lib" / "python3.11").mkdir(parents=True)
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    (tmp_path / "env" / "bin" / "python").symlink_to(real)
    assert places_of(tmp_path / "env" / "bin" / "python") == (tmp_path / "env", tmp_path / "opt")


def test_an_interpreter_in_a_home_does_not_open_the_home(tmp_path: Path) -> None:
    python = interpreter(tmp_path / "home" / "bin" / "python3")
    assert places_of(python) == (python,)
