"""Write the reference pages of the documentation from the code: settings, errors, commands, permissions, DICOM.

A test compares the pages with what this makes, so that they cannot say anything else than the code.
"""

from collections.abc import Sequence
from pathlib import Path

import click
import clients
import conformance
import typer

from kahua import errors
from kahua.access import EVERYBODY, PERMISSIONS, PERSON_ONLY, SITE_PERMISSIONS, Permission
from kahua.cli.application import app
from kahua.settings import Settings

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


def pages() -> dict[str, str]:
    """Give every generated page by its file name."""
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "permissions.md": permissions_page(),
        "commands.md": commands_page(),
        "conformance.md": conformance_page(),
        "clients.md": clients_page(),
    }


def settings_page() -> str:
    """Every setting, its variable, its default and its sentence."""
    rows = [
        f"| `{name}` | `KAHUA_{name.upper()}` |{_default(field.default)}| {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _page(
        "Settings",
        "A setting is, from strongest to weakest, an option of the command line, an environment variable, "
        "a key of `kahua.toml` in the data folder, or its default.",
        ["| setting | variable | default | |", "|---|---|---|---|", *rows],
    )


def errors_page() -> str:
    """Every error code and its sentence."""
    found = {error.code: error for error in vars(errors).values() if isinstance(error, type)}
    rows = [f"| `{code}` | {(error.__doc__ or '').splitlines()[0]} |" for code, error in sorted(found.items())]
    return _page(
        "Errors",
        "Over HTTP an error is a problem (RFC 9457) with one of these as `code`; on the command line it is a sentence.",
        ["| code | |", "|---|---|", *rows],
    )


def permissions_page() -> str:
    """Every permission, the roles that have it, and what is the administrator's."""
    roles = list(PERMISSIONS)
    of_projects = [permission for permission in Permission if permission not in SITE_PERMISSIONS]
    of_sites = [permission for permission in Permission if permission in SITE_PERMISSIONS]
    person = ", ".join(f"`{permission}`" for permission in Permission if permission in PERSON_ONLY)
    return _page(
        "Permissions",
        "What each role may do in its project. An administrator of the site is treated as manager of every project\n"
        "([why](../decisions/0004-administrators.md)).",
        [
            *_permissions(roles, of_projects, [[each in PERMISSIONS[role] for role in roles] for each in of_projects]),
            "",
            "What concerns the site as a whole:",
            "",
            *_permissions(
                ["everybody signed in", "administrator"], of_sites, [[each in EVERYBODY, True] for each in of_sites]
            ),
            "",
            f"A person must be signed in for these; an API token is not enough: {person}.",
            "Every route names its permission; which route needs which is in `tests/unit/api/test_every_route.py`.",
        ],
    )


def _permissions(titles: Sequence[str], permissions: Sequence[str], may: Sequence[Sequence[bool]]) -> list[str]:
    rows = [
        f"| `{permission}` |" + "".join(" yes |" if each else " |" for each in cells)
        for permission, cells in zip(permissions, may, strict=True)
    ]
    return ["| permission | " + " | ".join(titles) + " |", "|---|" + "---|" * len(titles), *rows]


def commands_page() -> str:
    """Every command and its options."""
    return _page("Commands", "`kahua --help` says the same.", _commands(typer.main.get_command(app), "kahua"))


def conformance_page() -> str:
    """What the site speaks of DICOM."""
    return _page("DICOM Conformance Statement", "Shortened after PS3.2.", conformance.lines())


def clients_page() -> str:
    """With which programs of others the site is tried."""
    return _page(
        "Programs of others",
        "With which clients and archives Kahua is tried, and what holds: each line is the name of a test that passes.",
        clients.lines(),
    )


def _commands(command: click.Command, path: str) -> list[str]:
    lines = [f"## `{path}`", "", (command.help or "").strip(), ""] if path.count(" ") else []
    options = [
        f"- `{_name(p)}` {getattr(p, 'help', None) or ''}".rstrip() for p in command.params if "--help" not in p.opts
    ]
    lines += [*options, ""] if options else []
    for name, sub in sorted(getattr(command, "commands", {}).items()):
        lines += _commands(sub, f"{path} {name}")
    return lines


def _name(parameter: click.Parameter) -> str:
    return ", ".join(parameter.opts) if parameter.param_type_name == "option" else str(parameter.name).upper()


def _page(title: str, text: str, lines: list[str]) -> str:
    return "\n".join([f"# {title}", "", text, "", *lines]).rstrip() + "\n"


def _default(value: object) -> str:
    return " " if value is None or value == () else f" `{value}` "


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
