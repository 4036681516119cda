"""The folders of a container, made here: what its image copies, what it mounts, its home."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pytest_newscreator.resolve.given import Given
from pytest_newscreator.stack.mounts import copied
from pytest_newscreator.stack.owned import FILES_FOLDER
from pytest_newscreator.stack.scripts import MOST_SCRIPT_BYTES


def lay_out(given: Given, repository_root: Path, target: Path) -> tuple[str, ...]:
    """Make the container's folders below `target`; return them as the container names them.

    Files are copied, so that a run never writes into the checkout; bind mounts are links to what they mount.
    """
    folders: list[str] = []
    image = given.image
    if image is not None and given.compose.build is not None:
        context = repository_root / given.compose.build.context
        for copy in image.copies:
            if copy.from_stage is None:
                folders += [
                    _copy(context, source, copy.destination, len(copy.sources), target) for source in copy.sources
                ]
        folders += [folder for folder in (image.workdir,) if folder and folder != "/"]
    home = given.environment.get("HOME")
    folders += [home.text] if home and home.text and home.text != "/" else []
    folders += _mounts(given, repository_root, target)
    for folder in folders:
        below = target / folder.lstrip("/")
        if not below.exists():
            below.mkdir(parents=True)
    return tuple(dict.fromkeys((*folders, FILES_FOLDER)))


def _copy(context: Path, source: str, destination: str, sources: int, target: Path) -> str:
    """Copy one COPY source as Docker would; return the destination folder or file as the container names it."""
    origin = context / source
    goal = target / destination.lstrip("/")
    into_folder = destination.endswith("/") or sources > 1
    if origin.is_dir():
        shutil.copytree(origin, goal, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".git"))
    elif origin.is_file():
        goal = goal / origin.name if into_folder else goal
        goal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(origin, goal)
    return str(PurePosixPath(destination))


def _mounts(given: Given, repository_root: Path, target: Path) -> Iterator[str]:
    """Make the mount points: an empty folder for a named volume, a link for what is mounted read-only.

    What is mounted writable, and a small file of the repository (a start script is translated), is copied or replaced
    as in a container stack (`mounts.py`).
    """
    for mount in given.compose.volumes:
        point = target / mount.target.lstrip("/")
        point.parent.mkdir(parents=True, exist_ok=True)
        if mount.type == "bind" and mount.source and not point.exists():
            source = repository_root / mount.source
            if source.exists():
                there = source if mount.read_only and not _is_small(source) else copied(source, repository_root, target)
                if there is not None:
                    point.symlink_to(there)
        yield mount.target


def _is_small(source: Path) -> bool:
    """Return whether a file is of a size that scripts and settings have."""
    return source.is_file() and source.stat().st_size <= MOST_SCRIPT_BYTES
