"""The web application of a site: all routers, guarded, behind one shield."""

from fastapi import FastAPI

import kahua
from kahua.api import (
    audit,
    confidentiality,
    datasets,
    deliveries,
    dicomweb,
    erasures,
    exports,
    extensions,
    health,
    objects,
    pages,
    peers,
    people,
    pixel_templates,
    projects,
    pulls,
    quarantine,
    runs,
    series,
    sign_in,
    trash,
    uploads,
    validation,
    workflows,
    workitems,
)
from kahua.api.dicomweb.store import Receiving
from kahua.api.dicomweb.subscriptions import Channels
from kahua.api.metrics import Metrics
from kahua.api.middleware import Shield
from kahua.api.problems import Problem, install_problems
from kahua.api.recent import RecentAnswers
from kahua.api.shortcut import Shortcut
from kahua.api.throttle import Throttle
from kahua.monitoring import Readiness
from kahua.site import Site

#: Those asked for most stand first; the pages, last, answer every address that no other router knows.
ROUTERS = (
    *dicomweb.routers,
    health.router,
    sign_in.router,
    people.router,
    projects.router,
    series.router,
    trash.router,
    validation.router,
    erasures.router,
    uploads.router,
    exports.router,
    confidentiality.router,
    pixel_templates.router,
    objects.router,
    quarantine.router,
    peers.router,
    pulls.router,
    deliveries.router,
    datasets.router,
    workflows.router,
    runs.router,
    workitems.router,
    extensions.router,
    audit.router,
    pages.router,
)


def create_application(site: Site) -> FastAPI:
    """Make the application that serves a site."""
    application = FastAPI(
        title="Kahua",
        version=kahua.__version__,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # what is told of the site, its settings say
        responses={"default": {"model": Problem, "description": "What went wrong."}},
    )
    application.state.site = site
    application.state.metrics = Metrics(site.database)
    application.state.readiness = Readiness(site.database, site.placed)
    application.state.recent = RecentAnswers()
    application.state.throttle = Throttle()
    application.state.channels = Channels()
    application.state.receiving = Receiving()
    install_problems(application)
    for router in ROUTERS:
        application.include_router(router)
    application.add_middleware(Shortcut, prefix="/dicom-web/", routers=dicomweb.reading)
    application.add_middleware(Shield, settings=site.settings, metrics=application.state.metrics)
    return application
