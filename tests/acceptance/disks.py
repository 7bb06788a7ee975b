"""A small disk of its own for a site: it can be filled, emptied, and made to fail while the site runs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: Size of the disk; the file in which it lies takes what is written alone.
DISK_BYTES = 256_000_000

#: What is written at once to fill it.
PIECE = bytes(1 << 16)


class Disk:
    """A file system in a file, mounted at `folder`."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "disk"
        self._image = place / "disk.img"
        self._ballast = self.folder / "ballast"

    @classmethod
    @contextmanager
    def new(cls, place: Path) -> Iterator["Disk"]:
        """Make one for the time of a block, or skip the test where that is not allowed."""
        if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
            pytest.skip("needs to be root, and mkfs.ext4, to have a disk of its own")
        disk = cls(place)
        disk.folder.mkdir()
        with disk._image.open("wb") as file:
            file.truncate(DISK_BYTES)
        run("mkfs.ext4", "-qFm0", disk._image)
        if not disk.mount():
            pytest.skip("needs the right to mount")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "-l", disk.folder], check=False)

    def mount(self) -> bool:
        """Mount it; say whether that is allowed."""
        command = ["mount", "-o", "loop,errors=remount-ro", self._image, self.folder]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def fill(self, *, leave: int = 0) -> None:
        """Fill it but for so many bytes."""
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(self.folder).free - leave - (1 << 20)))
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while shutil.disk_usage(self.folder).free > leave:
                    file.write(PIECE)
                    os.fsync(file.fileno())
            except OSError:
                return

    def make_room(self) -> None:
        """Let there be room again."""
        self._ballast.unlink()

    def fail(self) -> None:
        """Have the kernel find an error: from then on nobody can write, as when a real disk fails."""
        device = run("findmnt", "-no", "SOURCE", self.folder).rpartition("/")[2]
        trigger = Path(f"/sys/fs/ext4/{device}/trigger_fs_error")
        if not trigger.exists():
            pytest.skip("needs an ext4 that can be made to fail")
        trigger.write_text("1")

    def mend(self) -> None:
        """Do what an administrator does then; nobody may use it meanwhile."""
        run("umount", self.folder)
        subprocess.run(["e2fsck", "-fy", self._image], check=False, capture_output=True)
        assert self.mount()


def run(*command: object) -> str:
    """Run a program that must end well; give what it said."""
    result = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return result.stdout.strip()
