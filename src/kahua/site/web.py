"""Where the built web interface is."""

from pathlib import Path

#: Folder with the built web interface: in a checkout beside the sources, in a wheel inside the package.
WEB_FOLDERS = (Path(__file__).parents[3] / "web" / "dist", Path(__file__).parents[1] / "web")


def web_folder() -> Path:
    """Folder of the built web interface, whether or not it was built."""
    return next((folder for folder in WEB_FOLDERS if (folder / "index.html").is_file()), WEB_FOLDERS[0])
