"""``kahua extension``: the extensions of a site."""

from pathlib import Path
from typing import Annotated

import typer

from kahua.access import local_principal
from kahua.cli.output import Context, JsonOption, YesOption, confirm, progress, say, show
from kahua.extensions import find_extension

app = typer.Typer(name="extension", help="The extensions of a site.", no_args_is_help=True)

SourceArgument = Annotated[str, typer.Argument(help="Folder or archive, or the name of one that comes with Kahua.")]


@app.command("list")
def list_all(context: typer.Context, as_json: JsonOption = False) -> None:
    """List what is installed."""
    options: Context = context.obj
    with options.site() as site:
        rows = [
            {
                "name": extension.manifest.name,
                "version": extension.manifest.version,
                "title": extension.manifest.title,
                "state": extension.state,
                "workflows": list(extension.manifest.workflows),
                "error": extension.error,
            }
            for extension in site.extensions.installed()
        ]
    show(rows, as_json=as_json, empty="No extension is installed yet: `kahua extension install brain-extraction`.")


@app.command()
def install(context: typer.Context, source: SourceArgument) -> None:
    """Install an extension and build its environments."""
    options: Context = context.obj
    with options.site() as site, progress(f"Installing {source}") as steps:
        extension = site.extensions.install(find_extension(source), actor=local_principal().name, progress=steps.say)
    say(f"{extension.manifest.name} {extension.manifest.version} is {extension.state}.")


@app.command()
def check(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Folder or archive of the extension.")],
    build: Annotated[bool, typer.Option("--build", help="Also build its environments.")] = False,
) -> None:
    """Say everything that is wrong with an extension, without installing it."""
    options: Context = context.obj
    with options.site() as site, progress(f"Checking {source}") as steps:
        manifest = site.extensions.check(source, build=build, progress=steps.say)
    say(f"{manifest.name} {manifest.version} is in order: {', '.join(manifest.workflows)}.")


@app.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the extension.")],
    version: Annotated[str, typer.Argument(help="Its version.")],
    yes: YesOption = False,
) -> None:
    """Remove an extension; what its runs made stays."""
    options: Context = context.obj
    confirm(f"Remove {name} {version}?", yes=yes)
    with options.site() as site:
        site.extensions.remove(name, version, actor=local_principal().name)
