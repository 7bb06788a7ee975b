"""``kahua import``: bring in files and folders of this machine."""

from pathlib import Path
from typing import Annotated

import typer

from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, JsonOption, ProjectOption, progress, say, show_json
from kahua.site import project_id
from kahua.store import Origin
from kahua.store.imports.archives import ArchiveLimits
from kahua.store.imports.importer import Importer, ImportReport, VolumeOptions

#: Refusals that are shown one by one.
SHOWN_REFUSALS = 20


def import_files(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="DICOM, a zip archive, a NIfTI volume, or a folder of any of them.")],
    dataset: Annotated[str | None, typer.Option(help="Add the series to this dataset.")] = None,
    modality: Annotated[str, typer.Option(help="Modality of NIfTI volumes.")] = "MR",
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Bring in images; what was here before is told and not doubled."""
    options: Context = context.obj
    with options.site() as site:
        with site.database.read() as session:
            identity = project_id(session, project)
        importer = Importer(
            archive=site.archive,
            project_id=identity,
            origin=Origin(door="import", sender=local_principal().name, dataset=dataset),
            archive_limits=ArchiveLimits.from_settings(site.settings),
            volume=VolumeOptions(modality=modality),
        )
        with progress(f"Bringing in {path}") as steps:
            report = importer.import_path(path, steps.to)
    if as_json:
        show_json(_as_json(report))
    else:
        _tell(report)
    if report.refused:
        raise typer.Exit(1)


def _tell(report: ImportReport) -> None:
    say(
        f"Instances brought in: {report.accepted}; here before: {report.duplicates}. "
        f"Files passed over: {report.skipped}; refused: {len(report.refused)}."
    )
    for refusal in report.refused[:SHOWN_REFUSALS]:
        say(f"  {refusal.name!r}: {refusal.reason}")
    if len(report.refused) > SHOWN_REFUSALS:
        say(f"  … and {len(report.refused) - SHOWN_REFUSALS} more; --json tells all.")


def _as_json(report: ImportReport) -> dict[str, object]:
    return {
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "skipped": report.skipped,
        "series": report.series,
        "refused": [{"name": item.name, "code": item.code, "reason": item.reason} for item in report.refused],
    }
