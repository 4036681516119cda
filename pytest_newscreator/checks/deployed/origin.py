"""`origin`: what runs was made of this checkout: its project, its images, and what an `up` would make of it now."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_newscreator.checks.deployed.arrivals import Arrival, arrivals
from pytest_newscreator.checks.deployed.contents import difference
from pytest_newscreator.checks.deployed.files import is_subject
from pytest_newscreator.checks.deployed.image import Stale, stale
from pytest_newscreator.checks.deployed.recreation import PLACED, UPDATABLE, Drift, drifts
from pytest_newscreator.checks.deployed.services import Way, container_of, endpoint_of, files_of, way_of
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Invocation, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import running
from pytest_newscreator.sources import tree
from pytest_newscreator.verdicts import Finding, NotVerified, Severity, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.inside import Inside
    from pytest_newscreator.resolve.given import Given
    from pytest_newscreator.stack.container import Container
    from pytest_newscreator.stack.model import Stack

Aspect = Literal["checkout", "image", "up"]
ASPECTS: tuple[Aspect, ...] = ("checkout", "image", "up")
_MOST_TOLD = 6


@frozen
class Asked:
    """One aspect of where a service comes from."""

    service: Service
    aspect: Aspect


@frozen
class At:
    """A running service beside its files: everything that an aspect is judged by."""

    stack: Stack
    repository: Repository
    way: Way
    service: Service
    container: Container
    selected: frozenset[str]
    passed: Mapping[str, str]
    asked_for: Invocation | None = None


def origin_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield checkout, image and `up` of every service that Compose starts."""
    for aspect in ASPECTS:
        for service in repository.contract.services.values():
            if service.compose:
                yield Subject(f"{service.key} {aspect}", service.place, Asked(service, aspect))


def origin(  # noqa: PLR0913, PLR0917 - fixtures
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_selected: frozenset[str],
    newscreator_pass_environment: Mapping[str, str],
    newscreator_invocation: Invocation | None,
    record_property: object,
) -> None:
    """What runs was made of this checkout: of its Compose files, of an image built of this tree, and as `up` would now.

    Two checkouts of one project are the classic: `up` in the other one replaced a container, and the files that are
    verified are not those that run. A stale image is the other: the tree was corrected and nobody built. Run
    `docker compose up -d --build` in this checkout. Where only a shell's variable makes the difference it is a note.
    """
    asked: Asked = newscreator_subject.data
    if asked.aspect == "checkout" and newscreator_stack.kind == "url":
        _say(_at_address(asked.service, newscreator_stack, newscreator_repository))
        return
    container = container_of(newscreator_stack, asked.service, newscreator_selected)
    way = way_of(newscreator_repository, newscreator_stack, asked.service, newscreator_selected)
    at = At(
        newscreator_stack, newscreator_repository, way, asked.service, container,
        newscreator_selected, newscreator_pass_environment, newscreator_invocation,
    )  # fmt: skip
    if asked.aspect == "checkout":
        _say(_checkout(at))
    elif asked.aspect == "up":
        _say(_up(at))
    else:
        detail = _image(at)
        if detail and callable(record_property):
            record_property("newscreator.detail", detail)


def _say(finding: Finding | None) -> None:
    """Fail with a finding, if there is one."""
    if finding is not None:
        fail(
            finding.message, place=finding.place, expected=finding.expected, observed=finding.observed,
            chain=finding.chain, fix=finding.fix, severity=finding.severity,
        )  # fmt: skip


def _checkout(at: At) -> Finding | None:
    """Judge by Compose's own labels where a container comes from; an owned one carries the mark of its run."""
    if at.stack.owned:
        return _beside(at)
    files = frozenset(files_of(at.repository, at.asked_for or at.way.invocation))
    return judge_checkout(at.service, at.container.name, at.container.labels, files, at.repository.root)


def _at_address(service: Service, stack: Stack, repository: Repository) -> Finding | None:
    """Judge the container that publishes an address of this machine which was given in the place of a stack."""
    from pytest_newscreator.observe.containers import publishing

    endpoint = endpoint_of(stack, service)
    found = publishing(endpoint.url or "")
    if found is None:
        reason = f"{service.key} is known by its URL alone, which no container here publishes"
        raise NotVerified(reason, needs="", fix="")
    finding = judge_checkout(service, found.name, found.labels, frozenset(), repository.root)
    # Somebody named the address: it may be meant.
    return replace(finding, severity="note") if finding is not None else None


def _beside(at: At) -> Finding | None:
    """Return that the project runs on this machine from another checkout, while a stack of our own was verified."""
    from pytest_newscreator.observe.containers import running_as
    from pytest_newscreator.stack.owned import LABEL

    if LABEL not in at.container.labels:
        return judge_checkout(at.service, at.container.name, at.container.labels, frozenset(), at.repository.root)
    for other in running_as(at.way.project.name, at.way.compose.name):
        found = judge_checkout(at.service, other.name, other.labels, frozenset(), at.repository.root)
        if found is not None and found.observed != str(at.repository.root):
            message = f"{found.message}; this run verified a stack of its own beside it"
            return replace(found, message=message, severity="note")
    return None


