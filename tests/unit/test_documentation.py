"""Every command that a page tells people to type exists, with its options; every link leads somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from kahua.cli.application import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "extensions").rglob("*.md")])
GENERATED = ROOT / "docs" / "reference"

#: Inline code, and lines of code blocks: fenced or indented.
CODE = re.compile(r"`((?:kahua|make) [^`\n]+)`|^(?: {4}|\$ )?((?:kahua|make) .+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

#: In running text a line may begin with one of these words, too.
PROSE = re.compile(r"(kahua|make) (the|a|an|it|is|and|sure) ")


def commands(page: Path) -> Iterator[str]:
    """Give every command of ours on a page, without its comment."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    for match in CODE.finditer(text):
        command = re.split(r"\s+#|\s*&&|\s*\|", match[1] or match[2])[0]
        if not PROSE.match(command):
            yield command


FOUND = [(page, command) for page in PAGES if page.parent != GENERATED for command in commands(page)]


def understand(words: list[str]) -> None:
    """Parse a command as it would be on the command line, without carrying it out; raise if it is none."""
    command: Any = typer.main.get_command(app)
    context = None
    name = words.pop(0)
    while words or hasattr(command, "commands"):  # the name of a command alone is a mention of it
        context = command.make_context(name, words, parent=context)
        if not hasattr(command, "commands"):
            return
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])


@pytest.mark.parametrize(
    ("page", "command"), FOUND, ids=[f"{page.name}: {command}" for page, command in FOUND] or ["none"]
)
def test_a_command_in_the_documentation_exists(page: Path, command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        goals = [word for word in words[1:] if "=" not in word]
        assert goals
        assert all(re.search(rf"^{goal}:", MAKEFILE, re.MULTILINE) for goal in goals), f"{page}: {command}"
        for variable in (word.partition("=")[0] for word in words[1:] if "=" in word):
            assert re.search(rf"^{variable} \?=", MAKEFILE, re.MULTILINE), f"{page}: {command}"
    elif not {"--help", "--version"} & set(words):
        understand(words)


def test_commands_were_found_at_all() -> None:
    assert {page.name for page, _ in FOUND} >= {"README.md", "write-an-extension.md", "CONTRIBUTING.md"}


@pytest.mark.parametrize("wrong", ["kahua fly", "kahua up --prot 1", "kahua runs list --limit many", "kahua dataset"])
def test_a_command_that_does_not_exist_would_be_found(wrong: str) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - typer's own classes are private
        understand(shlex.split(wrong))
    assert type(refused.value).__name__ in {"NoSuchOption", "BadParameter", "UsageError", "NoArgsIsHelpError"}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_a_link_to_another_file_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []
