"""What a stack is made of, as one digest: by content, never by time, so that a kept one is replaced when it must."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from pytest_newscreator.resolve.docker.context import Context
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.stack.model import Request

IGNORED: Final = frozenset({".git", "__pycache__"})


def inputs(request: Request, kind: str) -> str:
    """Return the digest of what this request's stack would be made of: settings, files, images, base models."""
    parts: dict[str, Any] = {
        "kind": kind,
        "version": metadata.version("pytest-newscreator"),
        "invocation": request.invocation.name if request.invocation else None,
        "passed": dict(request.passed),
        "bases": {name: digest(path) for name, path in request.base_files.items()},
        "files": {str(path): digest(path) for path in _files(request)},
        "made by": _compose(request) if kind == "compose" else _processes(request),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
