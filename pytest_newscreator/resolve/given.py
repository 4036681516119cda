"""What a container would be given: Compose's environment above the image's own, entrypoint, mounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_newscreator.resolve.base_images import base_environment
from pytest_newscreator.resolve.compose import ComposeService
from pytest_newscreator.resolve.image import ImageConfig, image_environment
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.sources import dockerfile, tree


@dataclass(frozen=True, slots=True)
class Given:
    """A service as its container would see it; `image` is None where its Dockerfile is not in the repository."""

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


def given(root: Path, service: ComposeService) -> Given:
    """Return what Compose and the image give to a service (rules: facts 1.2; the null mask hides an image's ENV)."""
    image = _image(root, service)
    below = dict(image.environment) if image else _known(service)
    merged = {name: value for name, value in below.items() if name not in service.masked}
    for name, value in service.environment.items():
        losers = tuple(replace(hop, won=False, why="Compose gives another value") for hop in _hops(below.get(name)))
        merged[name] = replace(value, chain=(*value.chain, *losers))
    return Given(service, merged, image)


def _hops(value: Value | None) -> tuple[Hop, ...]:
    """Return the chain of a value that may be absent."""
    return value.chain if value is not None else ()


def _image(root: Path, service: ComposeService) -> ImageConfig | None:
    """Return what the service's own Dockerfile makes, or None where it is not built here."""
    if service.build is None or not service.build.dockerfile:
        return None
    source = tree.read_text(root, service.build.dockerfile)
    if source is None:
        return None
    parsed = dockerfile.parse(source)
    return image_environment(
        parsed, build_args=service.build.args, target=service.build.target, base_env=base_environment
    )


def _known(service: ComposeService) -> dict[str, Value]:
    """Return the ENV of an image that is used as it is, where we know it."""
    reference = service.image.text if service.image else None
    return {name: Value(name, text) for name, text in base_environment(reference or "").items()}
