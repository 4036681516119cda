"""Level `resolved`: what Compose makes of the files, for each way of starting the stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_newscreator.checks.facts.claims import agrees, as_read
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.lacking import Lack, gone, lack
from pytest_newscreator.contract.model import Invocation, Service, Setting
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.compose.project import DEFAULT_NAMES, Project
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.verdicts import Finding, NotVerified

UNSET = "unset"


@frozen
class Case:
    """One setting of one service under one invocation; without a setting the service, without both the invocation."""

    invocation: Invocation
    service: Service | None = None
    setting: Setting | None = None


def resolved_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield invocation x service x setting; an invocation or a service that is not there is one subject."""
    for name, invocation in repository.contract.invocations.items():
        project = repository.projects[name]
        if isinstance(project, ResolutionError):
            if _has_nothing_to_say(invocation, repository):
                continue
            yield Subject(name, invocation.place, Case(invocation))
            continue
        for service in repository.contract.services.values():
            if service.compose is None:
                continue
            if service.compose not in project.services:
                yield Subject(f"{name} {service.key}", service.place, Case(invocation, service))
                continue
            if repository.build_fault(project, service) or repository.unread_build(project, service):
                yield Subject(f"{name} {service.key} build", service.place, Case(invocation, service))
            for setting in service.settings.values():
                yield Subject(f"{name} {service.key} {setting.name}", setting.place, Case(invocation, service, setting))


def _has_nothing_to_say(invocation: Invocation, repository: Repository) -> bool:
    """Return whether neither the contract nor the repository speaks of Compose: the default invocation is nobody's."""
    declared = invocation.files or any(service.compose for service in repository.contract.services.values())
    return not declared and not any((repository.root / name).is_file() for name in DEFAULT_NAMES)


