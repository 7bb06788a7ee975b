"""DICOMweb of a project (PS3.18)."""

from kahua.api.dicomweb import retrieve, search, store

routers = (search.router, retrieve.router, store.router)

__all__ = ["routers"]
