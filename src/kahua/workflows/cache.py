"""Conversions by content: the same series is converted once, whoever asks."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from kahua.workflows.plan import PlannedTask

#: Begins the name of a folder that is being removed.
GOING = "going-"


class Cache:
    """Keeps what conversions wrote, each in a folder of its own. May be thrown away at any time.

    Files are linked, never copied: what a task has taken stays with it, whatever becomes of the cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, task: PlannedTask, out: Path) -> bool:
        """Put what was converted before in place; False if there is none."""
        if not task.cache_key:
            return False
        folder, taken = self._folder / task.cache_key, list[Path]()
        for target in task.outputs.values():
            try:
                os.link(folder / target.path, out / target.path)
                taken.append(out / target.path)
            except FileNotFoundError:  # or it was removed at this moment
                for path in taken:
                    path.unlink()
                return False
            except FileExistsError:
                continue
        with suppress(FileNotFoundError):
            os.utime(folder)
        return True

    def keep(self, task: PlannedTask, out: Path) -> None:
        """Remember what a conversion wrote."""
        if not task.cache_key:
            return
        folder = self._folder / task.cache_key
        folder.mkdir(parents=True, exist_ok=True)
        for target in task.outputs.values():
            (out / target.path).chmod(0o444)
            # Somebody converted the same at the same time, or removes the folder at this moment.
            with suppress(FileExistsError, FileNotFoundError):
                os.link(out / target.path, folder / target.path)

    def prune(self, *, most_bytes: int) -> int:
        """Remove what was not used for the longest time, until the rest is not larger; return the number removed."""
        if not self._folder.is_dir():
            return 0
        for unfinished in self._folder.glob(f"{GOING}*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        kept = sorted(self._kept())
        excess, removed = sum(size for _, size, _ in kept) - most_bytes, 0
        for _, size, folder in kept:
            if excess <= 0:
                break
            self._remove(folder)
            excess -= size
            removed += 1
        return removed

    def _kept(self) -> Iterator[tuple[float, int, Path]]:
        """Give the time of the last use, the size and the folder of each conversion."""
        for folder in self._folder.iterdir():
            with suppress(FileNotFoundError):  # an erasure removes it at this moment
                yield folder.stat().st_mtime, sum(file.stat().st_size for file in folder.iterdir()), folder

    def _remove(self, folder: Path) -> None:
        going = folder.with_name(GOING + secrets.token_hex(8))
        with suppress(FileNotFoundError):  # an erasure was first
            folder.rename(going)
            shutil.rmtree(going)
