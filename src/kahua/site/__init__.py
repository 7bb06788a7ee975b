"""A site, built from its settings: the only place that chooses adapters."""

from kahua.site.demonstration import DemoAccess, prepare_demo
from kahua.site.preparation import check_exposure, prepare_site
from kahua.site.projects import project_id
from kahua.site.site import Site, build_site

__all__ = [
    "DemoAccess",
    "Site",
    "build_site",
    "check_exposure",
    "prepare_demo",
    "prepare_site",
    "project_id",
]
