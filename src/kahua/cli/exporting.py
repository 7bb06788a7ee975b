"""``kahua export`` and ``kahua reidentify``: take images out, and find out again whose they are."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from kahua import datasets
from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, progress, read_secret, say, show
from kahua.dicom import Kept, Profile
from kahua.errors import StateConflict
from kahua.site import project_id
from kahua.store import policy_of


def export(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="ZIP file to write; it must not be there yet.")],
    series: Annotated[list[str], typer.Option(help="Id of a series; may be given many times.")] = [],  # noqa: B006 - typer
    dataset: Annotated[str | None, typer.Option(help="Take out this dataset.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="Version of the dataset; the newest by default.")] = None,
    as_stored: Annotated[bool, typer.Option("--as-stored", help="Do not de-identify.")] = False,
    dates: Annotated[
        Literal["shift", "remove"] | None,
        typer.Option(help="Move all dates of a patient, or remove them; as the project says by default."),
    ] = None,
    keep: Annotated[
        list[Kept],
        typer.Option(help="What may stay, instead of what the project lets stay; may be given many times."),
    ] = [],  # noqa: B006
    suspicious_pixels: Annotated[
        bool, typer.Option("--suspicious-pixels", help="Take along pictures in which names may be written.")
    ] = False,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Take series, or a dataset, out into a ZIP file, de-identified after PS3.15 unless told otherwise."""
    options: Context = context.obj
    if out.exists():
        raise StateConflict(f"{out} is there already.", remedy="Name another file.")
    with options.site() as site:
        with site.database.write() as session:
            identity = project_id(session, project)
            profile = _chosen(policy_of(session, identity).profile, dates, keep, suspicious_pixels=suspicious_pixels)
            export = datasets.begin_export(
                session,
                project_id=identity,
                project_name=project,
                actor=local_principal().name,
                series=series,
                dataset=dataset,
                version=version,
                profile=None if as_stored else profile,
            )
        partial = out.with_name(f"{out.name}.part")
        try:
            with partial.open("xb") as file, progress(f"Writing {out}") as steps:
                for piece in site.exporter().stream(export):
                    file.write(piece)
                    steps.to(file.tell() // 1_000_000)
            partial.rename(out)
        finally:
            partial.unlink(missing_ok=True)
    say(f"{len(export.series)} series are in {out}; its manifest.json says what was done.")


def _chosen(
    usual: Profile, dates: Literal["shift", "remove"] | None, keep: list[Kept], *, suspicious_pixels: bool
) -> Profile:
    """Give what the project usually does, with what was chosen for this export."""
    return replace(
        usual.keeping(keep) if keep else usual,
        dates=dates or usual.dates,
        suspicious_pixels="flag" if suspicious_pixels else usual.suspicious_pixels,
    )


def reidentify(
    context: typer.Context,
    pseudonyms: Annotated[list[str], typer.Argument(help="Patient IDs of de-identified objects.")],
    reason: Annotated[str, typer.Option(help="Why you need to know; the audit log keeps it.")],
    passphrase_file: Annotated[
        Path | None,
        typer.Option(help="File with the passphrase that opens what was sealed; - reads standard input."),
    ] = None,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Find the patients who are behind pseudonyms; the audit log will say that you asked."""
    options: Context = context.obj
    with options.site() as site:
        with site.database.read() as session:
            identity = project_id(session, project)
        found = datasets.reidentify(
            site.database,
            project_id=identity,
            actor=local_principal().name,
            pseudonyms=pseudonyms,
            reason=reason,
            passphrase=read_secret(passphrase_file) if passphrase_file else None,
        )
    show([vars(original) for original in found], as_json=as_json, empty="No patient of this project has one of these.")
