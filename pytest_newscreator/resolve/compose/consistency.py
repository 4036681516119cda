"""What Compose checks once everything is merged: services that name what is not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.services import ComposeService
from pytest_newscreator.resolve.compose.tree import Node


def check(model: Node, services: Mapping[str, ComposeService], disabled: Mapping[str, ComposeService]) -> None:
    """Raise ResolutionError for an enabled service that Compose refuses (rules: compose-go `loader/validate.go`)."""
    for service in services.values():
        if service.image is None and service.build is None and service.get("provider") is None:
            _refuse_without_image(service)
        for depended, node in _children(service, "depends_on"):
            required = node.children.get("required")
            optional = required is not None and required.value is False
            if depended not in services and not (depended in disabled and optional):
                state = "no profile enables" if depended in disabled else "does not exist"
                _refuse(service, f"depends on {depended}, which {state}", node.place, "enable or declare it")
        declared = {"default", *(name for name, _ in _entries(model.children.get("networks")))}
        for network, node in _children(service, "networks"):
            if network not in declared:
                _refuse(service, f"joins the network {network}, which is not declared", node.place, "declare it")
        volumes = {name for name, _ in _entries(model.children.get("volumes"))}
        for mount in service.volumes:
            if mount.type == "volume" and mount.source and mount.source not in volumes:
                _refuse(service, f"mounts {mount.source}, which is not declared", mount.place, "add it to `volumes:`")


def _refuse_without_image(service: ComposeService) -> NoReturn:
    """Say that nothing can be started: where it was taken away, else at the service."""
    taken = service.tree.removal("image") or service.tree.removal("build")
    since = f": it is taken away by this `{taken.tag}`" if taken else ""
    message = f"service {service.name} has neither image nor build, should have one{since}"
    raise ResolutionError(message, place=taken.place if taken else service.place, fix="add `image:` or `build:`")


def _refuse(service: ComposeService, what: str, place: Place, fix: str) -> None:
    raise ResolutionError(f"service {service.name} {what}, should be", place=place, fix=fix)


def _children(service: ComposeService, name: str) -> Iterable[tuple[str, Node]]:
    return _entries(service.tree.children.get(name))


def _entries(node: Node | None) -> Iterable[tuple[str, Node]]:
    return node.children.items() if node is not None else ()
