"""What a stack is made of, as one digest: by content, never by time, so that a kept one is replaced when it must."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from pytest_newscreator.resolve.docker.context import Context
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.stack.model import Request

IGNORED: Final = frozenset({".git", "__pycache__"})


def inputs(request: Request, kind: str) -> str:
    """Return the digest of what this request's stack would be made of: settings, files, images, base models."""
    made_by = _compose(request) if kind == "compose" else _processes(request)
    named = model_files(made_by["model"], request.repository.root) if kind == "compose" else _process_files(request)
    parts: dict[str, Any] = {
        "kind": kind,
        "version": metadata.version("pytest-newscreator"),
        "invocation": request.invocation.name if request.invocation else None,
        "passed": dict(request.passed),
        "bases": {name: digest(path) for name, path in request.base_files.items()},
        "files": {str(path): state(path) for path in {*_files(request), *named}},
        "made by": made_by,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state(path: Path) -> tuple[str, str]:
    """Return a file's content as a digest and its permissions: a script that may not be executed is another one."""
    try:
        return digest(path), oct(stat.S_IMODE(path.stat().st_mode))
    except OSError as error:
        return "not to be read", error.strerror or ""


def model_files(model: Mapping[str, Any], root: Path) -> set[Path]:
    """Return the files that a project as Compose resolves it is made of: those of every service, secret and config."""
    found: set[Path] = set()
    for service in model.get("services", {}).values():
        found |= {file for mount in service.get("volumes") or () for file in _mounted(mount, root)}
        found |= set(_built(service.get("build") or {}, root))
    for kind in ("secrets", "configs"):
        found |= {
            file for one in (model.get(kind) or {}).values() if "file" in one for file in _below(Path(one["file"]))
        }
    return found


def _mounted(mount: Mapping[str, Any], root: Path) -> Iterator[Path]:
    """Yield the files of a bind mount; of a folder elsewhere than in the repository only the stack's user knows."""
    source = Path(mount.get("source") or "")
    if mount.get("type") == "bind" and (source.is_file() or source.is_relative_to(root)):
        yield from _below(source)


def _built(build: Mapping[str, Any], root: Path) -> Iterator[Path]:
    """Yield the files that a build sees, those of its other contexts too; what is fetched is not here."""
    folder = Path(build.get("context") or "")
    dockerfile = folder / (build.get("dockerfile") or "Dockerfile")
    if folder.is_absolute() and folder.is_dir():
        context = Context.of(root, os.path.relpath(folder, root), os.path.relpath(dockerfile, root))
        yield from (f for f in _below(folder) if not context.ignore.excludes(f.relative_to(folder).as_posix()))
        yield from _below(dockerfile)
    for other in (build.get("additional_contexts") or {}).values():
        if Path(other).is_absolute():
            yield from _below(Path(other))


def _process_files(request: Request) -> set[Path]:
    """Return the files of the repository that the commands of `process:` services name."""
    services = request.repository.contract.services.values()
    commands = (service.process.command for service in services if service.process is not None)
    return {file for command in commands for file in command_files(command, request.repository.root)}


def command_files(command: Iterable[str], root: Path) -> set[Path]:
    """Return the files below `root` that the words of a command name; of a script also those beside and below it.

    A word may be a path, `--option=PATH`, or a Python module (`-m app.main`, `app.main:app`).
    """
    top = root.resolve()
    found: set[Path] = set()
    for word in command:
        module = word.partition(":")[0].replace(".", "/")
        for name in (word, word.rpartition("=")[2], f"{module}.py", module):
            place = (top / name).resolve()
            if place != top and place.is_relative_to(top) and place.exists():
                found |= set(_below(place.parent if place.is_file() and place.parent != top else place))
    return found


def _compose(request: Request) -> dict[str, Any]:
    """Return the project as Compose resolves it, and which image each name means now."""
    from pytest_newscreator.stack import compose, engine

    model = compose.config(request, "newscreator-inputs")
    names = sorted(
        {one["image"] for one in model.get("services", {}).values() if "image" in one and "build" not in one}
    )
    return {"model": model, "images": {name: engine.image_id(name) for name in names}}


def _processes(request: Request) -> dict[str, Any]:
    """Return what each process would be given, and which Ollama it would run."""
    binary = shutil.which("ollama")
    return {
        "given": {key: _given(given) for key, given in _givens(request)},
        "ollama": digest(Path(binary)) if binary else None,
    }


def _given(given: Given) -> dict[str, Any]:
    """Return a container's command and environment as plain texts."""
    return {
        "command": list(given.command),
        "environment": {name: value.text for name, value in given.environment.items()},
    }


def _givens(request: Request) -> Iterator[tuple[str, Given]]:
    """Yield what each Compose service of the contract is given."""
    repository = request.repository
    project = repository.resolved.get(request.invocation.name) if request.invocation else None
    for key, service in repository.contract.services.items():
        given = repository.given(project, service) if project else None
        if given is not None:
            yield key, given


def _files(request: Request) -> Iterator[Path]:
    """Yield the contract, every file that a build sees or a container mounts, and the Dockerfiles."""
    root = request.repository.root
    yield request.repository.contract.path
    for _, given in _givens(request):
        build = given.compose.build
        if build is not None:
            ignore = Context.of(root, build.context, build.dockerfile).ignore
            folder = root / build.context
            yield from (f for f in _below(folder) if not ignore.excludes(f.relative_to(folder).as_posix()))
            yield from _below(root / build.dockerfile) if build.dockerfile else ()
        for mount in given.compose.volumes:
            if mount.type == "bind" and mount.source:
                yield from _below(root / mount.source)


def _below(place: Path) -> Iterator[Path]:
    """Yield the regular files at a place."""
    found = [place] if place.is_file() else sorted(place.rglob("*")) if place.is_dir() else []
    yield from (file for file in found if file.is_file() and not IGNORED & set(file.parts))
