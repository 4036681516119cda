"""Where the files of the repository lie in a container, by what its image copies and what Compose mounts."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Literal
from weakref import WeakKeyDictionary

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.docker.context import Context
from pytest_newscreator.resolve.docker.image import Copy
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.container_files import ContainerFiles, configs
from pytest_newscreator.resolve.start.scripts import running
from pytest_newscreator.sources.docker.dockerfile import Dockerfile, Instruction, Stage

Way = Literal["copied", "mounted", "secret"]
_ARCHIVE = re.compile(r".*\.(tar|tgz|tbz2?|txz|tar\.[a-z0-9]+)\Z")
_IN_PLACE = re.compile(
    r"\bsed\b.*\s(-[a-zA-Z]*i|--in-place)|\bperl\b.*\s-[a-z]*i|\b(dos2unix|unix2dos|patch|envsubst)\b"
)
_WRITES = re.compile(r"\b(tee|mv|cp|install|truncate|ln)\b|(?<![0-9&])>(?!\s*/dev/null|&)")
_WIDEST = 5000
"""A mount or COPY of more files than this is left to others: it is data, not configuration."""


@frozen
class Arrival:
    """One file of the repository in a container: its path there and here, and the line that brings it.

    `top` is the path of the container that the line makes, and `volume` the volume that is mounted over a copied
    file: it keeps what was copied first. `rewritten` is the later RUN that may have changed a copied file.
    """

    path: str
    source: str
    place: Place
    way: Way
    top: str
    volume: str = ""
    rewritten: Place | None = None


_KNOWN: WeakKeyDictionary[Repository, dict[tuple[int, str], tuple[Arrival, ...]]] = WeakKeyDictionary()


def arrivals(repository: Repository, project: Project, compose: ComposeService) -> tuple[Arrival, ...]:
    """Return the files of the repository in a container of this service; the last that comes to a path stays there."""
    known = _KNOWN.setdefault(repository, {})
    key = id(project), compose.name
    if key not in known:
        files = running(repository, project, compose).files
        copied = {one.path: one for one in _copied(files)}
        mounts = _targets(compose)
        kept = (_under(one, mounts) for one in copied.values())
        known[key] = (*(one for one in kept if one is not None), *_mounted(repository, project, compose))
    return known[key]


def _targets(compose: ComposeService) -> Mapping[str, str]:
    """Return where something is mounted in a container, with the kind of each."""
    tmpfs = compose.get("tmpfs")
    memory = tmpfs.elements or (tmpfs,) if tmpfs is not None else ()
    found = {str(node.value).partition(":")[0]: "tmpfs" for node in memory}
    return found | {mount.target: mount.type for mount in compose.volumes}


def _under(one: Arrival, mounts: Mapping[str, str]) -> Arrival | None:
    """Return a copied file as a mount over it leaves it: behind a volume, or nowhere."""
    over = [target for target in mounts if one.path == target or one.path.startswith(target.rstrip("/") + "/")]
    if not over:
        return one
    deepest = max(over, key=len)
    if mounts[deepest] != "volume":
        return None
    return Arrival(one.path, one.source, one.place, one.way, one.top, deepest, one.rewritten)


def _copied(files: ContainerFiles) -> Iterator[Arrival]:
    """Yield the files that COPY and ADD take out of the build context, in the order of the Dockerfile."""
    context, image, parsed = files.context, files.given.image, files.dockerfile
    if context is None or image is None or parsed is None:
        return
    lines = chain_of(parsed, image.stage)
    for copy in image.copies:
        at = next((index for index, line in enumerate(lines) if line.place == copy.place), None)
        if at is None or copy.from_stage is not None or _is_special(lines[at]):
            continue
        for name, path, top, place in _taken(context, copy):
            rewritten = next((line.place for line in lines[at:] if _rewrites(line, path, top)), None)
            yield Arrival(path, context.path(name), place, "copied", top, "", rewritten)


def chain_of(parsed: Dockerfile, scope: str) -> tuple[Instruction, ...]:
    """Return the instructions that an image is made of: those of a stage, after those of the stages it starts from."""
    stage, found = parsed.stage(scope), list[Instruction]()
    while stage is not None:
        found[:0] = stage.instructions
        stage = _parent(parsed, stage)
    return tuple(found)


def _parent(parsed: Dockerfile, stage: Stage) -> Stage | None:
    """Return the stage that a stage starts from; None where it starts from an image."""
    name = stage.image.text.lower()
    earlier = [one for one in parsed.stages[: stage.index] if (one.name or "").lower() == name]
    return earlier[-1] if name and earlier else None


def _is_special(line: Instruction) -> bool:
    """Return whether a COPY leaves files out or keeps their folders, so that paths are not to be told from it."""
    return line.flag("exclude") is not None or line.flag("parents") is not None


def _rewrites(line: Instruction, path: str, top: str) -> bool:
    """Return whether a RUN may change a file: it edits files in place, or writes to one of this name."""
    text = line.rest.text + "".join(heredoc.body.text for heredoc in line.heredocs)
    if line.keyword != "RUN" or not (_IN_PLACE.search(text) or _WRITES.search(text)):
        return False
    if posixpath.basename(path) in text:
        return True
    folders = {posixpath.dirname(path), top} - {"/"}
    return bool(_IN_PLACE.search(text)) and ("*" in text or any(folder in text for folder in folders))


def _taken(context: Context, copy: Copy) -> Iterator[tuple[str, str, str, Place]]:
    """Yield the files that a COPY takes: name in the context, path in the container, what the line makes, place."""
    into = copy.destination.endswith("/") or len(copy.sources) > 1
    for source, place in zip(copy.sources, copy.source_places, strict=True):
        if "$" in source or "://" in source or source.startswith("git@"):
            continue
        if copy.keyword == "ADD" and _ARCHIVE.match(source):
            continue
        for name in _matching(context, source):
            here = context.root / context.path(name)
            if here.is_dir():
                top = copy.destination.rstrip("/") or "/"
                for file in _files(context, name):
                    inside = file if name in {"", "."} else posixpath.relpath(file, name)
                    yield file, posixpath.join(top, inside), top, place
            elif here.is_file() and not context.ignore.excludes(name):
                end = posixpath.basename(name) if into else ""
                path = posixpath.normpath(posixpath.join(copy.destination, end))
                yield name, path, path, place


def _matching(context: Context, source: str) -> list[str]:
    """Return the names in the context that a source means."""
    inside = context.inside(source)
    if not any(mark in source for mark in "*?["):
        return [inside]
    top = context.root / context.folder
    return sorted(found.relative_to(top).as_posix() for found in top.glob(inside))


def _files(context: Context, folder: str) -> Iterator[str]:
    """Yield the regular files below a folder that reach the builder, relative to the context."""
    top = context.root / context.folder
    count = 0
    for here, folders, names in os.walk(top / folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(names):
            path = os.path.join(here, name)  # noqa: PTH118 - thousands of them
            relative = os.path.relpath(path, top).replace(os.sep, "/")
            if not os.path.islink(path) and not context.ignore.excludes(relative):  # noqa: PTH114
                count += 1
                if count > _WIDEST:
                    return
                yield relative


def _mounted(repository: Repository, project: Project, compose: ComposeService) -> Iterator[Arrival]:
    """Yield the files of the repository that are mounted: each by itself, or with its folder."""
    for mount in compose.volumes:
        if mount.type == "bind" and mount.source and not mount.source.startswith(("/", "~", "..")):
            yield from _bound(repository, mount.source, mount.target, mount.place)
    for target, declared in configs(project, compose):
        file = declared.children.get("file")
        way: Way = "secret" if target.startswith("/run/secrets/") else "mounted"
        folders = (project.directory, posixpath.dirname(declared.place.path)) if file is not None and file.text else ()
        for folder in dict.fromkeys(folders):
            source = posixpath.normpath(posixpath.join(folder, (file.text if file else None) or ""))
            if not source.startswith(("/", "~", "..")) and (repository.root / source).is_file():
                yield Arrival(target, source, declared.place, way, target)
                break


def _bound(repository: Repository, source: str, target: str, place: Place) -> Iterator[Arrival]:
    """Yield the files of one bind mount, unless they are too many to be configuration."""
    here = repository.root / source
    if here.is_file():
        yield Arrival(target, posixpath.normpath(source), place, "mounted", target)
        return
    found: list[Arrival] = []
    for folder, folders, names in os.walk(here) if here.is_dir() else ():
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(names):
            path = os.path.join(folder, name)  # noqa: PTH118
            if not os.path.islink(path):  # noqa: PTH114
                inside = os.path.relpath(path, here).replace(os.sep, "/")
                joined = posixpath.normpath(posixpath.join(source, inside))
                found.append(Arrival(posixpath.join(target, inside), joined, place, "mounted", target))
        if len(found) > _WIDEST:
            return
    yield from found
