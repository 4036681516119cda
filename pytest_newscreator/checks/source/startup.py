"""Level `source`: what Compose gives to a container is not overwritten on the way to its program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import Running, running
from pytest_newscreator.resolve.start.startup import Script
from pytest_newscreator.sources.shell.overwrites import Overwrite
from pytest_newscreator.sources.sites import Site
from pytest_newscreator.verdicts import Finding, NotVerified


@frozen
class Overwritten:
    """What a variable ends as, whatever the container was given: `text` is `None` where only running can tell.

    `fix` is what to do about it.
    """

    name: str
    text: str | None
    place: Place
    is_removed: bool = False
    is_exported: bool = True
    fix: str = ""


def shadowed_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every variable, given by Compose or declared, that the program a service starts overwrites."""
    for service in repository.contract.services.values():
        found: dict[str, Place] = {}
        given: set[str] = set()
        for _, container in _containers(repository, service):
            known = {*container.compose.environment, *service.settings}
            given |= set(container.compose.environment)
            for name, last in _overwritten(repository, container).items():
                if name in known:
                    found.setdefault(name, last.place)
        yield from (Subject(f"{service.key} {name}", place, (service, name)) for name, place in found.items())
        for site in _by_code(repository, service):
            if site.setting in given:
                yield Subject(f"{service.key} {site.setting}", site.place, (service, site))


def _by_code(repository: Repository, service: Service) -> Iterator[Site]:
    """Yield where the code of a service overwrites a variable whenever it is loaded, with a value that is known."""
    for site in repository.sites:
        is_sure = site.overwrites == "always" and site.setting and site.value is not None
        if is_sure and repository.is_shipped(service, site.place.path):
            yield site


def _containers(repository: Repository, service: Service) -> Iterator[tuple[str, Running]]:
    """Yield a service as it starts, under each invocation."""
    for invocation, project in repository.resolved.items():
        compose = repository.compose_service(project, service)
        if compose is not None:
            yield invocation, running(repository, project, compose)


def _overwritten(repository: Repository, container: Running) -> dict[str, Overwritten]:
    """Return the last overwrite of each variable that reaches the program started in the end."""
    fix = "take it off the command line: the environment gives it"
    found = {word.name: Overwritten(word.name, word.text, word.place, fix=fix) for word in container.startup.words}
    for script in container.startup.scripts:
        for one in container.ran(script).overwrites if script.reaches else ():
            if not one.conditional and one.before_serve is not False:
                place = _written(repository, script, one)
                fix = _fix(repository, script, one)
                found[one.name] = Overwritten(one.name, one.value, place, one.removed, one.exported, fix)
    return found


def _fix(repository: Repository, script: Script, one: Overwrite) -> str:
    """Return what to do about an overwrite in a script: Compose would put its own variable into a text of its file."""
    if one.removed:
        return f"remove the line, or give {one.name} nowhere"
    dollar = "$$" if script.place.path in repository.compose_files else "$"
    return f"write {dollar}{{{one.name}:-{one.value or ''}}} for a default, or remove the line"


def _written(repository: Repository, script: Script, one: Overwrite) -> Place:
    """Return where an overwrite is written: of a text in a command, the value inside of it, as its file tells."""
    begin = script.inline
    if begin is None or one.place.path != script.source.path:
        return one.place
    lines = script.source.text.split("\n")
    before = lines[one.place.line - 1][: one.place.column - 1]
    # A block begins below its `|`, anything else where it stands.
    for line in (begin.line + one.place.line - 1, begin.line + one.place.line):
        text = repository.line(Place(begin.path, line))
        found = text.find(before, begin.column - 1 if line == begin.line else 0)
        if before.strip() and found >= 0:
            return Place(begin.path, line, found + len(before) + 1)
    read = repository.reads.get(begin.path)
    sites = [site for site in (read.sites if read else ()) if site.setting == one.name and site.place >= begin]
    return min((site.place for site in sites if site.value == one.value), default=begin)


def shadowed(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """What a container is given is what its program gets: no start script puts a value of its own in the place of it.

    `export OLLAMA_NUM_PARALLEL=4` in an entrypoint wins over Compose, the .env file and the shell; `docker inspect`
    still shows the value that has no effect. Write `${X:-4}` for a default, or remove the line.
    """
    newscreator_conclude("shadowed", newscreator_subject)


def judge_shadowed(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is overwritten: an error where it changes what an invocation gives, a note where it never does."""
    service, name = subject.data
    if isinstance(name, Site):
        return _by_code_finding(repository, service, name)
    note: Finding | None = None
    unsure: NotVerified | None = None
    for invocation, container in _containers(repository, service):
        last = _overwritten(repository, container).get(name)
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


def _by_code_finding(repository: Repository, service: Service, site: Site) -> Finding | None:
    """Return what the code of a service overwrites: what the contract does not declare is never an error."""
    name = site.setting or ""
    last = Overwritten(name, site.value, site.place, fix="set it only where nothing is given, or remove the line")
    found: list[Finding] = []
    for invocation, container in _containers(repository, service):
        value = container.given.environment.get(name)
        if value is not None and value.text is not None and name in container.compose.environment:
            found.append(_compared(last, value.text, service, invocation, chain(value.chain)))
    worst = min(found, key=lambda finding: finding.severity != "error", default=None)
    if worst is None:
        return None
    severity = worst.severity if name in service.settings else "note"
    return replace(worst, severity=severity)


def _compared(last: Overwritten, given: str, service: Service, invocation: str, hops: tuple[str, ...]) -> Finding:
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
        fix=last.fix,
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
