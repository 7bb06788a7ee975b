"""Write the reference pages of the documentation from the code: settings, errors, commands, permissions.

A test compares the pages with what this makes, so that they cannot say anything else than the code.
"""

from pathlib import Path

import click
import typer

from kahua import errors
from kahua.access import PERMISSIONS, Permission
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
    }


def settings_page() -> str:
    """Every setting, its default and its sentence."""
    rows = [
        f"| `{name}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _page(
        "Settings",
        "A setting is, from strongest to weakest, an option of the command line, an environment variable "
        "`KAHUA_<NAME>`, a key of `kahua.toml` in the data folder, or its default.",
        ["| setting | default | |", "|---|---|---|", *rows],
    )


def errors_page() -> str:
    """Every error code and its sentence."""
    found = sorted(_subclasses(errors.KahuaError), key=lambda error: error.code)
    rows = [f"| `{error.code}` | {(error.__doc__ or '').splitlines()[0]} |" for error in found]
    return _page(
        "Errors",
        "Over HTTP an error is a problem (RFC 9457) with one of these as `code`; on the command line it is a sentence.",
        ["| code | |", "|---|---|", *rows],
    )


def permissions_page() -> str:
    """Every permission and the roles that have it."""
    roles = list(PERMISSIONS)
    rows = [
        f"| `{permission}` | " + " | ".join("yes" if permission in PERMISSIONS[role] else "" for role in roles) + " |"
        for permission in Permission
    ]
    return _page(
        "Permissions",
        "What each role may do in its project. What no role has is the administrator's, who manages the site.",
        ["| permission | " + " | ".join(roles) + " |", "|---|" + "---|" * len(roles), *rows],
    )


def commands_page() -> str:
    """Every command and its options."""
    return _page("Commands", "`kahua --help` says the same.", _commands(typer.main.get_command(app), "kahua"))


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
    return "" if value is None else f"`{value}`"


def _subclasses(error: type[errors.KahuaError]) -> set[type[errors.KahuaError]]:
    return {error}.union(*(_subclasses(sub) for sub in error.__subclasses__()))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
