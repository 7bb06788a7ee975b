"""Kahua: a platform for medical image analysis that a hospital can run itself."""

from importlib.metadata import version

__version__ = version("kahua")
