"""Hygiene of the server's version: no release of Ollama with a known hole that a later one has closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene.subjects import Started, dockerfile_of, over_invocations, services
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.data import FOLDER
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.docker.image import Copy, image_environment
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.docker.dockerfile import Dockerfile, Stage
from pytest_newscreator.sources.docker.words import Expansion, arguments
from pytest_newscreator.sources.ollama.settings import table_for, version_of_image
from pytest_newscreator.verdicts import Finding, NotVerified

FILE: Final = FOLDER / "ollama_cves.json"


@frozen
class Engine:
    """The image that a service's Ollama comes from: None where only a build tells it; a version where its tag does."""

    reference: str | None
    place: Place
    chain: tuple[str, ...] = ()

    @property
    def version(self) -> str | None:
        """Return the version that the image's tag names."""
        return version_of_image(self.reference) if self.reference else None

    @property
    def release(self) -> str:
        """Return how messages name the release: one that is not known is judged by the newest table."""
        return self.version or f"up to {table_for(None)}"


@frozen
class Hole:
    """A known vulnerability, and the first release without it."""

    id: str
    what: str
    fixed: str
    cvss: float | None

    @property
    def rank(self) -> tuple[float, tuple[int, ...]]:
        """Return how bad it is: by its score, then by how long it was open."""
        return self.cvss or 0.0, numbers(self.fixed)

    def __str__(self) -> str:
        """Render as a message tells it."""
        score = f"CVSS {self.cvss}, " if self.cvss else ""
        return f"{self.id} ({self.what}; {score}fixed in {self.fixed})"


def engine(one: Started) -> Engine:
    """Return where the Ollama of a service comes from: its `image:`, the base of its build, or an image copied from."""
    compose, image = one.compose, one.given.image
    if image is None and compose.build is None and compose.image is not None:
        value = compose.image
        hops = chain(value.chain) if len(value.chain) > 1 else ()
        return Engine(value.text, (value.chain[0].place if value.chain else None) or compose.place, hops)
    file = dockerfile_of(one.repository, compose)
    if image is None or file is None or compose.build is None:
        return Engine(None, compose.build.place if compose.build else compose.place)
    target = file.stage(compose.build.target) if compose.build.target else file.stages[-1]
    base = _based(one, file, target, image.base)
    copied = (_copied(one, file, copy) for copy in image.copies if _brings_ollama(copy))
    return next((found for found in (base, *copied) if found.version), base)


def _based(one: Started, file: Dockerfile, stage: Stage | None, reference: str | None) -> Engine:
    """Return the image that a stage starts from, at the first FROM of its chain."""
    first = stage
    while first is not None and (earlier := _stage_before(file, first)) is not None:
        first = earlier
    place = file.lines.place(first.image.start) if first is not None else Place(file.path)
    return Engine(reference, place, tuple(_arguments(one, file, first)) if first is not None else ())


def _arguments(one: Started, file: Dockerfile, stage: Stage) -> Iterator[str]:
    """Yield where the arguments in a FROM get their values: from the build, else from their own defaults."""
    names = {part.name for part in stage.image_parts if isinstance(part, Expansion)}
    given = one.compose.build.args if one.compose.build else {}
    for name in sorted(names & given.keys()):
        yield from chain(given[name].chain)
    for line in file.arguments:
        for name, raw in arguments(line.rest, file.escape):
            if name in names - given.keys() and raw is not None:
                yield f"{file.lines.place(raw.start)}: build-arg {name}={raw.text}"


def _stage_before(file: Dockerfile, stage: Stage) -> Stage | None:
    """Return the earlier stage that a stage starts from, if it starts from one."""
    name = stage.image.text.lower()
    return next((known for known in reversed(file.stages[: stage.index]) if (known.name or "").lower() == name), None)


def _brings_ollama(copy: Copy) -> bool:
    """Tell whether a COPY takes Ollama out of another image."""
    return copy.from_stage is not None and any("ollama" in source for source in copy.sources)


def _copied(one: Started, file: Dockerfile, copy: Copy) -> Engine:
    """Return the image that a COPY takes its files from: an earlier stage's, or one that is named there."""
    name, build = copy.from_stage or "", one.compose.build
    stage = file.stage(name)
    if stage is None:
        return Engine(name, copy.place)
    try:
        config = image_environment(file, build_args=build.args if build else None, target=name)
    except ResolutionError:  # `build_fault` tells it
        return Engine(None, copy.place)
    return _based(one, file, stage, config.base)


@cache
def holes() -> tuple[Hole, ...]:
    """Return the vulnerabilities that a release certainly fixes."""
    return tuple(Hole(entry["id"], entry["what"], entry["fixed"], entry.get("cvss")) for entry in _facts()["entries"])


@cache
def _facts() -> dict[str, Any]:
    """Return the data file."""
    facts: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return facts


def numbers(version: str) -> tuple[int, ...]:
    """Return a release's numbers, to compare it by."""
    return tuple(int(part) for part in version.split("."))


def ollama_version_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every Ollama of the contract that Compose starts."""
    for service in services(repository):
        if service.kind == "ollama":
            yield Subject(service.key, service.place, service)


def ollama_version(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """The release of Ollama that a service runs has no known vulnerability that a later one has closed.

    A pinned 0.14.3 kept a stack reproducible, and open: one crafted model file reads the server's memory, with the keys
    in its environment and other people's prompts (CVE-2026-7482). Name a release with all fixes, in `FROM` or `image:`.
    What no release fixes is not held here: keep the server to this machine.
    """
    newscreator_conclude("ollama-version", newscreator_subject)


def judge_ollama_version(subject: Subject, repository: Repository) -> Finding | None:
    """Return the worst hole of the release that a service runs; NotVerified where the release is not known."""
    return over_invocations(subject.data, repository, _judged)


def _judged(one: Started) -> Finding | None:
    """Judge the release under one invocation."""
    found = engine(one)
    if found.version is None:
        reason = f"{found.place}: {found.reference or 'the image'} does not tell the version of its Ollama"
        raise NotVerified(reason, needs="", fix="name ollama/ollama with a version: a digest may stand behind it")
    here = sorted(
        (hole for hole in holes() if numbers(found.version) < numbers(hole.fixed)), key=lambda hole: hole.rank
    )
    if not here:
        return None
    safe = max((hole.fixed for hole in here), key=numbers)
    others = f" and {len(here) - 1} more" if len(here) > 1 else ""
    return Finding(
        f"Ollama {found.version} of {one.service.key} has {here[-1]}{others} (known by {_facts()['as_of']})",
        place=found.place,
        expected=f"{safe} or later",
        observed=found.version,
        chain=(*found.chain, *(str(hole) for hole in reversed(here[:-1]))),
        fix=f"name {safe} or a later release, and measure again: defaults change between releases",
    )


OLLAMA_VERSION = Check(
    "ollama-version", "resolved", "config", ollama_version, ollama_version_subjects, judge_ollama_version
)
