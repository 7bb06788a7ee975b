"""Every setting is told, and the four sources are asked in their order."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from kahua.errors import MisconfiguredSite
from kahua.settings import Settings, load_settings


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_has_a_sentence(name: str) -> None:
    sentence = Settings.model_fields[name].description or ""
    assert re.fullmatch(r"[A-Z].{10,}[.…]", sentence), f"{name}: {sentence!r} is no sentence"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_is_read_from_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that no setting takes is refused in the setting's own name: so the variable was read."""
    if Settings.model_fields[name].annotation in (str, Path, str | None, Path | None, SecretStr | None):
        monkeypatch.setenv(f"KAHUA_{name.upper()}", "a-value")
        value = getattr(load_settings(), name)
        assert (value.get_secret_value() if isinstance(value, SecretStr) else str(value)) == "a-value"
        return
    monkeypatch.setenv(f"KAHUA_{name.upper()}", '"neither number nor word"')
    with pytest.raises(MisconfiguredSite) as refused:
        load_settings()
    assert refused.value.details["setting"] == name


def test_the_command_line_is_stronger_than_the_variable_and_that_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kahua.toml").write_text('site_name = "File"\nport = 1\ndicom_port = 1\n')
    monkeypatch.setenv("KAHUA_PORT", "2")
    monkeypatch.setenv("KAHUA_DICOM_PORT", "2")
    settings = load_settings(data_dir=tmp_path, dicom_port=3)
    assert (settings.site_name, settings.port, settings.dicom_port) == ("File", 2, 3)


def test_the_file_is_found_in_the_folder_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kahua.toml").write_text('site_name = "Ward 7"\n')
    monkeypatch.setenv("KAHUA_DATA_DIR", str(tmp_path))
    assert load_settings().site_name == "Ward 7"


def test_an_option_that_was_not_given_changes_nothing() -> None:
    assert load_settings(port=None).port == Settings.model_fields["port"].default


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("prot = 1\n", "prot"),
        ("port = 70000\n", "port"),
        ('dicom_networks = ["10.0.0.0/99"]\n', "dicom_networks"),
        ('dicom_ae_title = "SEVENTEEN LETTERS"\n', "dicom_ae_title"),
        ('durability = "perhaps"\n', "durability"),
        ("min_free_bytes = 0\n", "min_free_bytes"),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_the_name_of_the_setting(tmp_path: Path, text: str, setting: str) -> None:
    (tmp_path / "kahua.toml").write_text(text)
    with pytest.raises(MisconfiguredSite) as refused:
        load_settings(data_dir=tmp_path)
    assert str(refused.value.details["setting"]).split(".")[0] == setting
    assert "kahua.toml" in (refused.value.remedy or "")


@pytest.mark.parametrize("text", ["port = \n", "[[[", b"\xff\xfe\0"])
def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "kahua.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(MisconfiguredSite, match=r"kahua\.toml"):
        load_settings(data_dir=tmp_path)


def test_a_list_in_a_variable_is_written_as_json_and_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAHUA_DICOM_NETWORKS", '["10.1.0.0/16"]')
    assert [str(network) for network in load_settings().dicom_networks] == ["10.1.0.0/16"]
    monkeypatch.setenv("KAHUA_DICOM_NETWORKS", "10.1.0.0/16")
    with pytest.raises(MisconfiguredSite, match="dicom_networks") as refused:
        load_settings()
    assert "JSON" in (refused.value.remedy or "")


def test_a_secret_is_not_shown() -> None:
    settings = load_settings(s3_secret_access_key="hush")
    assert "hush" not in f"{settings!r} {settings} {settings.model_dump()}"
