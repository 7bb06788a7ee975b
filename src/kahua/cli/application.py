"""The command ``kahua`` and its nouns."""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Final, Never

import typer

from kahua import __version__
from kahua.cli import (
    dataset,
    delivery,
    demo,
    doctor,
    erasing,
    exporting,
    extension,
    importing,
    moving,
    peer,
    pixel_template,
    project,
    pull,
    quarantine,
    rebuild,
    runs,
    series,
    services,
    trash,
    up,
    user,
    workflow,
    workitem,
    worklist,
)
from kahua.cli.output import Context, errors, visible
from kahua.errors import KahuaError

#: What a command writes is for its user and group, also in a data folder that lets others in.
OTHERS_KEPT_OUT = 0o027

#: Errors of a disk that has no room, or that fails: they are nobody's mistake, and a sentence says enough.
DISK_ERRORS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}

app = typer.Typer(
    name="kahua",
    help="A platform for medical image analysis that a hospital can run itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
app.command("import")(importing.import_files)
app.command("export")(exporting.export)
app.command("send")(delivery.send)
app.command("reidentify")(exporting.reidentify)
app.command("erase")(erasing.erase)
app.command("move-objects")(moving.move_objects)
app.command("run")(runs.start)
app.command("worklist")(worklist.worklist)
app.command("rebuild")(rebuild.rebuild)
app.command("web", rich_help_panel="Parts of a site, each alone")(services.web)
app.command("receive", rich_help_panel="Parts of a site, each alone")(services.receive)
app.command("work", rich_help_panel="Parts of a site, each alone")(services.work)
for noun in (
    user,
    project,
    series,
    trash,
    quarantine,
    dataset,
    workflow,
    runs,
    extension,
    peer,
    pixel_template,
    pull,
    delivery,
    workitem,
):
    app.add_typer(noun.app)


def _version(show: bool) -> None:
    if show:
        print(f"kahua {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="KAHUA_DATA_DIR", help="Folder that holds everything the site keeps.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Take the options that every command shares."""
    context.obj = Context(data_dir=data_dir)


def run() -> None:
    """Run the command; an error is one sentence on standard error and status 1."""
    os.umask(OTHERS_KEPT_OUT)
    try:
        app()
    except KahuaError as error:
        _say_and_end(str(error))
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _say_and_end(
            f"The disk cannot be written: {error.strerror}. Make room, or look whether it is in order; try again."
        )


def _say_and_end(sentence: str) -> Never:
    errors.print(visible(sentence), style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
