"""Level `source`: what Compose gives to a container is not overwritten on the way to its program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Service
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import Running, running
from pytest_newscreator.verdicts import Finding, NotVerified


@dataclass(frozen=True, slots=True)
class Overwritten:
    """What a variable ends as, whatever the container was given: `text` is `None` where only running can tell."""

    name: str
    text: str | None
    place: Place
    is_removed: bool = False
    is_exported: bool = True


def shadowed_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every variable, given by Compose or declared, that the program a service starts overwrites."""
    for service in repository.contract.services.values():
        found: dict[str, Place] = {}
        for _, container in _containers(repository, service):
            known = {*container.compose.environment, *service.settings}
            for name, last in _overwritten(container).items():
                if name in known:
                    found.setdefault(name, last.place)
        yield from (Subject(f"{service.key} {name}", place, (service, name)) for name, place in found.items())


def _containers(repository: Repository, service: Service) -> Iterator[tuple[str, Running]]:
    """Yield a service as it starts, under each invocation."""
    for invocation, project in repository.resolved.items():
        compose = repository.compose_service(project, service)
        if compose is not None:
            yield invocation, running(repository, project, compose)


def _overwritten(container: Running) -> dict[str, Overwritten]:
    """Return the last overwrite of each variable that reaches the program started in the end."""
    found = {word.name: Overwritten(word.name, word.text, word.place) for word in container.startup.words}
    for script in container.startup.scripts:
        for one in container.ran(script).overwrites if script.reaches else ():
            if not one.conditional and one.before_serve is not False:
                place = script.at(one.place)
                found[one.name] = Overwritten(one.name, one.value, place, one.removed, one.exported)
    return found


def shadowed(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """What a container is given is what its program gets: no start script puts a value of its own in the place of it.

    `export OLLAMA_NUM_PARALLEL=4` in an entrypoint wins over Compose, the .env file and the shell; `docker inspect`
    still shows the value that has no effect. Write `${X:-4}` for a default, or remove the line.
    """
    newscreator_conclude("shadowed", newscreator_subject)


def judge_shadowed(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is overwritten: an error where it changes what an invocation gives, a note where it never does."""
    service, name = subject.data
    note: Finding | None = None
    unsure: NotVerified | None = None
    for invocation, container in _containers(repository, service):
        last = _overwritten(container).get(name)
        if last is None:
            continue
        value = container.given.environment.get(name)
        if value is None or value.text is None:
            finding = _declared_otherwise(repository, service, last, invocation)
        elif last.text is None and not last.is_removed:
            unsure = unsure or NotVerified(f"{last.place}: {name} is overwritten by a computed value", needs="", fix="")
            continue
        else:
            finding = _compared(last, value.text, service, invocation, chain(value.chain))
        if finding is not None and finding.severity == "error":
            return finding
        note = note or finding
    if note is None and unsure is not None:
        raise unsure
    return note


def _compared(
    last: Overwritten, given: str, service: Service, invocation: str, hops: tuple[str, ...]
) -> Finding | None:
    """Compare what ends up effective with what an invocation gives."""
    is_same = last.text is not None and agrees(last.text, given)
    becomes = "is removed" if last.is_removed else f"becomes {last.text or 'empty'}"
    says = "it is the same today" if is_same else f"{service.key} is given {given or 'an empty text'}"
    return Finding(
        f"{last.name} {becomes} here whatever it is given: {says} (invocation {invocation})",
        place=last.place,
        expected=given,
        observed=last.text,
        chain=hops,
        fix=f"write ${{{last.name}:-{last.text or ''}}} for a default, or remove the line",
        severity="note" if is_same else "error",
    )


def _declared_otherwise(repository: Repository, service: Service, last: Overwritten, invocation: str) -> Finding | None:
    """Compare what a script alone gives with what the contract declares."""
    setting = service.settings.get(last.name)
    if setting is None or last.text is None or not last.is_exported:
        return None
    allowed = repository.contract.allowed(setting, repository.contract.invocations[invocation])
    if any(agrees(last.text, text) for text in allowed):
        return None
    wanted = " or ".join(allowed)
    return Finding(
        f"{last.name} becomes {last.text or 'empty'} here, the contract says {wanted} (invocation {invocation})",
        place=last.place,
        expected=wanted,
        observed=last.text,
        fix=f"give {last.name} in Compose, and write ${{{last.name}:-{allowed[0]}}} here",
    )


SHADOWED = Check("shadowed", "source", "config", shadowed, shadowed_subjects, judge_shadowed)
