"""Bind mounts of a stack of our own: nothing that it writes may reach this machine's folders.

A model store mounted from a home folder would otherwise take the stand-ins of a test run under production names.
"""

from __future__ import annotations

import shutil
from pathlib import Path

MOST_COPIED_BYTES = 64 * 1024 * 1024
"""A folder of the repository up to this size is copied, so that configuration mounted writable is still there."""


def copied(source: Path, repository: Path, folder: Path) -> Path | None:
    """Copy what a stack of our own may have of a writable `source` below `folder`; None stands for an empty volume.

    Copied are a file, and a small folder of the repository: configuration that happens to be mounted writable.
    """
    place = folder / "mounts" / f"{len(list((folder / 'mounts').glob('*')))}-{source.name or 'root'}"
    place.parent.mkdir(parents=True, exist_ok=True)
    inside = source.resolve().is_relative_to(repository.resolve())
    if source.is_file() and (inside or source.stat().st_size <= MOST_COPIED_BYTES):
        shutil.copy2(source, place)
        return place
    if source.is_dir() and inside and _size(source) <= MOST_COPIED_BYTES:
        shutil.copytree(source, place, symlinks=True)
        return place
    return None


def _size(folder: Path) -> int:
    """Return the bytes of all files below a folder, as far as the limit needs them."""
    total = 0
    for file in folder.rglob("*"):
        total += file.lstat().st_size
        if total > MOST_COPIED_BYTES:
            break
    return total
