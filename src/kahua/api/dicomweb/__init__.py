"""DICOMweb of a project (PS3.18)."""

from kahua.api.dicomweb import (
    capabilities,
    delete,
    frames,
    instances,
    metadata,
    rendered,
    search,
    store,
    subscriptions,
    wado_uri,
    workitems,
)

#: What is asked for hundreds of times when a viewer opens a series comes first.
reading = (frames.router, rendered.router, metadata.router, instances.router, search.router, wado_uri.router)

routers = (
    *reading,
    store.router,
    delete.router,
    workitems.router,
    subscriptions.router,
    capabilities.router,
)

__all__ = ["reading", "routers"]
