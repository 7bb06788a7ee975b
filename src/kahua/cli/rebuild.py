"""``kahua rebuild``: make everything again that can be thrown away."""

import typer
from sqlalchemy import select

from kahua.cli.output import Context, progress, say
from kahua.store import SeriesRow, refile


def rebuild(context: typer.Context) -> None:
    """Make previews, metadata and searched words of all series again, beside what is there; nothing is lost."""
    options: Context = context.obj
    with options.site() as site:
        for _ in refile(site.database):
            pass
        with site.database.read() as session:
            series = session.execute(select(SeriesRow.project_id, SeriesRow.id).order_by(SeriesRow.received_at)).all()
        derivation, validator = site.derivation(), site.validator()
        with progress("Making previews, metadata and findings", total=len(series)) as steps:
            for number, (project_id, series_id) in enumerate(series, 1):
                derivation.derive(project_id, series_id)
                validator.validate(project_id, series_id)
                steps.to(number)
        removed = site.archive.collect()
    say(f"{len(series)} series made again, {removed} old objects removed.")
