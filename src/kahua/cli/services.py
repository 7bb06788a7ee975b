"""``kahua web``, ``kahua receive``, ``kahua work``: the parts of a site, each alone.

They are for machines of their own, on one database and object store; the site must have been prepared by `kahua up`.
Each loads its code only when it is started: other commands need none of it.
"""

import typer

from kahua.cli.output import Context
from kahua.cli.service import Body, run_service
from kahua.site import check_exposure
from kahua.store import check_place


def web(context: typer.Context) -> None:
    """Serve the web interface, the API and DICOMweb."""
    from kahua.cli.web import serve

    _run(context.obj, "web", serve)


def receive(context: typer.Context) -> None:
    """Receive DICOM over the network."""
    from kahua.cli.receive import receive as body

    _run(context.obj, "receive", body)


def work(context: typer.Context) -> None:
    """Deliver events, make previews, run workflows."""
    from kahua.cli.work import work as body

    _run(context.obj, "work", body)


def _run(options: Context, name: str, body: Body) -> None:
    settings = options.settings()
    check_exposure(settings)
    with options.site() as site, site.database.read() as session:  # refuses a folder without a site, too
        check_place(session, settings.object_store)
    run_service(name, body, settings)
