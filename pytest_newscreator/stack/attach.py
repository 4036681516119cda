"""The stack that runs already: found by Compose's labels or by its URL, asked, never changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pytest_newscreator.contract.model import Contract, Invocation, Service
from pytest_newscreator.errors import StackError
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.stack import engine, probe
from pytest_newscreator.stack.container import CONFIG_FILES_LABEL, PROJECT_LABEL, WORKING_DIR_LABEL, Container
from pytest_newscreator.stack.model import Endpoint, Request, Stack
from pytest_newscreator.stack.owned import LABEL
from pytest_newscreator.verdicts import NotVerified


class AttachBackend:
    """Attaches to the containers of this project and to services declared by URL."""

    name = "attach"

    def start(self, request: Request) -> Stack:
        """Find the stack; raises `NotVerified` where no container of this project exists and no URL is declared."""
        contract = request.repository.contract
        by_compose = {s.compose: s.key for s in contract.services.values() if s.compose}
        every = _all(request.repository) if by_compose else []
        taken = chosen(every)
        found = {by_compose[name]: container for name, container in taken.items()}
        endpoints = {key: _endpoint(contract.services[key], container) for key, container in found.items()}
        endpoints |= by_url(contract)
        if not endpoints:
            fix = "start it (docker compose up -d), or let --newscreator-stack compose start one"
            raise NotVerified("no container of this project exists", needs="stack", fix=fix)
        invocation, rolled_back = _invocation(request, found)
        return Stack(
            kind="attach",
            owned=False,
            invocation=invocation,
            endpoints=endpoints,
            rolled_back=rolled_back,
            notes=(*_notes(found), *beside(every, taken)),
        )


class UrlBackend:
    """Attaches to one Ollama at an address given on the command line."""

    name = "url"

    def __init__(self, url: str) -> None:
        """Remember the address; raises `StackError` where it is none."""
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
            valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            valid = False
        if not valid:
            raise StackError(f"--newscreator-stack {url} is no address", fix="write http://HOST:PORT")

    def start(self, request: Request) -> Stack:
        """Ask the address for Ollama's version; it stands for the contract's only Ollama."""
        servers = [s for s in request.repository.contract.services.values() if s.kind == "ollama"]
        if len(servers) != 1:
            raise StackError(
                f"--newscreator-stack {self.url} needs a contract with one ollama service, not {len(servers)}",
                fix="give each service its `url:` in newscreator.yaml",
            )
        answer = probe.request(self.url, "/api/version", timeout_s=10)
        if not answer.is_ok:
            raise StackError(f"no Ollama answers at {self.url} ({answer})", fix="start it, or correct the address")
        endpoints = {servers[0].key: Endpoint(servers[0], "url", self.url)}
        others = (key for key in request.repository.contract.services if key not in endpoints)
        elsewhere = dict.fromkeys(others, "not looked for, since --newscreator-stack is one address")
        return Stack(kind="url", owned=False, invocation=request.invocation, endpoints=endpoints, unavailable=elsewhere)


def by_url(contract: Contract) -> dict[str, Endpoint]:
    """Return the services that the contract declares by URL: they run elsewhere, whatever is started here."""
    return {
        service.key: Endpoint(service, "url", service.url, ca=contract.root / service.ca if service.ca else None)
        for service in contract.services.values()
        if service.url
    }


def find(repository: Repository) -> dict[str, Container]:
    """Return the containers of this project by contract key; stopped ones count, they are the user's too."""
    by_compose = {s.compose: s.key for s in repository.contract.services.values() if s.compose}
    return {by_compose[name]: container for name, container in chosen(_all(repository)).items()}


def _all(repository: Repository) -> list[Container]:
    """Return every container of a service of the contract that was started from this repository.

    A container is of this project when Compose labelled it with the working directory and a file of an invocation,
    so that a project of the same name elsewhere is never taken for it.
    """
    folders: set[str] = set()
    files: set[str] = set()
    for invocation in repository.contract.invocations.values():
        declared = invocation.files or ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
        paths = [(repository.root / file).resolve() for file in declared]
        files.update(map(str, paths))
        folders.add(str(paths[0].parent))
        if invocation.project_directory:
            folders.add(str((repository.root / invocation.project_directory).resolve()))
    services = {service.compose for service in repository.contract.services.values() if service.compose}

    def is_mine(container: Container) -> bool:
        labels = container.labels
        in_folder = str(Path(labels.get(WORKING_DIR_LABEL, "/nowhere")).resolve()) in folders
        return LABEL not in labels and in_folder and bool(_files(container) & files) and container.service in services

    return [container for container in engine.containers() if is_mine(container)]


