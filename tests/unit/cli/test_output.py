"""What commands print is text and nothing else."""

import pytest

from kahua.cli.output import say, show

HOSTILE = "A\x1b[2J\x07\u202eB\x9b"
TAMED = r"A\x1b[2J\x07\x202eB\x9b"


def test_no_name_commands_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"It is {HOSTILE}.\nNext line: Müller, 山田.")
    show([{"name": HOSTILE}], as_json=False, empty="Nothing.")
    printed = capsys.readouterr().out
    assert printed.count(TAMED) == 2
    assert "\x1b" not in printed
    assert ".\nNext line: Müller, 山田." in printed
