"""``kahua erase``: a patient, a study or a series goes with everything that the site keeps of it."""

from typing import Annotated

import typer

from kahua.access import local_principal
from kahua.cli.output import DEFAULT_PROJECT, Context, ProjectOption, YesOption, confirm, say, show
from kahua.errors import InvalidInput
from kahua.site import project_id
from kahua.store import ErasurePlan, Subject


def erase(
    context: typer.Context,
    patient: Annotated[str | None, typer.Option(help="Patient ID.")] = None,
    study: Annotated[str | None, typer.Option(help="Study Instance UID.")] = None,
    series: Annotated[str | None, typer.Option(help="Series Instance UID.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
    yes: YesOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Erase a patient, a study or a series for ever, with everything derived; the proof is in the audit log."""
    subject = _subject(patient=patient, study=study, series=series)
    options: Context = context.obj
    with options.site() as site:
        with site.database.read() as session:
            identity = project_id(session, project)
        erasures = site.erasures()
        _show(erasures.plan(identity, subject))
        if dry_run:
            return
        confirm(f"Erase all this from {project}? This cannot be undone.", yes=yes)
        erasure = erasures.erase(identity, subject, actor=local_principal().name)
    say(f"Erased, with {erasure.objects_deleted} objects; the proof is in the audit log under {erasure.id}.")
    if erasure.objects_kept:
        say(f"{erasure.objects_kept} objects stay: other projects hold them, too.")


def _subject(*, patient: str | None, study: str | None, series: str | None) -> Subject:
    if patient is not None and study is None and series is None:
        return Subject(kind="patient", identifier=patient)
    if study is not None and patient is None and series is None:
        return Subject(kind="study", identifier=study)
    if series is not None and patient is None and study is None:
        return Subject(kind="series", identifier=series)
    raise InvalidInput("Name one of --patient, --study and --series.", field="subject")


def _show(plan: ErasurePlan) -> None:
    rows = [
        {
            "id": series.id,
            "modality": series.modality,
            "description": series.description,
            "instances": series.instance_count,
            "why": series.reason,
        }
        for series in plan.series
    ]
    show(rows, as_json=False, empty="No series; only what `kahua trash list` and the quarantine hold.")
    say(", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in plan.counts.items() if count))