def chosen(found: Sequence[Container]) -> dict[str, Container]:
    """Return one container a service: of the project of which most runs, one that runs, the first by its name."""
    running = Counter(_project(one) for one in found if one.is_running)
    ordered = sorted(found, key=lambda one: (-running[_project(one)], _project(one), not one.is_running, one.name))
    services = dict.fromkeys(one.service for one in ordered)
    return {name: next(one for one in ordered if one.service == name) for name in services}


def beside(found: Sequence[Container], taken: Mapping[str, Container]) -> tuple[str, ...]:
    """Say what else runs of this repository: further containers of a service, and a second project."""
    projects = {_project(one) for one in taken.values()}
    notes = []
    for one in taken.values():
        same = [other for other in found if (other.service, _project(other)) == (one.service, _project(one))]
        if len(same) > 1:
            names = ", ".join(sorted(other.name for other in same))
            notes.append(
                f"{one.service} has {len(same)} containers ({names}): environment, healthy, listening and stable hold"
                f" each, everything else {one.name}"
            )
    for project in sorted({_project(other) for other in found} - projects):
        names = ", ".join(sorted(other.name for other in found if _project(other) == project))
        notes.append(f"a second project of this folder, {project}, is there too and not verified: {names}")
    if len(projects) > 1:
        notes.append(f"the services are of {len(projects)} projects: {', '.join(sorted(projects))}")
    return tuple(notes)


def _project(container: Container) -> str:
    """Return the Compose project of a container."""
    return container.labels.get(PROJECT_LABEL, "")


def _endpoint(service: Service, container: Container) -> Endpoint:
    """Return a found container as a service of the contract."""
    return Endpoint(service, "container", container.url(service.port), container=container.id)


def _invocation(request: Request, found: Mapping[str, Container]) -> tuple[Invocation | None, bool]:
    """Return the invocation that the running containers agree with best, and whether only a rollback fits.

    The one asked for on the command line is taken as it is. On a tie the one of the files that the containers were made
    of wins, then the first declared.
    """
    contract = request.repository.contract
    if request.invocation is not None or not found:
        return request.invocation, False
    candidates = [contract.invocations[name] for name in request.repository.resolved]
    if not candidates:
        return None, False
    differences = {
        i.name: (_differences(request.repository, i, found), _is_other(request, i, found)) for i in candidates
    }
    best = min(candidates, key=lambda i: differences[i.name])
    plain = [i for i in candidates if not i.base]
    rolled_back = bool(best.base) and all(differences[i.name][0] > differences[best.name][0] for i in plain)
    return best, rolled_back


def _is_other(request: Request, invocation: Invocation, found: Mapping[str, Container]) -> bool:
    """Return whether the containers were made of other Compose files than an invocation's."""
    project = request.repository.resolved[invocation.name]
    files = {str((request.repository.root / file).resolve()) for file in invocation.files or project.files}
    return any(_files(container) != files for container in found.values())


def _files(container: Container) -> set[str]:
    """Return the Compose files that a container was made of."""
    named = container.labels.get(CONFIG_FILES_LABEL, "").split(",")
    return {str(Path(file).resolve()) for file in named if file}


def _differences(repository: Repository, invocation: Invocation, found: Mapping[str, Container]) -> int:
    """Return in how many declared settings the running containers differ from an invocation."""
    project = repository.resolved[invocation.name]
    count = 0
    for key, container in found.items():
        service = repository.contract.services[key]
        given = repository.given(project, service)
        switches = {model.switch for model in repository.contract.models.values() if model.switch}
        for name in set(service.settings) | switches:
            value = given.environment.get(name) if given else None
            count += container.environment.get(name) != (value.text if value else None)
    return count


def _notes(found: Mapping[str, Container]) -> tuple[str, ...]:
    """Say what was found."""
    return tuple(f"{key}: container {container.name} ({container.summary})" for key, container in found.items())