def judge_checkout(
    service: Service, name: str, labels: Mapping[str, str], files: frozenset[str], root: Path
) -> Finding | None:
    """Return where else a container comes from: another folder, or other files than those declared, if any are."""
    named = labels.get("com.docker.compose.project.config_files", "")
    used = [str(Path(file).resolve()) for file in named.split(",") if file]
    by = f"docker compose labelled it with {named or 'nothing'}"
    elsewhere = [file for file in used if not Path(file).is_relative_to(root.resolve())]
    if not used or len(elsewhere) == len(used):
        where = labels.get("com.docker.compose.project.working_dir", "nowhere that it says")
        return Finding(
            f"{service.key} runs as {name} from another checkout: {where}, should be {root}",
            place=service.place, expected=str(root), observed=where, chain=(by,),
            fix="verify it there, or run docker compose up -d here",
        )  # fmt: skip
    further = [file for file in used if file not in files]
    missing = sorted(files - set(used))
    if files and (further or missing):
        said = [f"with {file}" for file in further] + [f"without {file}" for file in missing]
        return Finding(
            f"{service.key} was started {' and '.join(said)}, as no declared invocation is",
            place=service.place, expected=", ".join(sorted(files)), observed=", ".join(used), chain=(by,),
            fix="declare this way of starting it under compose.invocations, or start it by one that is declared",
        )  # fmt: skip
    return None


def _image(at: At) -> str:
    """Judge the image of a container; return what was compared."""
    from pytest_newscreator.observe import records
    from pytest_newscreator.observe.inside import UnreadableError, inside

    reference = (at.container.raw.get("Config") or {}).get("Image") or ""
    named, own = records.image(reference), records.image(at.container.image)
    if named is not None and named.id != at.container.image:
        _say(_moved(at, reference, named.id))
    if own is None:
        raise NotVerified(f"{at.service.key}: its image is gone, only the container has it", needs="", fix="")
    files = running(at.repository, at.way.project, at.way.compose).files
    image = files.given.image
    if at.way.compose.build is None or image is None or files.dockerfile is None:
        if at.way.compose.build is not None:
            raise NotVerified(f"{at.service.key}: its Dockerfile cannot be read here", needs="", fix="")
        return f"image {reference}, as its tag names now"
    endpoint = at.stack.endpoints[at.service.key]
    looked = inside(endpoint)
    try:
        found, compared, unsure = _stale_files(at, looked) if looked is not None else ([], 0, [])
    except UnreadableError as error:
        raise NotVerified(f"{at.service.key}: {error}", needs="", fix="") from None
    base = records.image(image.base) if image.base else None
    _say(judge_image(at.service, [*stale(files.dockerfile, image, own, base), *found]))
    if unsure:
        raise NotVerified(f"{at.service.key}: a later RUN may have changed {', '.join(unsure)}", needs="", fix="")
    return f"{compared} files and {len(own.history)} layers of {reference}"


def _moved(at: At, reference: str, now: str) -> Finding:
    """Say that a tag names another image than the one that runs."""
    compose = at.way.compose
    said = compose.image.origin if compose.image is not None else None
    return Finding(
        f"{at.service.key} runs an image that {reference} named once, and names no more: built or pulled since",
        place=said or (compose.build.place if compose.build is not None else at.service.place),
        expected=now, observed=at.container.image,
        chain=(f"the container runs {at.container.image[:19]}, {reference} is {now[:19]}",),
        fix=f"docker compose up -d {at.service.compose}",
    )  # fmt: skip


def _stale_files(at: At, looked: Inside) -> tuple[list[Stale], int, list[str]]:
    """Compare what the image copies with the tree; what `files` speaks of in this run is its own.

    Returns what differs, how many were compared, and what a later RUN may have changed.
    """
    found: list[Stale] = []
    unsure: list[str] = []
    brought = arrivals(at.repository, at.way.project, at.way.compose)
    lying = [one for one in brought if one.way == "copied" and not one.volume and not _is_made(one)]
    for top in dict.fromkeys(one.top for one in lying if one.top not in {one.path, "/"}):
        looked.prepare(top)
    for one in lying:
        here, there = (at.repository.root / one.source).read_bytes(), looked.read(one.path)
        if here == there or is_subject(at.service, one.source, at.selected):
            continue
        if one.rewritten is not None:
            unsure.append(one.source)
            continue
        differs = difference(here, there) if there is not None else None
        place = Place(one.source, differs.line if differs else 0)
        ours, theirs = (differs.here, differs.there) if differs else ("the file", "none")
        found.append(Stale(place, one.path, ours, theirs))
    return found, len(lying), unsure


def _is_made(one: Arrival) -> bool:
    """Return whether a file lies in a folder that programs fill, below the one that is copied: caches, packages."""
    inside = posixpath.dirname(posixpath.relpath(one.path, one.top)) if one.path != one.top else ""
    return bool(inside) and tree.is_left_out(f"{inside}/") in {"generated", "vendored", "version control"}


