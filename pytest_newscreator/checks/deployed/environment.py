"""`environment`: what a running service was given is what the files resolve to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of, others
from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.verdicts import NotVerified, fail, fingerprint, masked, secrets

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Stack


@frozen
class Variable:
    """One variable of one service that the contract declares or Compose gives."""

    service: Service
    name: str


def environment_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each variable that Compose gives to a service, and each the contract declares of its own process."""
    for service in repository.contract.services.values():
        names = dict.fromkeys(service.settings)
        for project in repository.resolved.values():
            compose = repository.compose_service(project, service)
            names.update(dict.fromkeys(compose.environment if compose else ()))
        names.update(dict.fromkeys(service.process.environment if service.process else ()))
        for name in names if service.url is None else ():
            place = service.settings[name].place if name in service.settings else service.place
            yield Subject(f"{service.key} {name}", place, Variable(service, name))


def environment(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_selected: frozenset[str],
) -> None:
    """What a running service was given is what the files resolve to for the way it was started.

    A container keeps the environment of the day it was created: a file changed since, a shell that carried
    another value, a rollback nobody remembers. Create it again with `up -d`, or declare what is meant.
    """
    from pytest_newscreator.observe.environment import environment as running_environment

    variable: Variable = newscreator_subject.data
    service, name = variable.service, variable.name
    endpoint = endpoint_of(newscreator_stack, service, newscreator_selected)
    each = [(one.name, dict(one.environment)) for one in others(endpoint)]
    found = [(service.key, running_environment(endpoint)), *each]
    value = _resolved(newscreator_repository, newscreator_stack, service, name)
    placed = newscreator_stack.placed(service.key, name)
    expected = placed.placed if placed else (value.text if value else None)
    for who, observed in found:
        if observed is None:
            raise NotVerified(f"{service.key} is known by its URL alone", needs="", fix="")
        if observed.get(name) != expected:
            _differs(newscreator_stack, variable, value, observed.get(name), expected, who)
        if newscreator_stack.rolled_back and newscreator_stack.invocation and placed is None:
            _not_rolled_back(newscreator_repository, newscreator_stack, variable, observed.get(name))


def _resolved(repository: Repository, stack: Stack, service: Service, name: str) -> Value | None:
    """Return what the files say for the invocation that the stack runs by."""
    if service.process is not None:
        text = service.process.environment.get(name)
        return Value(name, text) if text is not None else None
    project = repository.resolved.get(stack.invocation.name) if stack.invocation else None
    given = repository.given(project, service) if project else None
    return given.environment.get(name) if given else None


def _differs(  # noqa: PLR0913, PLR0917 - two values, and all that tells of them
    stack: Stack, variable: Variable, value: Value | None, observed: str | None, expected: str | None, who: str = ""
) -> None:
    """Say what runs, what the files say, and where they say it."""
    by = f" (invocation {stack.invocation.name})" if stack.invocation else ""
    running, said = (_open(variable.name, text) for text in (observed, expected))
    fail(
        f"{who or variable.service.key} runs with {variable.name}={_shown(running)}, the files say {_shown(said)}{by}",
        place=value.origin if value else variable.service.place,
        expected=said,
        observed=running,
        chain=tuple(_open(variable.name, hop, expected) or "" for hop in chain(value.chain if value else ())),
        fix="docker compose up -d creates it again with what the files say now" if not stack.owned else "",
        # A shell may set what the contract leaves open; what it declares must run as the files say.
        severity="error" if variable.name in variable.service.settings else "note",
    )


def _open(name: str, text: str | None, value: str | None = None) -> str | None:
    """Return a text with the value of a variable, by itself or within it, hidden where its name calls it a secret."""
    return text and masked(text, secrets({name: text if value is None else value}), mark=fingerprint)


def _shown(text: str | None) -> str:
    """Return a value as a message shows it."""
    return "unset" if text is None else text or '""'


def _not_rolled_back(repository: Repository, stack: Stack, variable: Variable, observed: str | None) -> None:
    """Say that the stack agrees only with a rollback, once: at the model's switch."""
    for model in repository.contract.models.values():
        if model.switch != variable.name or observed is None or agrees(observed, model.base):
            continue
        fail(
            f"rolled back: {variable.service.key} runs with {variable.name}={observed}, as invocation"
            f" {stack.invocation.name if stack.invocation else ''} says; the contract says {model.base}",
            place=model.base_place,
            expected=model.base,
            observed=observed,
            fix=f"up -d with {variable.name}={model.base}, or verify it as it is with"
            f" --newscreator-invocation {stack.invocation.name if stack.invocation else ''}",
        )


ENVIRONMENT = Check("environment", "deployed", "infra", environment, environment_subjects)
