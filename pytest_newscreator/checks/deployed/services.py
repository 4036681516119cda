"""The running services of the contract, and stepping back where another item speaks of the same cause."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Endpoint, Stack


def service_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield the services of the contract."""
    for service in repository.contract.services.values():
        yield Subject(service.key, service.place, service)


def step_back(by: str, selected: frozenset[str]) -> None:
    """Step back where another item of this run speaks of the same cause."""
    if by in selected:
        raise NotVerified(f"not judged at this level: {by} failed", needs="", fix="")


def endpoint_of(stack: Stack, service: Service, selected: frozenset[str] = frozenset()) -> Endpoint:
    """Return where a service runs; one that the stack does not have is broken, told by `healthy` where that runs."""
    endpoint = stack.endpoint(service.key)
    if endpoint is None:
        if service.key in stack.unavailable:
            raise NotVerified(f"{service.key}: {stack.unavailable[service.key]}", needs="stack", fix="")
        step_back(f"healthy[{service.key}]", selected)
        fail(f"{service.key} does not run in this stack", place=service.place, fix="start it, then run again")
    return endpoint
