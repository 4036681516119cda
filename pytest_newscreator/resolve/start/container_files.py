"""Which file of the repository lies at a path of a container: mounts first, then what the image was built with."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import is_remote
from pytest_newscreator.resolve.compose.project import ComposeService, Node, Project
from pytest_newscreator.resolve.docker.context import Context
from pytest_newscreator.resolve.docker.image import Copy, image_environment
from pytest_newscreator.resolve.given import Given, is_beyond
from pytest_newscreator.sources import bounds, tree
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.sites import SourceFile

_DEEPEST = 6


@frozen
class Arrived:
    """A file that lies in a container: its text, and where it was said that it comes there.

    `inline` is where the text is written in a file of another kind, whose lines are not its own.
    """

    source: SourceFile
    by: Place
    inline: Place | None = None


class ContainerFiles:
    """The files of one container, as far as the repository tells; what is found out is kept."""

    def __init__(self, root: Path, project: Project, given: Given) -> None:
        """Remember the container; nothing is read yet."""
        self.root = root
        self.project = project
        self.given = given
        self.unread: list[str] = []
        self._copies: dict[str, tuple[Copy, ...]] = {}

    def read(self, path: str, place: Place) -> SourceFile | None:
        """Read a file of the repository that comes into the container; note in `unread` what is no readable file."""
        source = tree.read_text(self.root, path)
        fault = bounds.fault(self.root, path) if source is None and not bounds.is_outside(self.root, path) else None
        if fault is not None and not (self.root / path).is_dir():
            self.unread.append(f"{place}: {path} {fault[0]}; {fault[1]}")
        return source

    def beyond(self, path: str) -> str:
        """Return why what lies at a path of the container is not known: it is mounted from elsewhere. "" if not."""
        for mount in self.given.compose.volumes:
            is_there = path == mount.target or path.startswith(mount.target.rstrip("/") + "/")
            if is_there and mount.type == "bind" and mount.source and is_beyond(self.root, mount.source):
                what = f"{mount.source}, mounted at {mount.target},"
                return f"{mount.place}: {what} is outside the folder of newscreator.yaml, {path} is not known"
        return ""

    @cached_property
    def context(self) -> Context | None:
        """Return the build context of the image, where it is a folder of the repository."""
        build = self.given.compose.build
        if build is None or is_remote(build.context) or build.context.startswith(("/", "~", "..")):
            return None
        return Context.of(self.root, build.context, build.dockerfile)

    def at(self, path: str) -> Arrived | None:
        """Return the file at an absolute path of the container."""
        path = posixpath.normpath(path)
        mounted = next((found for found in _mounted(self, path)), None)
        if mounted is not None:
            return mounted
        return self._copied(path, self.copies())

    def copies(self, stage: str | None = None) -> tuple[Copy, ...]:
        """Return what was copied to make the image, or one of its stages, the last copy first."""
        key = stage or ""
        if key not in self._copies:
            self._copies[key] = self._evaluated(stage)
        return self._copies[key]

    def _evaluated(self, stage: str | None) -> tuple[Copy, ...]:
        """Evaluate the Dockerfile for one of its stages."""
        build = self.given.compose.build
        if self.dockerfile is None or build is None:
            return ()
        try:
            config = image_environment(self.dockerfile, build_args=build.args, target=stage or build.target)
        except ResolutionError:  # the stage of another image
            return ()
        return tuple(reversed(config.copies))

    @cached_property
    def dockerfile(self) -> dockerfile.Dockerfile | None:
        """Return the parsed Dockerfile of the image, where it is in the repository."""
        build = self.given.compose.build
        source = tree.read_text(self.root, build.dockerfile) if build and build.dockerfile else None
        return dockerfile.parse(source) if source is not None else None

    def _copied(self, path: str, copies: Sequence[Copy], depth: int = 0) -> Arrived | None:
        """Return the file that COPY or ADD put at a path, also by way of another stage."""
        for copy in copies:
            for name, place in sources_of(copy, path, self.context):
                if copy.from_stage is not None:
                    further = self.copies(copy.from_stage) if depth < _DEEPEST else ()
                    found = self._copied(posixpath.normpath("/" + name.lstrip("/")), further, depth + 1)
                else:
                    found = self._in_context(name, place)
                if found is not None:
                    return found
            written = self._written(copy) if copy.destination == path else None
            if written is not None:
                return written
        return None

    def _in_context(self, name: str, place: Place) -> Arrived | None:
        """Return a file of the build context."""
        source = self.read(self.context.path(name), place) if self.context else None
        return Arrived(source, place) if source is not None else None

    def _written(self, copy: Copy) -> Arrived | None:
        """Return the here-document that a COPY writes, at its own lines: the text is moved down to them."""
        parsed = self.dockerfile
        lines = [line for stage in parsed.stages for line in stage.instructions] if parsed else []
        for line in lines:
            if parsed is not None and line.place == copy.place and line.heredocs:
                body = line.heredocs[0].body
                above = "\n" * (parsed.lines.place(body.start).line - 1)
                return Arrived(SourceFile(parsed.path, above + body.text), line.place)
        return None


def sources_of(copy: Copy, path: str, context: Context | None) -> Iterator[tuple[str, Place]]:
    """Yield the sources of a COPY that may come to lie at a path of the image, with the place of each.

    A folder gives its files, a file lies in the destination where that is a folder, or under its name.
    """
    destination = copy.destination.rstrip("/") or "/"
    for source, place in zip(copy.sources, copy.source_places, strict=True):
        for name in _matching(source, context):
            is_folder = copy.destination.endswith("/") or len(copy.sources) > 1 or name != source
            if path == posixpath.join(destination, posixpath.basename(name)) or (path == destination and not is_folder):
                yield name, place
            elif path.startswith(destination.rstrip("/") + "/"):
                yield posixpath.join(name, path[len(destination.rstrip("/")) + 1 :]), place


def _matching(source: str, context: Context | None) -> list[str]:
    """Return a source, or what its wildcards match in the context."""
    if context is None or not any(mark in source for mark in "*?["):
        return [source]
    top = context.root / context.folder
    return sorted(found.relative_to(top).as_posix() for found in top.glob(context.inside(source)))


def _mounted(files: ContainerFiles, path: str) -> Iterator[Arrived]:
    """Yield the file of the repository that a bind mount or a config puts at a path; the deepest mount wins."""
    service = files.given.compose
    binds = [mount for mount in service.volumes if mount.type == "bind" and mount.source]
    for mount in sorted(binds, key=lambda mount: -len(mount.target)):
        target = posixpath.normpath(mount.target)
        if path == target or path.startswith(target.rstrip("/") + "/"):
            name = posixpath.join(mount.source or "", posixpath.relpath(path, target))
            source = files.read(posixpath.normpath(name), mount.place)
            if source is not None:
                yield Arrived(source, mount.place)
    for target, declared in configs(files.project, service):
        if target == path:
            yield from _config(files, declared)


def configs(project: Project, service: ComposeService) -> Iterator[tuple[str, Node]]:
    """Yield the configs and secrets of a service: the path in the container, and the declaration."""
    for kind, folder in (("configs", "/"), ("secrets", "/run/secrets")):
        used = service.get(kind)
        for node in used.elements if used else ():
            named = node.children.get("source") or node
            declared = project.tree.get(kind)
            one = declared.children.get(str(named.value)) if declared else None
            target = node.children.get("target")
            if one is not None:
                yield posixpath.join(folder, str(target.value if target else named.value)), one


def _config(files: ContainerFiles, declared: Node) -> Iterator[Arrived]:
    """Yield what a config holds: a file, or a text that stands in the Compose file."""
    content, file = declared.children.get("content"), declared.children.get("file")
    if content is not None and content.text is not None:
        yield Arrived(SourceFile(content.place.path, content.text), content.place, content.place)
    elif file is not None and file.text:
        for folder in (files.project.directory, posixpath.dirname(file.place.path)):
            source = files.read(posixpath.normpath(posixpath.join(folder, file.text)), file.place)
            if source is not None:
                yield Arrived(source, file.place)
