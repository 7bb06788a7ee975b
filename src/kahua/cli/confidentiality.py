"""``kahua project confidentiality``: what a project decides about the identity of its patients."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import Context, JsonOption, say, show
from kahua.dicom import Kept
from kahua.site import project_id
from kahua.store import Policy, policy_of

app = typer.Typer(
    name="confidentiality", help="How a project's objects are de-identified, and when.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(help="Name of the project.")]


@app.command("show")
def show_policy(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Show how the objects of a project are de-identified, and when."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        policy = policy_of(session, project_id(session, name))
    show([_described(policy)], as_json=as_json, empty="")


@app.command("set")
def set_policy(
    context: typer.Context,
    name: NameArgument,
    on_arrival: Annotated[
        bool | None, typer.Option(help="De-identify whatever comes in before it is stored, or do not.")
    ] = None,
    dates: Annotated[
        Literal["shift", "remove"] | None, typer.Option(help="Move all dates of a patient, or remove them.")
    ] = None,
    keep: Annotated[
        list[Kept], typer.Option(help="What may stay, instead of what may stay now; may be given many times.")
    ] = [],  # noqa: B006 - typer
    keep_nothing: Annotated[bool, typer.Option("--keep-nothing", help="Nothing may stay any longer.")] = False,
    suspicious_pixels: Annotated[
        Literal["hold", "flag"] | None,
        typer.Option(help="Hold back what may show a name in its pixels, or let it go with a warning."),
    ] = None,
    faces: Annotated[
        Literal["leave", "flag", "hold"] | None,
        typer.Option(help="Leave, flag or hold back what may show a face: nobody removes it."),
    ] = None,
) -> None:
    """Decide how the objects of a project are de-identified from now on; what is not named stays as it is."""
    options: Context = context.obj
    with options.site() as site, site.database.write() as session:
        identity = project_id(session, name)
        before = policy_of(session, identity)
        profile = before.profile.keeping(keep) if keep or keep_nothing else before.profile
        policy = Policy(
            on_arrival=before.on_arrival if on_arrival is None else on_arrival,
            profile=replace(
                profile,
                dates=dates or profile.dates,
                suspicious_pixels=suspicious_pixels or profile.suspicious_pixels,
                faces=faces or profile.faces,
            ),
        )
        datasets.change_policy(session, project_id=identity, actor=local_principal().name, policy=policy)
    say(f"Decided for {name}: {', '.join(f'{key} {value}' for key, value in _described(policy).items())}.")


def _described(policy: Policy) -> dict[str, object]:
    profile = policy.profile
    return {
        "on_arrival": "yes" if policy.on_arrival else "no",
        "dates": profile.dates,
        "keep": ", ".join(profile.kept) or "nothing",
        "suspicious_pixels": profile.suspicious_pixels,
        "faces": profile.faces,
    }
