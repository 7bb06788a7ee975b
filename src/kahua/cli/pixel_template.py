"""``kahua pixel-template``: where the devices of the site write into their pictures."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import Context, JsonOption, show
from kahua.dicom import EXAMPLES, Area, PixelTemplate
from kahua.errors import InvalidInput, NotFound
from kahua.store import templates_of

app = typer.Typer(
    name="pixel-template", help="Where devices write into their pictures: there they are blanked.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help="Name of the template.")]


@app.command("list")
def list_all(
    context: typer.Context,
    examples: Annotated[
        bool, typer.Option("--examples", help="Those that come with Kahua and are not applied.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the templates of the site."""
    options: Context = context.obj
    found: tuple[PixelTemplate, ...] = EXAMPLES
    if not examples:
        with options.site() as site, site.database.read() as session:
            found = templates_of(session)
    show(
        [_row(template) for template in found],
        as_json=as_json,
        empty="None: `kahua pixel-template list --examples` shows how they look.",
    )


@app.command()
def add(
    context: typer.Context,
    name: NameArgument,
    like: Annotated[str, typer.Option(help="Begin with this example.")] = "",
    rows: Annotated[int | None, typer.Option(min=1, help="Rows of the pictures.")] = None,
    columns: Annotated[int | None, typer.Option(min=1, help="Columns of the pictures.")] = None,
    area: Annotated[
        list[str], typer.Option(help="LEFT,TOP,WIDTH,HEIGHT of a rectangle to blank; may be given many times.")
    ] = [],  # noqa: B006 - typer
    modality: Annotated[str | None, typer.Option(help="Modality of the pictures.")] = None,
    manufacturer: Annotated[str | None, typer.Option(help="Manufacturer of the device.")] = None,
    model: Annotated[str | None, typer.Option(help="Manufacturer's Model Name of the device.")] = None,
    sop_class_uid: Annotated[str | None, typer.Option(help="SOP Class UID of the pictures.")] = None,
    software: Annotated[str | None, typer.Option(help="One of the device's Software Versions.")] = None,
) -> None:
    """Add a template; it acts on whatever is de-identified from now on, in all projects."""
    options: Context = context.obj
    given = {
        "rows": rows,
        "columns": columns,
        "areas": tuple(_area(text) for text in area) or None,
        "modality": modality,
        "manufacturer": manufacturer,
        "model": model,
        "sop_class_uid": sop_class_uid,
        "software": software,
    }
    template = _template(name, like, {key: value for key, value in given.items() if value is not None})
    with options.site() as site, site.database.write() as session:
        datasets.add_pixel_template(session, actor=local_principal().name, template=template)


@app.command()
def remove(context: typer.Context, name: NameArgument) -> None:
    """Remove a template."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        datasets.remove_pixel_template(session, actor=local_principal().name, name=name)


def _template(name: str, like: str, given: dict[str, Any]) -> PixelTemplate:
    try:
        if like:
            return replace(_example(like), name=name, **given)
        return PixelTemplate(**{"name": name, "rows": 0, "columns": 0, "areas": (), **given})
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def _example(name: str) -> PixelTemplate:
    found = next((example for example in EXAMPLES if example.name == name), None)
    if found is None:
        raise NotFound(f"There is no example {name}.", remedy="`kahua pixel-template list --examples` shows all.")
    return found


def _area(text: str) -> Area:
    try:
        left, top, width, height = (int(number) for number in text.split(","))
        return Area(left=left, top=top, width=width, height=height)
    except ValueError:
        raise InvalidInput(f"{text} is no area.", remedy="Write LEFT,TOP,WIDTH,HEIGHT, such as 0,0,1024,64.") from None


def _row(template: PixelTemplate) -> dict[str, object]:
    return {
        "name": template.name,
        "modality": template.modality,
        "manufacturer": template.manufacturer,
        "model": template.model,
        "sop_class_uid": template.sop_class_uid,
        "software": template.software,
        "size": f"{template.columns}x{template.rows}",
        "areas": " ".join(f"{area.left},{area.top},{area.width},{area.height}" for area in template.areas),
    }
