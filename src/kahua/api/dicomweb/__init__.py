"""DICOMweb of a project (PS3.18)."""

from kahua.api.dicomweb import delete, retrieve, search, store

routers = (search.router, retrieve.router, store.router, delete.router)

__all__ = ["routers"]
