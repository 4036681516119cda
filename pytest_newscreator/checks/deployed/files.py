"""`files`: what lies in a running container is what lies in the tree, file by file."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.arrivals import Arrival, arrivals
from pytest_newscreator.checks.deployed.contents import Difference, difference, may_be_secret
from pytest_newscreator.checks.deployed.services import endpoint_of, way_of
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import running
from pytest_newscreator.verdicts import Finding, NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.inside import Inside
    from pytest_newscreator.stack.model import Endpoint, Stack

_MOST_MOUNTED = 40
"""A folder of more files is asked for as one subject."""


@frozen
class Carried:
    """A file of the repository that a service carries, or the folder that it mounts."""

    service: Service
    source: str


def files_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every file that matters to what a service does: what it starts, what it mounts, what makes its variants."""
    for service in repository.contract.services.values():
        found: dict[str, Place] = {}
        for project in repository.resolved.values():
            compose = repository.compose_service(project, service)
            for source, place in _mattering(repository, project, compose) if compose else ():
                found.setdefault(source, place)
        for source, place in found.items():
            yield Subject(f"{service.key} {source}", place, Carried(service, source))


def _mattering(repository: Repository, project: Project, compose: ComposeService) -> Iterator[tuple[str, Place]]:
    """Yield the files that matter in one container, each with the line that brings it there."""
    own = running(repository, project, compose)
    scripts = {script.path for script in (*own.startup.scripts, *own.health) if script.path}
    modelfiles = {v.modelfile for model in repository.contract.models.values() for v in model.variants.values()}
    lying = arrivals(repository, project, compose)
    for one in lying:
        if posixpath.basename(one.source).startswith(".git"):
            continue
        together = sum(other.top == one.top for other in lying) if one.way == "mounted" else 1
        if one.way == "mounted" and together > _MOST_MOUNTED:
            yield one.top, one.place
        elif one.way != "copied" or one.path in scripts or one.source in modelfiles or _is_environment(one.source):
            yield one.source, one.place


def _is_environment(path: str) -> bool:
    """Return whether a file is a dotenv file."""
    name = posixpath.basename(path)
    return name == ".env" or name.startswith(".env.") or name.endswith(".env")


def is_subject(service: Service, source: str, selected: frozenset[str]) -> bool:
    """Return whether an item of this run speaks of a file of a service."""
    return f"files[{service.key} {source}]" in selected


def files(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_selected: frozenset[str],
) -> None:
    """Every file that decides what a service does is in its container as it is in the tree, by content.

    A Modelfile was corrected and the image was not built again; an editor wrote a mounted file anew, and the container
    went on reading the old one, since a bind mount holds on to the file and not to its name. Build again, or create
    the container again: `docker compose up -d --build --force-recreate SERVICE`.
    """
    from pytest_newscreator.observe.inside import UnreadableError, inside

    carried: Carried = newscreator_subject.data
    service = carried.service
    endpoint = endpoint_of(newscreator_stack, service, newscreator_selected)
    if endpoint.how == "url":
        raise NotVerified(f"{service.key} is known by its URL alone", needs="", fix="")
    way = way_of(newscreator_repository, newscreator_stack, service, newscreator_selected)
    brought = arrivals(newscreator_repository, way.project, way.compose)
    lying = [one for one in brought if carried.source in {one.source, one.top}]
    looked = inside(endpoint)
    if not lying or looked is None:
        why = (
            f"invocation {way.invocation.name} brings no {carried.source} to {service.key}"
            if not lying
            else "nothing can be read"
        )
        raise NotVerified(why, needs="", fix="")
    for one in lying:
        try:
            finding = _compared(newscreator_repository, one, looked, endpoint)
        except UnreadableError as error:
            raise NotVerified(f"{service.key}: {error}", needs="", fix="") from None
        if finding is not None:
            fail(
                finding.message, place=finding.place, expected=finding.expected, observed=finding.observed,
                chain=finding.chain, fix=finding.fix,
            )  # fmt: skip


def _compared(repository: Repository, one: Arrival, looked: Inside, endpoint: Endpoint) -> Finding | None:
    """Return how a file in a container differs from the tree's."""
    file = repository.root / one.source
    if looked.is_same(one.path, file):
        return None
    there, here = looked.read(one.path), file.read_bytes()
    if there == here:
        return None
    changed = _is_changed(endpoint, one) if there is not None else False
    return judge(one, difference(here, there) if there is not None else None, endpoint.service, is_changed=changed)


def _is_changed(endpoint: Endpoint, one: Arrival) -> bool:
    """Return whether a copied file was changed in the container itself, by somebody's hand."""
    from pytest_newscreator.observe import records

    if endpoint.container is None or one.way != "copied" or one.volume:
        return False
    return records.is_changed(endpoint.container, one.path)


def judge(one: Arrival, differs: Difference | None, service: Service, *, is_changed: bool = False) -> Finding | None:
    """Return what is wrong with one file; `differs` None is one that is not in the container.

    Raises NotVerified where a later RUN of the Dockerfile may be why.
    """
    if one.rewritten is not None and not is_changed:
        reason = f"{one.path} of {service.key} is not {one.source}, and the RUN at {one.rewritten} may have changed it"
        raise NotVerified(reason, needs="", fix="")
    chain = (f"{one.place}: brings it to {one.path}", *_why(one, is_changed=is_changed))
    fix = _fix(one, service, is_changed=is_changed)
    if differs is None:
        message = f"the container has no {one.path} ({service.key})"
        return Finding(message, Place(one.source), "the file", "none", chain, fix)
    place = Place(one.source, differs.line)
    if one.way == "secret" or may_be_secret(one.source):
        message = f"the container has another line, not shown as it may be a secret ({service.key} {one.path})"
        return Finding(message, place, chain=chain, fix=fix)
    message = f"the container has {differs.there}, the tree says {differs.here} ({service.key} {one.path})"
    return Finding(message, place, differs.here, differs.there, chain, fix)


def _why(one: Arrival, *, is_changed: bool) -> Iterator[str]:
    """Yield the way by which a file came to differ."""
    if is_changed:
        yield "it was changed in the container after its start, not in the image"
    elif one.volume:
        yield f"the volume at {one.volume} lies over the image's file and keeps what was copied there first"
    elif one.way == "copied":
        yield "the image was built before the file was changed"
    else:
        yield "a mount holds on to the file of its start: an editor or `git checkout` put a new one in its place"


def _fix(one: Arrival, service: Service, *, is_changed: bool) -> str:
    """Return what brings the tree's file into the container."""
    if one.volume and not is_changed:
        return f"copy the file into the volume, or mount the volume beside it and not over {one.volume}"
    options = "" if is_changed or one.way != "copied" else " --build"
    again = " --force-recreate" if not options else ""
    return f"docker compose up -d{options}{again} {service.compose or service.key}"


FILES = Check("files", "deployed", "infra", files, files_subjects)
