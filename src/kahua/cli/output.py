"""How commands print: tables for people, JSON for programs, progress on long work."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from kahua.database import check_schema
from kahua.errors import InvalidInput, MisconfiguredSite
from kahua.logs import configure_logs
from kahua.settings import Settings, load_settings
from kahua.site import Site, build_site

#: Width where nothing limits it: a file or a pipe gets every row whole.
UNLIMITED = 10_000

console = Console(highlight=False, width=None if sys.stdout.isatty() else UNLIMITED)
errors = Console(stderr=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ProjectOption = Annotated[str, typer.Option("--project", "-p", envvar="KAHUA_PROJECT", help="Project to work in.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

#: Project in which commands work when none is named.
DEFAULT_PROJECT = "main"


@dataclass(frozen=True, kw_only=True)
class Context:
    """Options that every command shares."""

    data_dir: Path | None

    def settings(self, **options: object) -> Settings:
        """Read the settings, with these options of the command line."""
        return load_settings(data_dir=self.data_dir, **options)

    @contextmanager
    def site(self) -> Iterator[Site]:
        """Open the site of the data folder for a command; it may be running or not."""
        settings = self.settings()
        if not settings.database_url and not settings.folder("kahua.sqlite3").exists():
            raise MisconfiguredSite(
                f"There is no site in {settings.data_dir}.",
                setting="data_dir",
                remedy="Start one with `kahua up`, or name its folder with --data-dir.",
            )
        configure_logs("warning", component="cli")
        site = build_site(settings)
        try:
            check_schema(site.database)
            site.placed.watch()
            yield site
        finally:
            site.close()


def show(rows: Sequence[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    """Print rows as a table, or as JSON; `empty` says what to do when there are none."""
    if as_json:
        show_json(rows)
    elif not rows:
        errors.print(empty, markup=False)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in rows[0]:
            table.add_column(name.replace("_", " "), no_wrap=name == "id", overflow="fold")
        for row in rows:
            table.add_row(*(Text(visible(_word(value))) for value in row.values()))
        console.print(table)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    json.dump(value, sys.stdout, indent=2, default=_word, ensure_ascii=False)
    sys.stdout.write("\n")


def read_secret(file: Path) -> str:
    """Read a secret from the first line of a file; ``-`` stands for standard input.

    Raises
    ------
    InvalidInput
        The file cannot be read, or is empty.
    """
    try:
        lines = (sys.stdin.read() if str(file) == "-" else file.read_text()).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The file {file} cannot be read.") from error
    if not lines:
        raise InvalidInput(f"There is no secret in {file}.")
    return lines[0]


def say(text: str) -> None:
    """Print a sentence; brackets in it are text, not markup."""
    console.print(visible(text), markup=False, soft_wrap=True)


def visible(text: str) -> str:
    """Replace what a terminal would obey, and what turns the direction of writing: names come from anywhere."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


@contextmanager
def progress(text: str, *, total: int | None = None) -> Iterator["Steps"]:
    """Show how far long work has come, on standard error; nothing where that is no terminal."""
    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        yield Steps(bar, bar.add_task(text, total=total))


class Steps:
    """Progress of one piece of work."""

    def __init__(self, bar: Progress, task: Any) -> None:
        self._bar, self._task = bar, task

    def to(self, done: int, total: int | None = None) -> None:
        """Say how much is done."""
        self._bar.update(self._task, completed=done, total=total)

    def say(self, text: str) -> None:
        """Say what is being done."""
        self._bar.update(self._task, description=Text(text).plain)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost; end the command if the answer is no."""
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(item) for item in value)
    return str(value)