def resolved(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every declared setting has its declared value under every declared way of starting the stack.

    A right default can still be beaten: by a `.env` on the host, an override file, an `env_file`, an ENV of the
    image. The chain shows who wins and who loses; correct the winner.
    """
    newscreator_conclude("resolved", newscreator_subject)


def judge_resolved(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is wrong with a case, as far as files can tell; NotVerified where only its host can."""
    case: Case = subject.data
    _unless_only_there(case, repository)
    return _judged(case, repository)


def _unless_only_there(case: Case, repository: Repository) -> None:
    """Leave an invocation alone whose dotenv file only its host has: that is no fault of the repository."""
    missing = [file for file in case.invocation.env_files if not (repository.root / file).is_file()]
    if missing and isinstance(repository.projects[case.invocation.name], ResolutionError):
        reason = f"invocation {case.invocation.name} reads {', '.join(missing)}, which only its host has"
        raise NotVerified(reason, needs="", fix=f"run there, or copy the template to {missing[0]}")


def _judged(case: Case, repository: Repository) -> Finding | None:
    """Return what is wrong with a case, as far as files can tell."""
    project = repository.projects[case.invocation.name]
    if isinstance(project, ResolutionError):
        return Finding(
            f"invocation {case.invocation.name} does not resolve: {project.message}",
            place=project.place or case.invocation.place,
            fix=project.fix or "mend the file named",
        )
    if case.service is None:
        return None
    unread = repository.unread_build(project, case.service) if case.setting is None else None
    if unread is not None:
        raise NotVerified(unread, needs="", fix="move newscreator.yaml to a folder above both, or bring it here")
    fault = repository.build_fault(project, case.service)
    if fault is not None:
        return Finding(f"build of {case.service.key}: {fault.message}", place=fault.place, fix=fault.fix)
    given = repository.given(project, case.service)
    if given is None:
        return _absent(case, case.service, project, repository)
    return _valued(case, case.service, case.setting, given, repository) if case.setting else None


def _valued(case: Case, service: Service, setting: Setting, given: Given, repository: Repository) -> Finding | None:
    """Judge the value that a service is given for a setting."""
    value = given.environment.get(setting.name)
    allowed = repository.contract.allowed(setting, case.invocation)
    if value is None or value.text is None:
        return _ungiven(case, service, setting, value, repository)
    if any(agrees(as_read(setting.name, value.text), text) for text in allowed):
        return None
    return Finding(
        f"{service.key} is given {setting.name}={value.text}, {_says(case, allowed)}",
        place=value.origin or service.place,
        expected=" or ".join(allowed),
        observed=value.text,
        chain=chain(value.chain),
        fix="correct the place that wins, or declare this value in newscreator.yaml",
    )


def _absent(case: Case, service: Service, project: Project, repository: Repository) -> Finding:
    """Say that an invocation does not start a service: a note where another one does, since hosts differ."""
    elsewhere = [name for name, other in repository.resolved.items() if service.compose in other.services]
    why = "is behind a profile there" if service.compose in project.disabled else "is not in its files"
    taken = gone(project, service)
    place = taken.place if taken else service.place
    if taken:
        why = f"is taken away by this `{taken.tag}`"
    if elsewhere:
        others = " and ".join(elsewhere)
        message = f"invocation {case.invocation.name} does not start {service.compose}: it {why} ({others} start it)"
        return Finding(message, place=place, severity="note")
    return Finding(
        f"no invocation starts a service {service.compose}: in {case.invocation.name} it {why}",
        place=place,
        fix="correct `compose:` of the service, or the files and profiles of the invocations",
    )


def _says(case: Case, allowed: Sequence[str]) -> str:
    """Return the end of every message: what the contract says, and for which invocation."""
    return f"the contract says {' or '.join(allowed)} (invocation {case.invocation.name})"


def _ungiven(
    case: Case, service: Service, setting: Setting, value: Value | None, repository: Repository
) -> Finding | None:
    """Judge a setting that neither Compose nor the image gives: the service's own defaults are what holds."""
    allowed = repository.contract.allowed(setting, case.invocation)
    wanted, says = " or ".join(allowed), _says(case, allowed)
    hops = chain(value.chain if value else ())
    missing = _lack(case, service, setting, repository)
    sites = list(repository.source_defaults(service, setting.name))
    for site in sites:
        if site.value is not None and not any(agrees(site.value, text) for text in allowed):
            message = f"nothing gives {setting.name} to {service.key}, its own default is {site.value}, {says}"
            if any(agrees(site.value, text) for text in repository.contract.allowed(setting)):
                # The default is right, and cannot be what this invocation wants: it has to be given.
                place, fix = missing.place, missing.fix
                return Finding(message + missing.since, place, wanted, site.value, hops, fix, lacks=setting.name)
            return Finding(message, site.place, wanted, site.value, hops, "give it in Compose, or correct the default")
    if sites:
        return None
    if value is not None:
        where = value.chain[0].place if value.chain else service.place
        message = f"{setting.name} of {service.key} ends up unset, {says}"
        return Finding(message, where, wanted, UNSET, hops, "give it a value", lacks=setting.name)
    if setting.name in _read_or_known(service, repository):
        message = f"nothing gives {setting.name} to {service.key}, {says}{missing.since}"
        return Finding(message, missing.place, wanted, UNSET, (), missing.fix, lacks=setting.name)
    return None


def _read_or_known(service: Service, repository: Repository) -> frozenset[str]:
    """Return the names a service is held to: those its sources read, and Ollama's own for an Ollama."""
    names = repository.reading(service)
    own = {name for name in service.settings if service.kind == "ollama" and name.startswith("OLLAMA_")}
    return names | own


def _lack(case: Case, service: Service, setting: Setting, repository: Repository) -> Lack:
    """Return where the setting of a case is missing."""
    compose = repository.compose_service(repository.resolved[case.invocation.name], service)
    return lack(compose, setting.name) if compose else Lack(service.place)


def chain(hops: Sequence[Hop]) -> tuple[str, ...]:
    """Render a chain of provenance, one place a line."""
    return tuple(
        f"{hop.place or hop.kind}: {hop.kind} {hop.name}"
        + ("" if hop.value is None else f"={hop.value}")
        + (" won" if hop.won else " lost")
        + (f" ({hop.why})" if hop.why else "")
        for hop in hops
    )


RESOLVED = Check("resolved", "resolved", "config", resolved, resolved_subjects, judge_resolved)
