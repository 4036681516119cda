"""Level `resolved`: what Compose makes of the files, for each way of starting the stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_newscreator.checks import source
from pytest_newscreator.checks.claims import agrees
from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.model import Invocation, Service, Setting
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.verdicts import NotVerified, fail


@dataclass(frozen=True, slots=True)
class Case:
    """One setting of one service under one invocation; `setting` None is the invocation itself."""

    invocation: Invocation
    service: Service | None = None
    setting: Setting | None = None


def resolved_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield invocation x service x setting; an invocation that cannot be resolved is one subject."""
    for name, invocation in repository.contract.invocations.items():
        project = repository.projects[name]
        if isinstance(project, ResolutionError):
            yield Subject(name, invocation.place, Case(invocation))
            continue
        for service in repository.contract.services.values():
            if service.compose is None:
                continue
            for setting in service.settings.values():
                yield Subject(f"{name} {service.key} {setting.name}", setting.place, Case(invocation, service, setting))


def resolved(newscreator_subject: Subject, newscreator_repository: Repository, newscreator_selected: frozenset[str]) -> None:
    """Every declared setting has its declared value under every declared way of starting the stack.

    A right default can still be beaten: by a `.env` on the host, an override file, an `env_file`, an ENV of the
    image. The chain shows who wins and who loses; correct the winner.
    """
    case: Case = newscreator_subject.data
    project = newscreator_repository.projects[case.invocation.name]
    if isinstance(project, ResolutionError):
        _refused(case, project, newscreator_repository)
        return
    if case.service is None or case.setting is None:
        return
    given = newscreator_repository.given(project, case.service)
    if given is None:
        fail(
            f"invocation {case.invocation.name} starts no service {case.service.compose}",
            place=case.service.place,
            fix="correct `compose:` of the service, or the files of the invocation",
        )
    allowed = newscreator_repository.contract.allowed(case.setting, case.invocation)
    value = given.environment.get(case.setting.name)
    if value is None or value.text is None:
        _ungiven(case, value, allowed, newscreator_repository, newscreator_selected)
        return
    if any(agrees(value.text, text) for text in allowed):
        return
    source.unless_told([value.origin], newscreator_repository, newscreator_selected)
    fail(
        f"{case.service.key} is given {case.setting.name}={value.text}, the contract says {' or '.join(allowed)}"
        f" (invocation {case.invocation.name})",
        place=value.origin or case.service.place,
        expected=" or ".join(allowed),
        observed=value.text,
        chain=chain(value.chain),
        fix="correct the place that wins, or declare this value in newscreator.yaml",
    )


def _refused(case: Case, error: ResolutionError, repository: Repository) -> None:
    """Say why an invocation does not resolve: a file that only its host has is no fault of the repository."""
    missing = [file for file in case.invocation.env_files if not (repository.root / file).is_file()]
    if missing:
        reason = f"invocation {case.invocation.name} reads {', '.join(missing)}, which only its host has"
        raise NotVerified(reason, needs="stack", fix=f"run there, or copy the template to {missing[0]}")
    fail(
        f"invocation {case.invocation.name} does not resolve: {error.message}",
        place=error.place or case.invocation.place,
        fix=error.fix or "mend the file named",
    )


def _ungiven(
    case: Case, value: Value | None, allowed: Sequence[str], repository: Repository, selected: frozenset[str]
) -> None:
    """Judge a setting that neither Compose nor the image gives: the service's own defaults are what holds."""
    if case.service is None or case.setting is None:
        return
    sites = list(repository.source_defaults(case.service, case.setting.name))
    for site in sites:
        if site.value is None or any(agrees(site.value, text) for text in allowed):
            continue
        source.unless_told([site.place], repository, selected)
        fail(
            f"nothing gives {case.setting.name} to {case.service.key}, its own default is {site.value},"
            f" the contract says {' or '.join(allowed)} (invocation {case.invocation.name})",
            place=site.place,
            expected=" or ".join(allowed),
            observed=site.value,
            chain=chain(value.chain if value else ()),
            fix="give it in Compose, or correct the default",
        )
    if not sites and value is not None:
        fail(
            f"{case.setting.name} of {case.service.key} ends up unset, the contract says {' or '.join(allowed)}"
            f" (invocation {case.invocation.name})",
            place=value.chain[0].place if value.chain else case.service.place,
            expected=" or ".join(allowed),
            observed="unset",
            chain=chain(value.chain),
            fix="give it a value",
        )
    if not sites and value is None and case.setting.name in _read_or_known(case.service, repository):
        fail(
            f"nothing gives {case.setting.name} to {case.service.key}, the contract says {' or '.join(allowed)}"
            f" (invocation {case.invocation.name})",
            place=_service_place(case, repository),
            expected=" or ".join(allowed),
            observed="unset",
            fix="set it under `environment:` there",
        )


def _read_or_known(service: Service, repository: Repository) -> frozenset[str]:
    """Return the names a service is held to: those its sources read, and Ollama's own for an Ollama."""
    names = repository.reading(service)
    own = {name for name in service.settings if service.kind == "ollama" and name.startswith("OLLAMA_")}
    return names | own


def _service_place(case: Case, repository: Repository) -> Place | None:
    """Return where Compose declares the service."""
    project = repository.resolved[case.invocation.name]
    service = case.service and repository.compose_service(project, case.service)
    return service.place if service else None


def chain(hops: Sequence[Hop]) -> tuple[str, ...]:
    """Render a chain of provenance, one place a line."""
    return tuple(
        f"{hop.place or hop.kind}: {hop.kind} {hop.name}"
        + ("" if hop.value is None else f"={hop.value}")
        + (" won" if hop.won else " lost")
        + (f" ({hop.why})" if hop.why else "")
        for hop in hops
    )
