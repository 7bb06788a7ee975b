"""Where packages come from: pip's configuration, read for uv.

A site behind a mirror, or with wheels of its own, is configured for pip. uv installs the packages
here but does not read that configuration, so it is handed over: what pip would use, uv uses.
"""

import configparser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

#: Sections of a configuration file that hold for an installation, the later one stronger.
SECTIONS = ("global", "install")

TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, kw_only=True)
class PackageSources:
    """Indexes and folders from which packages are installed."""

    #: The main index; the default one if empty.
    index: str = ""
    extra_indexes: tuple[str, ...] = ()
    #: Folders or pages that list files of packages.
    find_links: tuple[str, ...] = ()
    #: Hosts that are believed without a valid certificate.
    trusted_hosts: tuple[str, ...] = ()
    #: PEM file with the certificates that are believed.
    certificates: str = ""
    #: Use the folders and pages only, no index.
    no_index: bool = False
    #: Seconds to wait for an answer; uv's own default if empty.
    timeout: str = ""

    def arguments(self) -> list[str]:
        """Write what uv takes as an argument of ``uv pip install`` only."""
        return ["--no-index"] if self.no_index else []

    def environment(self) -> dict[str, str]:
        """Write the sources as environment variables of uv: unlike arguments, other users cannot see them.

        Several indexes are searched together for the best version, as pip does it.
        """
        variables = {
            "UV_DEFAULT_INDEX": self.index,
            "UV_INDEX": " ".join(self.extra_indexes),
            "UV_FIND_LINKS": ",".join(_without_comma(link) for link in self.find_links),
            "UV_INSECURE_HOST": " ".join(self.trusted_hosts),
            "UV_INDEX_STRATEGY": "unsafe-best-match" if self.extra_indexes else "",
            "UV_HTTP_TIMEOUT": self.timeout,
            "SSL_CERT_FILE": self.certificates,
        }
        return {name: value for name, value in variables.items() if value}


def read_package_sources(environment: Mapping[str, str], prefix: Path | None = None) -> PackageSources:
    """Read what pip would use: its files for all users, for this user and for an environment, then ``PIP_*``.

    Locations on this machine that do not exist are left out: pip ignores them, uv would refuse to begin.

    Parameters
    ----------
    environment
        Variables of the process; pip's files are looked for in the places that they name.
    prefix
        Folder of a Python environment whose ``pip.conf`` counts too.
    """
    options: dict[str, str] = {}
    for file in _configuration_files(environment, prefix):
        options |= _options_of(file)
    options |= _options_of_variables(environment)
    return PackageSources(
        index=_first(_existing(options.get("index-url", ""))),
        extra_indexes=_existing(options.get("extra-index-url", "")),
        find_links=_existing(options.get("find-links", "")),
        trusted_hosts=tuple(options.get("trusted-host", "").split()),
        certificates=_first(_existing(options.get("cert", ""))),
        no_index=options.get("no-index", "").lower() in TRUE,
        timeout=options.get("timeout", options.get("default-timeout", "")),
    )


def _configuration_files(environment: Mapping[str, str], prefix: Path | None) -> Iterator[Path]:
    """Every file that pip may read, the stronger ones later (pip's user guide, "Configuration")."""
    chosen = environment.get("PIP_CONFIG_FILE", "")
    if chosen == "/dev/null":  # documented as "read no file at all"
        return
    home = Path(environment.get("HOME") or "/nonexistent")
    for folder in reversed((environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    if prefix:
        yield prefix / "pip.conf"
    if chosen:
        yield Path(chosen)


def _options_of(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    parser = configparser.RawConfigParser()
    parser.read_string(file.read_text(encoding="utf-8", errors="replace"), source=str(file))
    return {
        _normal(name): value
        for section in SECTIONS
        if parser.has_section(section)
        for name, value in parser.items(section)
    }


def _options_of_variables(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        _normal(name.removeprefix("PIP_")): value
        for name, value in environment.items()
        if name.startswith("PIP_") and value
    }


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _existing(text: str) -> tuple[str, ...]:
    """Locations of an option, less those on this machine that do not exist."""
    return tuple(dict.fromkeys(location for location in text.split() if _exists(location)))


def _exists(location: str) -> bool:
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).exists()
    return bool(parts.scheme) or Path(location).exists()


def _first(locations: tuple[str, ...]) -> str:
    return locations[0] if locations else ""


def _without_comma(location: str) -> str:
    """Write a folder so that no comma is left in it: uv takes the comma for the end of a location."""
    if "," not in location or urlsplit(location).scheme:
        return location.replace(",", "%2C")
    return f"file://{quote(str(Path(location).resolve()))}"
