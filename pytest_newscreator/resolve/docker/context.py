"""A build context: which files of a folder reach the builder, and what keeps the others away."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
from dataclasses import field
from pathlib import Path

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources import tree
from pytest_newscreator.sources.docker.dockerignore import Ignore

_WILDCARD = re.compile(r"[*?\[]")
_SUBMODULE = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)
_GIT_PATIENCE_S = 30


@frozen
class Context:
    """A folder as a build sees it: its path relative to the root, and what its ignore file leaves out."""

    root: Path
    folder: str
    ignore_path: str = ""
    ignore: Ignore = field(default_factory=Ignore)

    @classmethod
    def of(cls, root: Path, folder: str, dockerfile: str) -> Context:
        """Return a context with the ignore file that counts for a Dockerfile: `X.dockerignore` beside X goes first."""
        own, common = f"{dockerfile}.dockerignore", posixpath.normpath(posixpath.join(folder, ".dockerignore"))
        for path in (own, common):
            source = tree.read_text(root, path)
            if source is not None:
                return cls(root, folder, path, Ignore.parse(source.text))
        return cls(root, folder)

    def inside(self, source: str) -> str:
        """Return a source as a path in the context: the context is the root of every source, `..` ends there."""
        return posixpath.normpath(f"/{source}").lstrip("/")

    def path(self, source: str) -> str:
        """Return a source as a path relative to the repository's root."""
        return posixpath.normpath(posixpath.join(self.folder, self.inside(source)))

    def exists(self, source: str) -> bool:
        """Tell whether a source is in the folder, hidden or not; one with a wildcard may match nothing."""
        return _WILDCARD.search(source) is not None or (self.root / self.path(source)).exists()

    def matches(self, source: str) -> bool:
        """Tell whether a source brings anything of the folder, hidden or not; to BuildKit a wildcard need not."""
        if _WILDCARD.search(source) is None:
            return self.exists(source)
        return any(True for _ in (self.root / self.folder).glob(self.inside(source)))

    def hidden_by(self, source: str) -> Place | None:
        """Return the line of the ignore file that keeps a source away; a folder of which files come back is there."""
        name = self.inside(source)
        pattern = self.ignore.hides(name) if name and not _WILDCARD.search(source) else None
        if pattern is None or (self.ignore.brings_back and self._comes_back(name)):
            return None
        return Place(self.ignore_path, pattern.line, pattern.column)

    def excludes(self, path: str) -> bool:
        """Tell whether the ignore file keeps away a file of the folder, by its path relative to the root."""
        return self.ignore.excludes(posixpath.relpath(path, self.folder))

    def _comes_back(self, name: str) -> bool:
        """Tell whether any file below a hidden folder reaches the builder."""
        top = self.root / self.folder
        found = (Path(folder, file) for folder, _, files in os.walk(top / name) for file in files)
        return any(not self.ignore.excludes(path.relative_to(top).as_posix()) for path in found)


def made_elsewhere(root: Path, path: str) -> str | None:
    """Return why a file that is not in the repository may still be there for a build: something makes it before."""
    if _is_ignored(root, path):
        return "git ignores it"
    modules = tree.read_text(root, ".gitmodules")
    names = _SUBMODULE.findall(modules.text) if modules else []
    if any(path == name or path.startswith(f"{name}/") for name in names):
        return "it belongs to a submodule"
    kind = tree.is_left_out(f"{path}/")
    return f"such a folder is {kind}" if kind in {"generated", "vendored"} else None


def _is_ignored(root: Path, path: str) -> bool:
    """Ask git whether it ignores a path, as a file or as a folder; without git nothing is ignored."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-c", "safe.directory=*", "check-ignore", "--", path, f"{path}/")
    try:
        asked = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, timeout=_GIT_PATIENCE_S, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return asked.returncode == 0
