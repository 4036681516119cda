"""What a container would be given: Compose's environment above the image's own, entrypoint, mounts."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.compose.canonical import is_remote
from pytest_newscreator.resolve.compose.project import ComposeService
from pytest_newscreator.resolve.docker.base_images import base_environment
from pytest_newscreator.resolve.docker.image import ImageConfig, copies, image_environment
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.sources import bounds, tree
from pytest_newscreator.sources.docker import dockerfile

if TYPE_CHECKING:
    from pytest_newscreator.resolve.compose.project import Build


@frozen
class Given:
    """A service as its container would see it; `image` is None where no readable Dockerfile is in the repository."""

    compose: ComposeService
    environment: Mapping[str, Value]
    image: ImageConfig | None

    @property
    def command(self) -> tuple[str, ...]:
        """Return entrypoint and command: an entrypoint in Compose drops the image's command, as Docker does."""
        compose, image = self.compose, self.image
        if compose.entrypoint is not None:
            return (*compose.entrypoint, *(compose.command or ()))
        entrypoint = image.entrypoint if image else ()
        command = compose.command if compose.command is not None else (image.cmd if image else ())
        return (*(entrypoint or ()), *(command or ()))


Images = dict[object, ImageConfig | None]
"""What was built once: several invocations mostly build the same image."""


def given(root: Path, service: ComposeService, images: Images | None = None) -> Given:
    """Return what Compose and the image give to a service (rules: facts 1.2; the null mask hides an image's ENV)."""
    try:
        image = _image(root, service, images if images is not None else {})
    except ResolutionError:  # `build_fault` tells it
        image = None
    below = dict(image.environment) if image else _known(service)
    merged = {name: value for name, value in below.items() if name not in service.masked}
    for name, value in service.environment.items():
        losers = tuple(replace(hop, won=False, why="Compose gives another value") for hop in _hops(below.get(name)))
        merged[name] = replace(value, chain=(*value.chain, *losers)) if losers else value
    return Given(service, merged, image)


def build_fault(root: Path, service: ComposeService, images: Images | None = None) -> ResolutionError | None:
    """Return why the service's image cannot be built, as far as the repository can tell."""
    build = service.build
    if build is None or is_remote(build.context) or _is_outside(build.context):
        return None
    if not (root / build.context).is_dir():
        return _missing(f"the context {build.context}", build)
    if not build.dockerfile or _is_outside(build.dockerfile):
        return None
    unread = _unread(root, build)
    if unread is None:
        try:
            _image(root, service, images if images is not None else {})
        except ResolutionError as error:
            return error
    return unread


def unread_build(root: Path, service: ComposeService) -> str | None:
    """Return why nobody knows what a service is built from: its files are not below the folder of newscreator.yaml."""
    build = service.build
    if build is None or is_remote(build.context):
        return None
    parts = (("context", build.context), ("dockerfile", build.dockerfile))
    name, path = next(((name, path) for name, path in parts if path and is_beyond(root, path)), ("", ""))
    if not name:
        return None
    node = service.get(f"build.{name}")
    what = "build context" if name == "context" else "Dockerfile"
    where = node.place if node else build.place
    return f"{where}: the {what} {path} is outside the folder of newscreator.yaml, what is built of it is not known"


def is_beyond(root: Path, path: str) -> bool:
    """Tell whether a path leads out of the folder whose files are read: also to another part of its repository."""
    return _is_outside(path) or bounds.is_outside(root, path)


def _unread(root: Path, build: Build) -> ResolutionError | None:
    """Return why the Dockerfile of a build is not read."""
    refused = bounds.fault(root, build.dockerfile)
    if refused is not None:
        return ResolutionError(f"the Dockerfile {build.dockerfile} {refused[0]}", place=build.place, fix=refused[1])
    return None if bounds.exists(root, build.dockerfile) else _missing(f"the Dockerfile {build.dockerfile}", build)


def sources_copied(root: Path, service: ComposeService) -> set[str] | None:
    """Return what any stage of the service's Dockerfile copies out of its context, and what it mounts, by the root.

    None where there is no Dockerfile that can be read, a source is computed or a build step mounts its context: then
    anything may be in the image.
    """
    build = service.build
    source = tree.read_text(root, build.dockerfile) if build and build.dockerfile else None
    parsed = dockerfile.parse(source) if source else None
    if build is None or parsed is None or parsed.problems:
        return None
    found = [one for copy in copies(parsed, build_args=build.args) if copy.from_stage is None for one in copy.sources]
    if any("$" in one for one in found) or (source and "type=bind" in source.text):
        return None
    mounted = {mount.source for mount in service.volumes if mount.type == "bind" and mount.source}
    return mounted | {posixpath.normpath(posixpath.join(build.context, one.lstrip("/"))) for one in found}


def _is_outside(path: str) -> bool:
    """Return whether a path, relative to the root, leads out of it: what is there is another checkout's."""
    return path.startswith(("/", "~", "../")) or path == ".."


def _missing(what: str, build: Build) -> ResolutionError:
    """Return the error for a part of the build that is not there."""
    return ResolutionError(f"{what} does not exist", place=build.place, fix="create it, or correct `build:`")


def _hops(value: Value | None) -> tuple[Hop, ...]:
    """Return the chain of a value that may be absent."""
    return value.chain if value is not None else ()


def _image(root: Path, service: ComposeService, images: Images) -> ImageConfig | None:
    """Return what the service's own Dockerfile makes, or None where it is not built here.

    Raises ResolutionError where the build would stop at a line, or has no such stage.
    """
    build = service.build
    if build is None or not build.dockerfile:
        return None
    key = build.dockerfile, build.target, tuple(build.args.items())
    if key not in images:
        images[key] = _built(root, build)
    return images[key]


def _built(root: Path, build: Build) -> ImageConfig | None:
    """Return what a Dockerfile of the repository makes."""
    source = tree.read_text(root, build.dockerfile)
    if source is None:
        return None
    parsed = dockerfile.parse(source)
    if parsed.problems:
        place, message = parsed.problems[0]
        raise ResolutionError(message, place=place, fix="correct the line: the build stops there")
    return image_environment(parsed, build_args=build.args, target=build.target, base_env=base_environment)


def _known(service: ComposeService) -> dict[str, Value]:
    """Return the ENV of an image that is used as it is, where we know it."""
    reference = service.image.text if service.image else None
    return {name: Value(name, text) for name, text in base_environment(reference or "").items()}
