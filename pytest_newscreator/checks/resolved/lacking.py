"""Where a service lacks a setting, and where it is gone itself: at what took it away, if something did."""

from __future__ import annotations

from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.compose.tree import Reset


@frozen
class Lack:
    """A place at which something is missing, the end of what is said of it, and what to do."""

    place: Place
    since: str = ""
    fix: str = "set it under `environment:` there"


def lack(compose: ComposeService, name: str) -> Lack:
    """Return where a service lacks a variable: where it is taken away, else where Compose declares the service."""
    taken = compose.tree.removal(("environment", name))
    if taken is None:
        return Lack(compose.place)
    return Lack(taken.place, f", it is taken away by this `{taken.tag}`", "give it here, or do not take it away")


def gone(project: Project, service: Service) -> Reset | None:
    """Return what took a whole service away, None where nothing did."""
    return project.tree.removal(("services", service.compose)) if service.compose else None
