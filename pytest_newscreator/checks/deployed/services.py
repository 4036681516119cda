"""The running services of the contract, and stepping back where another item speaks of the same cause."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.model import Invocation, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.compose.project import DEFAULT_NAMES, OVERRIDE_NAMES
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.stack.container import CONFIG_FILES_LABEL, PROJECT_LABEL, WORKING_DIR_LABEL
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.resolve.compose.project import ComposeService, Project
    from pytest_newscreator.stack.container import Container
    from pytest_newscreator.stack.model import Endpoint, Stack


def service_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield the services of the contract."""
    for service in repository.contract.services.values():
        yield Subject(service.key, service.place, service)


def ollama_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield the Ollama servers of the contract."""
    yield from (subject for subject in service_subjects(repository) if subject.data.kind == "ollama")


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
        fail(
            f"{service.key} does not run in this stack{_but(stack, service)}",
            place=service.place,
            fix="start it here (docker compose up -d), then run again",
        )
    return endpoint


def others(endpoint: Endpoint) -> tuple[Container, ...]:
    """Return the further containers of a service that runs more than one, as they are now."""
    from pytest_newscreator.stack import engine

    if endpoint.container is None:
        return ()
    return engine.replicas(engine.first_look(endpoint.container).container)


def _but(stack: Stack, service: Service) -> str:
    """Say where else the project's service runs: `up` in a second checkout takes single containers away."""
    from pytest_newscreator.observe.containers import running_as
    from pytest_newscreator.stack import engine

    found = [one.container for one in stack.endpoints.values() if one.container is not None]
    labels = [engine.first_look(identifier).container.labels for identifier in found]
    projects = dict.fromkeys(one.get(PROJECT_LABEL, "") for one in labels)
    for project in projects:
        for other in running_as(project, service.compose or ""):
            where = other.labels.get(WORKING_DIR_LABEL, "nowhere that it says")
            return f": {other.name} runs it from another checkout, {where}"
    return ""


def container_of(stack: Stack, service: Service, selected: frozenset[str]) -> Container:
    """Return the container of a service as it was first seen: for what never changes as long as it lives."""
    from pytest_newscreator.stack import engine

    endpoint = endpoint_of(stack, service, selected)
    if endpoint.container is None:
        how = "runs as a process" if endpoint.how == "process" else "is known by its URL alone"
        raise NotVerified(f"{service.key} {how}: it has no container here", needs="docker", fix="")
    return engine.first_look(endpoint.container).container


@frozen
class Way:
    """How a service was started, as far as the repository tells: the invocation, resolved, and the service in it."""

    invocation: Invocation
    project: Project
    compose: ComposeService


def way_of(repository: Repository, stack: Stack, service: Service, selected: frozenset[str]) -> Way:
    """Return how a service was started; NotVerified where no invocation tells it."""
    endpoint = endpoint_of(stack, service, selected)
    invocation = invocation_of(repository, stack, endpoint.container)
    project = repository.resolved.get(invocation.name) if invocation else None
    compose = repository.compose_service(project, service) if project is not None else None
    if invocation is None or project is None or compose is None:
        raise NotVerified(f"no invocation that resolves starts {service.key}: the files do not tell", needs="", fix="")
    return Way(invocation, project, compose)


def invocation_of(repository: Repository, stack: Stack, identifier: str | None) -> Invocation | None:
    """Return the invocation of a stack; of a found one whose files are not its own, the first whose files are.

    Compose's label names the files that a container was created of: settings alone cannot tell two invocations apart
    that differ in a GPU.
    """
    from pytest_newscreator.stack import engine

    chosen = stack.invocation
    if stack.owned or identifier is None or chosen is None:
        return chosen
    labels = engine.first_look(identifier).container.labels
    used = {str(Path(file).resolve()) for file in labels.get(CONFIG_FILES_LABEL, "").split(",") if file}
    fitting = [one for one in repository.contract.invocations.values() if files_of(repository, one) == used]
    return chosen if chosen in fitting or not fitting else fitting[0]


def files_of(repository: Repository, invocation: Invocation) -> set[str]:
    """Return the Compose files that an invocation names, or those that Compose takes by itself."""
    root, names = repository.root, invocation.files
    if not names:
        own = [name for name in DEFAULT_NAMES if (root / name).is_file()][:1]
        names = (*own, *[name for name in OVERRIDE_NAMES if (root / name).is_file()][:1])
    return {str((root / file).resolve()) for file in names}
