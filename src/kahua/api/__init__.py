"""HTTP: the API, DICOMweb and the pages of the web interface."""

from kahua.api.application import create_application

__all__ = ["create_application"]
