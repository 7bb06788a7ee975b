"""Extensions: installable packages of workflows."""

from kahua.extensions.catalogue import Extensions, InstalledExtension
from kahua.extensions.first_party import find_extension, first_party_extensions
from kahua.extensions.manifest import InvalidExtension, Manifest

__all__ = [
    "Extensions",
    "InstalledExtension",
    "InvalidExtension",
    "Manifest",
    "find_extension",
    "first_party_extensions",
]