def judge_image(service: Service, found: list[Stale]) -> Finding | None:
    """Return by what an image is stale: the first is named, the next are listed."""
    if not found:
        return None
    first = found[0]
    told = tuple(f"{one.place}: {one.what}: {one.declared}, the image has {one.built}" for one in found[1:_MOST_TOLD])
    more = (f"and {len(found) - _MOST_TOLD} more",) if len(found) > _MOST_TOLD else ()
    return Finding(
        f"{service.key} runs a stale image: {first.what} is {first.built}, the tree says {first.declared}",
        first.place, first.declared, first.built, (*told, *more), f"docker compose up -d --build {service.compose}",
    )  # fmt: skip


def _up(at: At) -> Finding | None:
    """Judge what an `up` would do to a container, by each key, and by Compose's own dry run."""
    from pytest_newscreator.observe import records

    own = records.image(at.container.image)
    found = list(drifts(at.way.compose, at.container.raw, own.config if own else None))
    if at.stack.owned:
        return judge_up(at.service, [one for one in found if one.key not in PLACED], None)
    given = at.repository.container(at.way.compose)
    if _differing(given, at.container) and not found:
        raise NotVerified(f"not judged twice: environment[{at.service.key} …] says it", needs="", fix="")
    finding = judge_up(at.service, found, _verdict(at))
    if finding is not None and not found:
        _because_of_others(at)
    return finding


def _differing(given: Given, container: Container) -> list[str]:
    """Return the variables that Compose gives and that a container has otherwise: `environment` tells them."""
    names = {*given.compose.environment}
    texts = {name: value.text for name, value in given.environment.items()}
    return [name for name in names if container.environment.get(name) != texts.get(name)]


def _verdict(at: At) -> str | None:
    """Return what Compose says that an `up` would do to a container; None where it does not say."""
    from pytest_newscreator.observe.dry_run import verdict
    from pytest_newscreator.stack import engine

    return verdict(at.repository.root, at.way.invocation, at.container, at.passed) if engine.has_compose() else None


def _because_of_others(at: At) -> None:
    """Step back where a container would be created again only for its image, or with one that it depends on."""
    if _is_moved(at.container):
        raise NotVerified(f"not judged twice: origin[{at.service.key} image] says it", needs="", fix="")
    depends = at.way.compose.get("depends_on")
    for other in at.repository.contract.services.values():
        there = at.way.project.services.get(other.compose or "")
        named = depends is not None and other.compose in depends.children
        endpoint = at.stack.endpoint(other.key) if named else None
        if there is not None and endpoint is not None and endpoint.container is not None:
            _unless_left(at, other, there, endpoint.container)


def _unless_left(at: At, other: Service, there: ComposeService, identifier: str) -> None:
    """Step back where a container that this one depends on is not what an `up` would leave."""
    from pytest_newscreator.observe import records
    from pytest_newscreator.stack import engine

    container = engine.first_look(identifier).container
    image = records.image(container.image)
    differs = [*drifts(there, container.raw, image.config if image else None)]
    if differs or _differing(at.repository.container(there), container) or _is_moved(container):
        reason = f"an up would create {at.service.key} again with {other.key}, of which origin[{other.key} up] speaks"
        raise NotVerified(reason, needs="", fix="")


def _is_moved(container: Container) -> bool:
    """Return whether the tag of a container names another image now."""
    from pytest_newscreator.observe import records

    named = records.image((container.raw.get("Config") or {}).get("Image") or "")
    return named is not None and named.id != container.image


def judge_up(service: Service, found: list[Drift], verdict: str | None) -> Finding | None:
    """Return by which keys a container is not what an `up` would create; `verdict` is Compose's word, if it has one.

    Where Compose says that it would leave the container, only what `docker update` changes behind it can differ.
    """
    if verdict == "Running":
        found = [one for one in found if one.key in UPDATABLE]
    if not found:
        return _unexplained(service) if verdict == "Recreate" else None
    loud = [one for one in found if not one.is_open]
    severity: Severity = "error" if loud else "note"
    first, *rest = [*loud, *(one for one in found if one.is_open)]
    told = tuple(f"{one.place}: {one.key} is {one.declared}, runs with {one.running}" for one in rest[:_MOST_TOLD])
    again = " --force-recreate" if verdict == "Running" else ""
    behind = ("docker compose sees no change: it was changed by docker update",) if verdict == "Running" else ()
    return Finding(
        f"{service.key} runs with {first.key} {first.running}, the files say {first.declared}",
        first.place, first.declared, first.running, (*told, *behind),
        f"docker compose up -d{again} {service.compose}", severity,
    )  # fmt: skip


def _unexplained(service: Service) -> Finding:
    """Say that Compose would create a container again for something that is not compared here."""
    return Finding(
        f"docker compose up would create {service.key} again, by a key that is not compared here",
        service.place, "left as it is", "created again",
        ("a container that an older docker compose created is created again too, though nothing else differs",),
        f"docker compose up -d {service.compose}, and see what changes", "note",
    )  # fmt: skip


ORIGIN = Check("origin", "deployed", "infra", origin, origin_subjects)
