"""``kahua demo``: from nothing to a segmentation that can be looked at, in one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kahua.cli.demonstration.client import SiteClient
from kahua.cli.demonstration.facts import Facts
from kahua.cli.demonstration.image import fetch_demo_image
from kahua.cli.output import Context, errors, progress, say
from kahua.cli.up import greet
from kahua.settings import Settings
from kahua.site import DemoAccess, prepare_demo, prepare_site

if TYPE_CHECKING:
    from kahua.cli.demonstration.story import Outcome


def demo(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Your own DICOM; without it, a head MR is brought in.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Verify every step, say each fact, and end.")] = False,
    port: Annotated[int | None, typer.Option(help="Port of the web interface; 0 takes a free one.")] = None,
    dicom_port: Annotated[int | None, typer.Option(help="Port of the DICOM receiver; 0 takes a free one.")] = None,
) -> None:
    """Start a site, send it an image, run a model on it, show the result."""
    from kahua.cli.supervisor import Supervisor  # late: it loads the whole site, which other commands need not

    options: Context = context.obj
    settings = options.settings(port=port, dicom_port=dicom_port)
    supervisor = Supervisor(settings, tell=lambda text: errors.print(text, style="yellow", markup=False))
    facts = Facts(tell=lambda fact: say(str(fact)) if check else None)
    try:
        prepare_site(settings)
        with progress("Making the model's environment (some minutes the first time)") as steps:
            access = prepare_demo(settings, tell=steps.say)
        supervisor.start()
        outcome = _tell_story(supervisor.settings, access, facts, folder)
        if check:
            from kahua.cli.demonstration.story import look_at_pages  # late: it loads imaging libraries

            look_at_pages(supervisor.settings.url, access.link, facts)
            raise typer.Exit(0 if facts.all_hold else 1)
        _summarise(outcome)
        greet(supervisor.settings, access.link)
        supervisor.run()
    finally:
        supervisor.stop()


def _tell_story(settings: Settings, access: DemoAccess, facts: Facts, folder: Path | None) -> "Outcome":
    from kahua.cli.demonstration.story import Story  # late: it loads imaging libraries

    with progress("Bringing in the image") as steps:
        mask = None
        if folder is None:
            image = fetch_demo_image(settings, tell=steps.say)
            folder, mask = image.as_dicom(settings), image.brain_mask

        def tell(text: str, done: int, total: int | None) -> None:
            steps.say(text)
            steps.to(done, total)

        story = Story(
            client=SiteClient(settings.url, access.token, access.project),
            dicom_host=settings.dicom_host,
            dicom_port=settings.dicom_port,
            facts=facts,
            tell=tell,
        )
        return story.run(folder, mask)


def _summarise(outcome: "Outcome") -> None:
    series, run = outcome.series, outcome.run
    say(f"\n{series['description']} is in project main: {series['instance_count']} instances over C-STORE.")
    say(f"{run['title']} ran on this machine:")
    for name, value in outcome.measurements.items():
        say(f"  {name:<14} {value}")
    if outcome.comparison:
        say(f"  {'Agreement':<14} Dice {outcome.comparison.dice:.3f} with the reference mask")
    say("")
