"""``kahua web``, ``kahua receive``, ``kahua work``: the parts of a site, each alone."""

import typer

from kahua.cli import receive as receiving
from kahua.cli import web as serving
from kahua.cli import work as working
from kahua.cli.service import run_service


def web() -> None:
    """Serve the web interface, the API and DICOMweb."""
    run_service("web", serving.serve)


def receive() -> None:
    """Receive DICOM over the network."""
    run_service("receive", receiving.receive)


def work(context: typer.Context) -> None:  # noqa: ARG001
    """Deliver events, make previews, run workflows."""
    run_service("work", working.work)
