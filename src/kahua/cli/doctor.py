"""``kahua doctor``: what is wrong, and the way out."""

from typing import Annotated

import typer

from kahua.cli.output import Context, JsonOption, console, show_json
from kahua.monitoring import Severity, examine

MARKS = {Severity.FINE: "[green]ok[/]     ", Severity.NOTICE: "[yellow]notice[/] ", Severity.PROBLEM: "[red]problem[/]"}


def doctor(
    context: typer.Context,
    mend: Annotated[bool, typer.Option("--mend", help="First remove files that belong to nothing.")] = False,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Read every object, and compare it with what was stored.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at the whole site; status 1 if something does not work."""
    options: Context = context.obj
    with options.site() as site:
        if mend:
            site.archive.mend()
        findings = list(examine(site.checks(thorough=thorough)))
    if as_json:
        show_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            console.print(MARKS[finding.severity], end=" ")
            console.print(" ".join(filter(None, (finding.text, finding.remedy))), markup=False, soft_wrap=True)
    if any(finding.severity is Severity.PROBLEM for finding in findings):
        raise typer.Exit(1)
