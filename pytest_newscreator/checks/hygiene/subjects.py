"""What the hygiene checks share: how loud they are, and the services they ask, one invocation after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.model import Contract, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Node, Project
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Hop
from pytest_newscreator.sources.docker import dockerfile
from pytest_newscreator.sources.docker.dockerfile import Dockerfile, Instruction, Stage
from pytest_newscreator.verdicts import Finding, NotVerified, Severity


@frozen
class Started:
    """A service of the contract as one invocation starts it."""

    repository: Repository
    invocation: str
    project: Project
    service: Service
    compose: ComposeService

    @property
    def given(self) -> Given:
        """Return what Compose and the image give to the service."""
        return self.repository.container(self.compose)


Judge = Callable[[Started], Finding | None]


def hardening(contract: Contract) -> Severity:
    """Return how loud a hardening finding is: an error where the contract asks for the baseline, else a note."""
    return "error" if contract.security == "baseline" else "note"


def started(repository: Repository, service: Service) -> tuple[Started, ...]:
    """Return a service under each invocation that resolves and starts it, in the contract's order."""
    found = (
        (name, project, repository.compose_service(project, service)) for name, project in repository.resolved.items()
    )
    return tuple(Started(repository, name, project, service, own) for name, project, own in found if own is not None)


def services(repository: Repository) -> tuple[Service, ...]:
    """Return the services of the contract that some invocation starts."""
    return tuple(service for service in repository.contract.services.values() if started(repository, service))


def subjects(repository: Repository, *aspects: str) -> Iterator[Subject]:
    """Yield each service that is started, once for each aspect; without any, once. The data is the service."""
    for service in services(repository):
        yield from (Subject(f"{service.key} {aspect}".rstrip(), service.place, service) for aspect in aspects or ("",))


def over_invocations(service: Service, repository: Repository, judge: Judge) -> Finding | None:
    """Return what is wrong under some invocation, the loudest and then the first, by name where another is right.

    What one invocation leaves open is raised where none is found wrong.
    """
    wrong: list[tuple[str, Finding]] = []
    left_open: list[NotVerified] = []
    asked = started(repository, service)
    for one in asked:
        try:
            finding = judge(one)
        except NotVerified as missing:
            left_open.append(missing)
            continue
        wrong += [(one.invocation, finding)] if finding is not None else []
    if not wrong and left_open:
        raise left_open[0]
    if not wrong:
        return None
    name, worst = min(wrong, key=lambda found: found[1].severity != "error")
    everywhere = len(wrong) == len(asked)
    return worst if everywhere else replace(worst, message=f"{worst.message} (invocation {name})")


def unknown(reason: str) -> NotVerified:
    """Return that something cannot be known from the files, to be raised."""
    return NotVerified(reason, needs="", fix="")


@frozen
class Missing:
    """Where a service lacks something, and the words for it: what `!reset` took away is missing there."""

    place: Place
    since: str = ""


def missing(one: Started, *paths: str, block: str = "") -> Missing:
    """Return where a service has none of some keys: where one is taken away or written empty, else at its name.

    `block` is the key in which it should stand, where that has a place of its own.
    """
    found = [node for node in map(one.compose.get, paths) if node is not None and node.content is not None]
    written = found[0].place if found else None
    taken = next((reset for reset in map(one.compose.tree.removal, paths) if reset is not None), None)
    if taken is not None and written in {None, taken.place}:
        return Missing(taken.place, f" (taken away by this `{taken.tag}`)")
    around = one.compose.get(block) if block else None
    has_block = around is not None and around.content is not None
    return Missing(written or (around.place if around is not None and has_block else one.compose.place))


def texts(node: Node | None) -> tuple[Node, ...]:
    """Return the elements of a list, or a single value as one; of what is not there, none."""
    if node is None or node.content is None:
        return ()
    return node.elements if isinstance(node.content, tuple) else (node,)


def hops_of(node: Node | None) -> tuple[Hop, ...]:
    """Return the hops that lead from a value, or from the parts that a short form is made of, to their literals."""
    found = () if node is None else (*node.hops, *(hop for child in node.children.values() for hop in child.hops))
    return tuple(dict.fromkeys(found))


def dockerfile_of(repository: Repository, compose: ComposeService) -> Dockerfile | None:
    """Return the Dockerfile that a service is built by, where it can be read."""
    path = compose.build.dockerfile if compose.build else ""
    source = repository.source(path) if path else None
    return dockerfile.parse(source) if source is not None else None


def last_place(started: Started, keyword: str) -> Place | None:
    """Return where the last instruction of a keyword says its value, along the stages that the image is made of."""
    file, build = dockerfile_of(started.repository, started.compose), started.compose.build
    if file is None or build is None or not file.stages:
        return None
    stage = file.stage(build.target) if build.target else file.stages[-1]
    found = next((found for found in _upwards(file, stage) if found.keyword == keyword), None)
    return file.lines.place(found.rest.start) if found else None


def _upwards(file: Dockerfile, stage: Stage | None) -> Iterator[Instruction]:
    """Yield the instructions of a stage and of those it starts from, the last first."""
    while stage is not None:
        yield from reversed(stage.instructions)
        name = stage.image.text.lower()
        earlier = [other for other in file.stages[: stage.index] if (other.name or "").lower() == name]
        stage = earlier[-1] if name and earlier else None
