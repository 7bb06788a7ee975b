from pathlib import Path

from kahua.workflows.package_sources import PackageSources, read_package_sources


def test_files_for_all_for_the_user_and_variables_count_in_this_order(tmp_path: Path) -> None:
    for_all, for_user = tmp_path / "xdg" / "pip", tmp_path / "home" / ".config" / "pip"
    for folder, index in ((for_all, "https://all.example/simple"), (for_user, "https://user.example/simple")):
        folder.mkdir(parents=True)
        (folder / "pip.conf").write_text(f"[global]\nindex-url = {index}\ntrusted-host = {index[8:-7]}\n")
    variables = {"XDG_CONFIG_DIRS": str(tmp_path / "xdg"), "HOME": str(tmp_path / "home")}

    assert read_package_sources(variables).index == "https://user.example/simple"
    stronger = read_package_sources(variables | {"PIP_INDEX_URL": "https://mine.example/simple"})
    assert stronger.index == "https://mine.example/simple"
    assert stronger.trusted_hosts == ("user.example",)


def test_the_section_for_installing_is_stronger_than_the_global_one(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[install]\ntimeout = 7\n[global]\ntimeout = 5\n--no_index = yes\n")
    sources = read_package_sources({"PIP_CONFIG_FILE": str(file)})
    assert (sources.timeout, sources.no_index) == ("7", True)


def test_a_configuration_of_the_environment_counts(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nextra-index-url =\n  https://one.example/\n  https://two.example/\n")
    sources = read_package_sources({"HOME": "/nonexistent", "XDG_CONFIG_DIRS": "/nonexistent"}, tmp_path)
    assert sources.extra_indexes == ("https://one.example/", "https://two.example/")
    assert sources.environment()["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_places_on_this_machine_that_do_not_exist_are_left_out(tmp_path: Path) -> None:
    there = tmp_path / "with space"
    there.mkdir()
    address = there.as_uri()
    text = f"{address} file:///absent/simple /absent/wheels {tmp_path}"
    variables = {"PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": text, "PIP_CERT": "/absent.pem"}
    assert read_package_sources(variables) == PackageSources(find_links=(address, str(tmp_path)))


def test_a_file_that_says_to_read_no_file_is_obeyed(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://other.example/\n")
    assert read_package_sources({"PIP_CONFIG_FILE": "/dev/null"}, tmp_path) == PackageSources()


def test_a_comma_in_a_folder_does_not_split_it(tmp_path: Path) -> None:
    folder = tmp_path / "a,b"
    folder.mkdir()
    assert "," not in PackageSources(find_links=(str(folder),)).environment()["UV_FIND_LINKS"]


def test_nothing_configured_changes_nothing() -> None:
    assert PackageSources().environment() == {}
    assert PackageSources().arguments() == []
