"""Where a setting gets its value: every place in the files, then who wins under each way of starting the stack."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pytest_newscreator.checks.facts.claims import Claim, aliases_of, claim_of
from pytest_newscreator.checks.resolved.values import chain, resolved_subjects
from pytest_newscreator.contract.model import Invocation, Service
from pytest_newscreator.errors import NewscreatorError, ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.report.decided import Decided, Word, decided, word_of
from pytest_newscreator.resolve.compose.project import ComposeService
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.sites import Site


@frozen
class Declared:
    """What the contract says of a setting, and for whom: a service's key, or the model whose switch it is.

    `name` is another one's where the contract does not declare the setting itself, but what it is handed on as.
    """

    owner: str
    allowed: tuple[str, ...]
    place: Place
    name: str


@frozen
class Said:
    """One place of the files that gives a value; `value` None is computed when it runs."""

    place: Place
    kind: str
    name: str
    value: str | None
    word: Word
    scope: str = ""


@frozen
class Won:
    """What a service ends up with; `text` None is unset, `own` tells its own default.

    `invocation` is None where the contract itself starts the service as a process.
    """

    invocation: str | None
    service: str
    text: str | None
    word: Word
    place: Place | None
    chain: tuple[str, ...]
    own: bool = False


@frozen
class Trace:
    """Everything about one setting: what is declared, what the files say, who wins, which other values it decides."""

    name: str
    declared: tuple[Declared, ...]
    said: tuple[Said, ...]
    won: tuple[Won, ...]
    decided: tuple[Decided, ...] = ()


@frozen
class Unresolved:
    """An invocation that Compose would refuse, and why: nothing is known of who wins under it."""

    invocation: str
    place: Place | None
    message: str

    def __str__(self) -> str:
        """Render as `invocation: place: message`."""
        return (
            f"{self.invocation}: {self.place}: {self.message}" if self.place else f"{self.invocation}: {self.message}"
        )


def trace(repository: Repository, name: str) -> Trace:
    """Follow one setting through the files and every invocation.

    Raises NewscreatorError where no file, no service and no contract knows the name, and where it is none.
    """
    bare = name.partition("=")[0].strip()
    if bare != name or not name:
        fix = f"newscreator trace {bare or 'OLLAMA_BASE_MODEL'}"
        raise NewscreatorError(f"{name!r} is no name of a setting: a name stands alone, without a value", fix=fix)
    found = Trace(
        name,
        tuple(_declared(repository, name)),
        tuple(_said(repository, name)),
        tuple(_won(repository, name)),
        tuple(decided(repository, name)),
    )
    if not (found.declared or found.said or found.won or found.decided):
        raise _unknown(repository, name)
    return found


def table(repository: Repository) -> tuple[Trace, ...]:
    """Return the trace of every setting of the stack."""
    return tuple(trace(repository, name) for name in names(repository))


def names(repository: Repository) -> tuple[str, ...]:
    """Return every setting of the stack: what the contract declares, then what it and Compose give to its services."""
    found = dict.fromkeys(repository.declared)
    for service in repository.contract.services.values():
        found.update(dict.fromkeys(service.process.environment if service.process else ()))
    for project in repository.resolved.values():
        for service in repository.contract.services.values():
            compose = repository.compose_service(project, service)
            found.update(dict.fromkeys(sorted(compose.environment) if compose else ()))
    return tuple(found)


def unresolved(repository: Repository) -> tuple[Unresolved, ...]:
    """Return the invocations that Compose would refuse; of a stack that does not speak of Compose there are none."""
    cases = [subject.data for subject in resolved_subjects(repository)]
    found = {case.invocation.name: repository.projects[case.invocation.name] for case in cases}
    return tuple(
        Unresolved(name, project.place, project.message)
        for name, project in found.items()
        if isinstance(project, ResolutionError)
    )


def _unknown(repository: Repository, name: str) -> NewscreatorError:
    """Return the error of a name that nothing knows: the one that was meant, or where it may stand all the same."""
    known = (*names(repository), *(site.setting for site in repository.sites if site.setting))
    folded = {one.casefold(): one for one in reversed(known)}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f", did you mean {folded[near[0]]}?" if near else ""
    unread = "".join(f"\n  not resolved, so it may stand there: {one}" for one in unresolved(repository))
    message = f"nothing in this repository speaks of {name}{hint}{'' if near else unread}"
    return NewscreatorError(message, fix="`--all` lists every setting")


def _declared(repository: Repository, name: str) -> Iterator[Declared]:
    """Yield what the contract says of a name, or of the settings that it is handed on as."""
    meant = (name,) if name in repository.declared else sorted(aliases_of(repository).get(name, ()))
    for one in meant:
        for service, setting in repository.declared.get(one, ()):
            owner = service.key if service else _switched(repository, one)
            yield Declared(owner, repository.contract.allowed(setting), setting.place, one)


def _switched(repository: Repository, name: str) -> str:
    """Return the model whose switch a variable is."""
    return next(model.key for model in repository.contract.models.values() if model.switch == name)


def _said(repository: Repository, name: str) -> Iterator[Said]:
    """Yield each place that gives a value to the name, or to a name that is handed on as it."""
    aliases = aliases_of(repository)
    known_as = {name} | {alias for alias, ends in aliases.items() if name in ends}
    for site in repository.sites:
        if site.setting in known_as or site.into == name:
            claim = claim_of(repository, site, aliases)
            if not site.handed_on:
                yield Said(site.place, site.kind, site.setting or name, site.value, _word_of(site, claim), site.scope)


def _word_of(site: Site, claim: Claim | None) -> Word:
    """Return what the contract says of a site."""
    if site.value is None:
        return "computed"
    if claim is None:
        return ""
    return "right" if claim.holds else "wrong"


def _won(repository: Repository, name: str) -> Iterator[Won]:
    """Yield what each service ends up with, the contract's first, under each invocation; then its own processes."""
    keys = {service.compose: service for service in repository.contract.services.values() if service.compose}
    for invocation, project in repository.resolved.items():
        for compose in sorted(project.services.values(), key=lambda one: one.name not in keys):
            service = keys.get(compose.name)
            won = _of_service(repository, name, repository.contract.invocations[invocation], compose, service)
            if won is not None:
                yield won
    for service in repository.contract.services.values():
        text = service.process.environment.get(name) if service.process else None
        if text is not None:
            word = word_of(repository, service.settings.get(name), None, text)
            hop = f"{service.place}: process.environment {name}={text} won"
            yield Won(None, service.key, text, word, service.place, (hop,))


def _of_service(
    repository: Repository,
    name: str,
    invocation: Invocation,
    compose: ComposeService,
    service: Service | None,
) -> Won | None:
    """Return what one service ends up with, or None where the name is nothing to it."""
    setting = service.settings.get(name) if service else None
    who = service.key if service else f"({compose.name})"
    here = repository.container(compose)
    value = here.environment.get(name)
    if value is not None:
        word = word_of(repository, setting, invocation, value.text)
        return Won(invocation.name, who, value.text, word, value.origin, chain(value.chain))
    sites = list(repository.source_defaults(service, name)) if service else []
    if sites:
        site = sites[0]
        word = word_of(repository, setting, invocation, site.value) if site.value is not None else "computed"
        hops = tuple(f"{one.place}: {one.kind} {name}={one.value}" for one in sites)
        return Won(invocation.name, who, site.value, word, site.place, hops, own=True)
    if setting is not None:
        return Won(invocation.name, who, None, "", setting.place, ())
    return None
