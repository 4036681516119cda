"""The files of a running service, as its own processes see them.

Through `/proc/PID/root` where this user may look there: that is the container's own view, old inodes under a bind
mount included, and costs no request. Else through the engine's API: its archives show the image's files and what was
written since, but mount a bind anew, so that what is mounted is asked of the container itself by `cat`.
"""

from __future__ import annotations

import contextlib
import io
import os
import posixpath
import tarfile
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Protocol

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.container import Container
from pytest_newscreator.stack.model import Endpoint

LARGEST_BYTES = 64 * 1024 * 1024
_MOST_LINKS = 40


class UnreadableError(Exception):
    """A file is there, or may be, and cannot be read from here; the text says why."""


class Inside(Protocol):
    """The files of one service."""

    def read(self, path: str) -> bytes | None:
        """Return the content at an absolute path; None where no file is there. Raises `UnreadableError`."""

    def prepare(self, folder: str) -> None:
        """Have many files of a folder read at once, where each by itself would cost a request."""

    def is_same(self, path: str, file: Path) -> bool:
        """Return whether a path is certainly this very file, as under a bind mount: it need not be read."""


@frozen
class Seen:
    """A root folder on this machine; links are followed as the service would, never out of the root."""

    root: Path
    confined: bool = True

    def read(self, path: str) -> bytes | None:
        """Return the content at an absolute path."""
        real = self._real(path)
        try:
            if real is None or not real.is_file():
                return None
            if real.stat().st_size > LARGEST_BYTES:
                raise UnreadableError(f"{path} has more than {LARGEST_BYTES >> 20} MiB")
            return real.read_bytes()
        except OSError as error:
            raise UnreadableError(f"{path}: {error.strerror}") from None

    def prepare(self, folder: str) -> None:
        """Do nothing: a file costs no request here."""

    def is_same(self, path: str, file: Path) -> bool:
        """Return whether a path is this very file: the same inode of the same file system."""
        real = self._real(path)
        try:
            return real is not None and real.samefile(file)
        except OSError:
            return False

    def _real(self, path: str) -> Path | None:
        """Return where a path of the service is on this machine, links followed below the root."""
        if not self.confined:
            return self.root / path.lstrip("/")
        steps, real, links = posixpath.normpath(path).lstrip("/").split("/"), "/", 0
        while steps:
            step, *steps = steps
            real = posixpath.normpath(posixpath.join(real, step))
            here = self.root / real.lstrip("/")
            if here.is_symlink():
                links += 1
                if links > _MOST_LINKS:
                    return None
                target = posixpath.normpath(posixpath.join(posixpath.dirname(real), here.readlink().as_posix()))
                steps, real = [*target.lstrip("/").split("/"), *steps], "/"
        return self.root / real.lstrip("/")


@frozen
class Asked:
    """A container that only the engine can look into."""

    container: Container
    mounts: tuple[str, ...]
    archives: dict[str, Mapping[str, bytes]] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """Return the content at an absolute path: what is mounted as the container itself reads it."""
        if any(path == mount or path.startswith(mount.rstrip("/") + "/") for mount in self.mounts):
            return self._said(path)
        for folder, files in self.archives.items():
            if path == folder or path.startswith(folder.rstrip("/") + "/"):
                return files.get(path)
        return self._archive(path).get(path)

    def prepare(self, folder: str) -> None:
        """Keep one archive of a folder; of one that is too large, or is mounted over, each file is asked for."""
        if not any(mount.startswith(folder.rstrip("/") + "/") or mount == folder for mount in self.mounts):
            with contextlib.suppress(UnreadableError):
                self.archives[folder] = self._archive(folder)

    def is_same(self, path: str, file: Path) -> bool:  # noqa: ARG002 - an engine may be far away
        """Return that nobody knows."""
        return False

    def _archive(self, path: str) -> Mapping[str, bytes]:
        """Return what the engine packs at a path."""
        from docker.errors import APIError, NotFound

        try:
            stream, _ = engine.client().api.get_archive(self.container.id, path)
            packed = bytearray()
            for piece in stream:
                packed += piece
                if len(packed) > LARGEST_BYTES:
                    raise UnreadableError(f"{path} has more than {LARGEST_BYTES >> 20} MiB")
        except NotFound:
            return {}
        except APIError as error:
            raise UnreadableError(f"{path}: {error.explanation or error}") from None
        return unpacked(path, bytes(packed))

    def _said(self, path: str) -> bytes | None:
        """Return what `cat` prints of a file in the container."""
        from docker.errors import APIError

        api = engine.client().api
        try:
            # As root, since the service's own user need not be allowed to read what its start script was given.
            made = api.exec_create(self.container.id, ["cat", path], user="0")
            out, err = api.exec_start(made["Id"], demux=True)
            code = api.exec_inspect(made["Id"])["ExitCode"]
        except APIError as error:
            raise UnreadableError(f"{path}: {error.explanation or error}") from None
        said = (err or b"").decode("utf-8", "replace").strip()
        if code and "No such file" in said:
            return None
        if code:
            raise UnreadableError(f"{path}: {said or f'cat ended with {code}'}")
        return bytes(out or b"")


def unpacked(path: str, packed: bytes) -> Mapping[str, bytes]:
    """Return the regular files of an engine's archive of `path`, by their absolute paths."""
    found: dict[str, bytes] = {}
    parent = posixpath.dirname(path.rstrip("/")) or "/"
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            held = archive.extractfile(member) if member.isreg() else None
            if held is not None:
                found[posixpath.normpath(posixpath.join(parent, member.name))] = held.read()
    return found


def inside(endpoint: Endpoint) -> Inside | None:
    """Return the files of a service; None for one that is known by its URL alone.

    Of a process that a stack started they are what was laid out for it, beside its log.
    """
    if endpoint.container is None:
        root = endpoint.log.parent / endpoint.service.key if endpoint.log and endpoint.pid else None
        return Seen(root, confined=False) if root is not None and root.is_dir() else None
    container = engine.inspect(endpoint.container)
    root = Path(f"/proc/{container.pid}/root")
    if container.pid and _is_of(container) and os.access(root / ".", os.R_OK | os.X_OK):
        return Seen(root)
    return Asked(container, mounted(container))


def mounted(container: Container) -> tuple[str, ...]:
    """Return where something is mounted in a container, memory file systems included."""
    mounts = [mount["Destination"] for mount in container.raw.get("Mounts") or ()]
    return tuple(mounts + list((container.raw.get("HostConfig") or {}).get("Tmpfs") or {}))


def _is_of(container: Container) -> bool:
    """Return whether the process of that number on this machine is the container's: the engine may be elsewhere."""
    try:
        return container.id in Path(f"/proc/{container.pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False
