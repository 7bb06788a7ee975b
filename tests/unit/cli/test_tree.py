"""What every command has to offer."""

import json
from collections.abc import Iterator

import click
import pytest
import typer

from kahua.cli.application import app

from .said import Kahua

#: Commands that print what there is; all others act.
LISTING = {"list", "show", "doctor"}


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Give every command with its path, nouns too."""
    yield path, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*path, name))


TREE = dict(commands(typer.main.get_command(app)))
LISTS = sorted(path for path in TREE if path and path[-1] in LISTING)


@pytest.mark.parametrize("path", sorted(TREE), ids=lambda path: " ".join(path) or "kahua")
def test_a_command_says_what_it_does_and_so_does_each_option(path: tuple[str, ...]) -> None:
    command = TREE[path]
    assert (command.help or "").strip().endswith("."), "a sentence"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{parameter.name} has no sentence"


@pytest.mark.parametrize("path", LISTS, ids=" ".join)
def test_whatever_lists_also_lists_for_programs(path: tuple[str, ...]) -> None:
    assert "--json" in [name for parameter in TREE[path].params for name in parameter.opts]


@pytest.mark.parametrize("path", [path for path in LISTS if path[-1] == "list"], ids=" ".join)
def test_a_list_is_json_even_when_it_is_empty(path: tuple[str, ...], at_site: Kahua) -> None:
    said = at_site(*path, "--json")
    assert said.status == 0, said.err
    assert isinstance(json.loads(said.out), list)


@pytest.mark.parametrize("path", [path for path in LISTS if path[-1] == "list"], ids=" ".join)
def test_a_list_tells_people_what_to_do_when_it_is_empty(path: tuple[str, ...], at_site: Kahua) -> None:
    said = at_site(*path)
    assert said.status == 0, said.err
    assert said.out.strip() or "`kahua" in said.err


def test_help_names_every_command(kahua: Kahua) -> None:
    said = kahua("--help")
    assert said.status == 0
    for path in TREE:
        assert all(word in said.out for word in path[:1])


def test_the_version_is_said(kahua: Kahua) -> None:
    from kahua import __version__

    assert kahua("--version").out == f"kahua {__version__}\n"
