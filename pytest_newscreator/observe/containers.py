"""Which containers of this machine stand for a service, whoever started them."""

from __future__ import annotations

from urllib.parse import urlsplit

from pytest_newscreator.stack import engine
from pytest_newscreator.stack.container import Container
from pytest_newscreator.stack.owned import LABEL

_LOCAL = ("localhost", "127.0.0.1", "::1")


def running_as(project: str, service: str) -> tuple[Container, ...]:
    """Return the containers that run as a service of a Compose project of this name, stacks of our own left out."""
    if not project or not service:
        return ()
    found = [one for one in engine.containers(project) if one.service == service and LABEL not in one.labels]
    return tuple(one for one in found if one.is_running)


def publishing(url: str) -> Container | None:
    """Return the container that publishes an address of this machine, None where none does."""
    parts = urlsplit(url)
    if parts.hostname not in _LOCAL or parts.port is None:
        return None
    ports = [(one, binding) for one in engine.containers() for binding in one.bindings]
    return next((one for one, binding in ports if binding.published == parts.port), None)
