"""`rollback`: the way back is gone, in a stack of our own: performed, verified by digest, and undone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served.alone import hold_alone
from pytest_newscreator.checks.served.names import server, short
from pytest_newscreator.contract.model import Invocation, Model, Service
from pytest_newscreator.errors import StackError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Broken, Finding, NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Ollama
    from pytest_newscreator.stack.model import Stack


class Switching(Protocol):
    """Something that can start a stack again under another invocation."""

    def to(self, then: Invocation | None) -> Stack:
        """Switch and wait; raises `StackError` where the stack does not come up."""


@frozen
class Made:
    """What one name is made of: its parent and the blob of its weights."""

    parent: str
    weights: str | None


State = Mapping[str, Made]


def rollback_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every model that an Ollama of the contract serves and that has a base to go back to."""
    for model in repository.contract.models.values():
        service = repository.contract.services.get(model.service or "")
        if model.rollback and service is not None and service.kind == "ollama":
            yield Subject(model.key, model.base_place, (model, service))


def rollback(  # noqa: PLR0913, PLR0917 - each knob is a fixture
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_base_files: Mapping[str, Path],
    newscreator_pass_environment: Mapping[str, str],
    newscreator_selected: frozenset[str],
    record_property: Callable[[str, object], None],
) -> None:
    """The rollback works: performed, every variant made of the rollback base by digest, then undone; both are timed.

    A switch that nobody has thrown since the migration switches nothing: a start script keeps the variants that are
    there, a variable is not passed on, both names mean one digest, the old base can no longer be pulled. It is found
    on the day it is needed. Only a stack that was started here is switched. Make each variant again at every start,
    of the base that the switch names.
    """
    from pytest_newscreator.stack.again import Switch
    from pytest_newscreator.stack.model import Request

    model, service = newscreator_subject.data
    with hold_alone(newscreator_stack):
        request = Request(
            newscreator_repository,
            newscreator_stack.invocation,
            newscreator_stack.own_run,
            passed=newscreator_pass_environment,
            base_files=newscreator_base_files,
        )
        ollama = server(newscreator_stack, service, newscreator_selected)
        then = target(newscreator_repository, newscreator_stack, model, service)
        before = state(ollama, model)
        _hold_sound(before, model, newscreator_selected)
        switch = Switch.of(newscreator_stack, request)
        there, back = _there_and_back(switch, then, newscreator_stack.invocation, ollama, newscreator_subject)
        after = state(ollama, model)
        changed = ", ".join(name for name in model.names if before.get(name) != after.get(name))
        if changed:
            fail(
                f"the way back from {model.rollback} leaves {changed} other than before",
                place=newscreator_subject.place,
            )
        record_property("newscreator.detail", f"rolled back in {there:.1f} s, forward again in {back:.1f} s")


def _there_and_back(
    switch: Switching, then: Invocation, now: Invocation | None, ollama: Ollama, subject: Subject
) -> tuple[float, float]:
    """Switch, judge, and switch back whatever happens; return how long each took, in seconds."""
    model: Model = subject.data[0]
    begun = time.monotonic()
    try:
        try:
            switch.to(then)
        except StackError as error:
            message = f"the stack does not come up on {model.rollback}: {error.message.splitlines()[0]}"
            chain = tuple(error.message.splitlines()[1:])
            fail(message, place=subject.place, expected=model.rollback, chain=chain, fix=error.fix)
        there = time.monotonic() - begun
        finding = judge(state(ollama, model), model, then)
        if finding is not None:
            raise Broken(replace(finding, place=subject.place))
    finally:
        begun = time.monotonic()
        switch.to(now)
    return there, time.monotonic() - begun


def target(repository: Repository, stack: Stack, model: Model, service: Service) -> Invocation:
    """Return the invocation that rolls back; where none is declared, that of the stack with the switch thrown."""
    from pytest_newscreator.places import Place

    now = stack.invocation
    if now is not None and now.base:
        reason = f"the stack runs by invocation {now.name}, which has another base already"
        raise NotVerified(reason, needs="", fix="run it by an invocation without `base:`")
    for invocation in repository.contract.invocations.values():
        files = now is None or (invocation.files, invocation.profiles) == (now.files, now.profiles)
        if files and names.same(invocation.base.get(model.key, ""), model.rollback or ""):
            return invocation
    if not model.switch:
        reason = f"{model.key} has a rollback, and no switch or invocation that brings it back"
        raise NotVerified(reason, needs="", fix=f"declare models.{model.key}.switch")
    thrown = {model.switch: model.rollback or ""}
    start = now or Invocation("switched", Place(service.place.path))
    return replace(start, environment={**start.environment, **thrown}, base={model.key: model.rollback or ""})


def state(ollama: Ollama, model: Model) -> State:
    """Return what the base, the rollback base and every variant are made of; what the server has not is left out."""
    asked = (*model.names, *([model.rollback] if model.rollback else []))
    shown = {name: ollama.show(name) for name in asked}
    return {name: Made(one.parent, one.weights) for name, one in shown.items() if one is not None}


def _hold_sound(before: State, model: Model, selected: frozenset[str]) -> None:
    """Leave it to `models` where the stack is not sound to begin with."""
    missing = [name for name in (model.base, *model.variants) if name not in before]
    other = [n for n in model.variants if n in before and before[n].weights != before[model.base].weights]
    items = {f"models[{name if name in model.variants else f'{model.key} base'}]" for name in (*missing, *other)}
    if items & selected:
        raise NotVerified(f"not judged at this level: {min(items & selected)} failed", needs="", fix="")
    if missing:
        fail(f"{', '.join(missing)} is not there before the rollback", place=model.base_place, fix="make it again")


def judge(state: State, model: Model, then: Invocation) -> Finding | None:
    """Return what is wrong with a stack that was rolled back."""
    old = model.rollback or ""
    base, there = state.get(model.base), state.get(old)
    by = ", ".join(f"{name}={text}" for name, text in then.environment.items()) or f"invocation {then.name}"
    if there is None:
        return Finding(f"{by} does not bring {old}: the server does not have it", expected=old, fix="see its log")
    if base is not None and base.weights is not None and base.weights == there.weights:
        return Finding(
            f"{old} and {model.base} are one digest (sha256 {short(there.weights)}): the switch switches nothing",
            expected=f"other weights than {model.base}",
            observed=there.weights,
            fix=f"pull {old} again, or correct the name of the rollback base",
        )
    for name in model.variants:
        made = state.get(name)
        if made is None or not _is_of(made, there, old):
            is_of = f"is made of {made.parent} (sha256 {short(made.weights)})" if made else "is gone"
            return Finding(
                f"{by} leaves {name} as it was: it {is_of}, should be made of {old} (sha256 {short(there.weights)})",
                expected=there.weights,
                observed=made.weights if made else None,
                fix="make every variant again at each start, of the base that the switch names",
            )
    return None


def _is_of(made: Made, base: Made, name: str) -> bool:
    """Return whether a variant is made of a base: by digest, and by name where the server tells no blob."""
    return made.weights == base.weights if base.weights is not None else names.same(made.parent, name)


ROLLBACK = Check("rollback", "served", "infra", rollback, rollback_subjects)
