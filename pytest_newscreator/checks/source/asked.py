"""What the containers around an Ollama server ask it for: every name is made by somebody, or declared."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import Creation, Running, running, word_place
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Finding, NotVerified

_MAKING = ("create", "cp", "pull")
_MAKES = re.compile(r"\b(?:create|pull|cp\W+[\w.:/-]+)\W[^;&|]*\Z")
_ASKS_TO_MAKE = re.compile(r"/api/(?:create|pull|copy)\b|\b(?:ollama\w*|client)\.(?:create|pull|copy)\(")


@frozen
class AskedName:
    """A name that the containers of a server ask for, and that the contract does not declare."""

    service: Service
    name: str


def containers(repository: Repository, project: Project, own: ComposeService) -> list[Running]:
    """Return every service of a project as it starts, a given one first."""
    others = (service for service in project.services.values() if service is not own)
    return [running(repository, project, service) for service in (own, *others)]


def asked(repository: Repository, around: Sequence[Running]) -> Iterator[tuple[str, Place]]:
    """Yield the names that a server's own container, and those that call it by `ollama`, ask for."""
    own = around[0]
    for by in around:
        if by is own or _calls(by, own):
            for script, name, place in by.asked():
                yield name, word_place(repository, script, name, place)


def _calls(by: Running, own: Running) -> bool:
    """Return whether the `ollama` of a container asks the server of another one."""
    host = by.environment.get("OLLAMA_HOST", "")
    return re.search(rf"(?<![\w.-]){re.escape(own.compose.name)}(?![\w.-])", host) is not None


def asked_names(repository: Repository, service: Service) -> dict[str, Place]:
    """Return the names asked of a server that are no model of the contract, each with its first place."""
    known = [name for model in repository.contract.models.values() for name in (*model.names, model.rollback or "")]
    found: dict[str, Place] = {}
    for project in repository.resolved.values():
        own = repository.compose_service(project, service)
        for name, place in asked(repository, containers(repository, project, own)) if own is not None else ():
            if not any(names.same(name, one) for one in known if one):
                found.setdefault(name, place)
    return found


def judge_asked(subject: AskedName, repository: Repository) -> Finding | None:
    """Return where a name is asked for that nothing makes, under the first invocation that has one."""
    unsure: NotVerified | None = None
    for invocation, project in repository.resolved.items():
        own = repository.compose_service(project, subject.service)
        around = containers(repository, project, own) if own is not None else []
        place = next((at for name, at in asked(repository, around) if name == subject.name), None) if around else None
        if place is None:
            continue
        made = [Creation(by, *found) for by in around for verb in _MAKING for found in by.calls(verb)]
        if any(one.makes(subject.name) for one in made) or _in_image(repository, around[0], subject.name):
            continue
        doubt = _doubt(repository, around[0], made, subject.name)
        if doubt:
            unsure = unsure or NotVerified(f"who makes {subject.name} is not known: {doubt}", needs="", fix="")
            continue
        return _finding(repository, subject.name, place, made, invocation)
    if unsure is not None:
        raise unsure
    return None


def _in_image(repository: Repository, own: Running, name: str) -> bool:
    """Return whether the image of a server is built with a model in it."""
    dockerfile = own.files.dockerfile
    return dockerfile is not None and any(place.path == dockerfile.lines.path for place in _making(repository, name))


def _making(repository: Repository, name: str) -> Iterator[Place]:
    """Yield where a call of `ollama` in the repository makes a model of a name, whoever runs it."""
    for site in repository.sites:
        if site.kind == "ollama-argument" and site.value is not None and names.same(site.value, name):
            before = repository.line(site.place)[: max(site.place.column - 1, 0)]
            if _MAKES.search(before):
                yield site.place


def _doubt(repository: Repository, own: Running, made: Sequence[Creation], name: str) -> str:
    """Return what may make a model and is not read here, "" for nothing."""
    computed = next((one for one in made if one.name is None), None)
    if computed is not None:
        return f"{computed.script.at(computed.call.place)} computes the name when it runs"
    elsewhere = next(_making(repository, name), None)
    if elsewhere is not None:
        return f"{elsewhere} makes it, and no container starts that"
    asking = next((source for source in repository.sources if _ASKS_TO_MAKE.search(source.text)), None)
    if asking is not None:
        return f"{asking.path} asks Ollama to make models"
    return own.startup.unknown


def _finding(repository: Repository, name: str, place: Place, made: Sequence[Creation], invocation: str) -> Finding:
    """Say that nothing makes a name, and which one may be meant."""
    models = repository.contract.models.values()
    there = list(dict.fromkeys([*(n for model in models for n in model.names), *(one.name or "" for one in made)]))
    meant = difflib.get_close_matches(name, there, n=1)
    return Finding(
        f"{name} is asked for and nothing makes it (invocation {invocation})",
        place=place,
        expected=meant[0] if meant else " or ".join(there),
        observed=name,
        fix=f"ask for {meant[0]}, or create {name}" if meant else f"create {name}, or ask for a model that is there",
    )
