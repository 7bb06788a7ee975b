"""``kahua series``: the images of a project."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from kahua.access import local_principal, record
from kahua.cli.output import (
    DEFAULT_PROJECT,
    Context,
    JsonOption,
    ProjectOption,
    YesOption,
    confirm,
    progress,
    say,
    show,
    show_json,
)
from kahua.datasets import SeriesFilter, find_series, get_series
from kahua.site import project_id
from kahua.store import delete_series
from kahua.store.remote.sourced import place_of, sources_of
from kahua.store.validation import badge_of, findings_of

#: Series that are read at once.
PAGE = 1000

app = typer.Typer(name="series", help="The series of a project.", no_args_is_help=True)


@app.command("list")
def list_all(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Words, or fields such as Modality:MR; empty finds all.")] = "",
    dataset: Annotated[str, typer.Option(help="Only series of this dataset.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most series.")] = 50,
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """List series, newest first."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        where = SeriesFilter(text=query, dataset=dataset)
        found, _ = find_series(session, project_id(session, project), where, limit=limit)
        sources = sources_of(session, [item.series.id for item in found])
        rows = [
            {
                "id": item.series.id,
                "modality": item.series.modality,
                "description": item.series.description,
                "patient": item.study.patient_id,
                "study_date": item.study.study_date,
                "instances": item.series.instance_count,
                "at": place_of(sources.get(item.series.id)),
            }
            for item in found
        ]
    show(rows, as_json=as_json, empty="No series: `kahua import FOLDER` brings some in.")


@app.command("show")
def show_one(
    context: typer.Context,
    series: Annotated[str, typer.Argument(help="Id of the series.")],
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Show a series, and what is wrong with it."""
    options: Context = context.obj
    with options.site() as site, site.database.read() as session:
        identity = project_id(session, project)
        found = get_series(session, identity, series)
        described = {
            "id": series,
            "modality": found.series.modality,
            "description": found.series.description,
            "patient": found.study.patient_id,
            "study_date": found.study.study_date,
            "instances": found.series.instance_count,
            "preview": found.series.preview_note or found.series.preview_state,
            "validation": found.series.validation_state,
        }
        findings = [asdict(finding) for finding in findings_of(session, identity, series)]
    if as_json:
        show_json({**described, "findings": findings})
        return
    show([described], as_json=False, empty="")
    _show_findings(findings)


@app.command()
def validate(
    context: typer.Context,
    series: Annotated[list[str] | None, typer.Argument(help="Ids of the series; without any, all.")] = None,
    query: Annotated[str, typer.Option(help="Words, or fields such as Validation:pending.")] = "",
    project: ProjectOption = DEFAULT_PROJECT,
    as_json: JsonOption = False,
) -> None:
    """Look again for what is wrong with series: conformance, completeness, geometry, identity."""
    options: Context = context.obj
    with options.site() as site:
        with site.database.read() as session:
            identity = project_id(session, project)
            chosen = list(series or _all_ids(session, identity, query))
            for series_id in chosen:
                get_series(session, identity, series_id)
        validator, rows = site.validator(), []
        with progress("Validating", total=len(chosen)) as steps:
            for number, series_id in enumerate(chosen, 1):
                found = validator.validate(identity, series_id)
                gravest = found[0].sentence if len(found) == 1 else f"{len(found)} findings"
                rows.append({"id": series_id, "badge": badge_of(found), "findings": gravest if found else ""})
                steps.to(number)
    show(rows, as_json=as_json, empty="No series.")


@app.command()
def delete(
    context: typer.Context,
    series: Annotated[list[str], typer.Argument(help="Ids of the series.")],
    yes: YesOption = False,
    project: ProjectOption = DEFAULT_PROJECT,
) -> None:
    """Delete series from a project; the trash keeps them for a while."""
    options: Context = context.obj
    with options.site() as site:
        keep = site.settings.trash_days > 0
        confirm(f"Delete {len(series)} series from {project}?{'' if keep else ' This cannot be undone.'}", yes=yes)
        with site.database.write() as session:
            identity = project_id(session, project)
            for series_id in series:
                delete_series(session, identity, series_id, actor=local_principal().name, keep=keep)
                record(
                    session,
                    actor=local_principal().name,
                    action="series.deleted",
                    subject=series_id,
                    project_id=identity,
                )
        site.archive.collect()


def _all_ids(session: Session, identity: str, query: str) -> Iterator[str]:
    """Give the ids of all series that are found, page by page."""
    cursor = None
    while True:
        found, cursor = find_series(session, identity, SeriesFilter(text=query), limit=PAGE, cursor=cursor)
        yield from (item.series.id for item in found)
        if cursor is None:
            return


def _show_findings(findings: Sequence[dict[str, Any]]) -> None:
    for finding in findings:
        count = f" ({finding['instances']} instances)" if finding["instances"] else ""
        say(f"{finding['severity']}: {finding['sentence']}{count} {finding['remedy']}")
        for detail in finding["details"]:
            say(f"    {detail}")
