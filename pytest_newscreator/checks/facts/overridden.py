"""Whether a wrong default harms nothing: every declared invocation that reads it provably gives a right value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_newscreator.checks.facts.claims import Claim, agrees
from pytest_newscreator.contract.model import Invocation, Setting
from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.resolve.compose.project import Project
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.sources.sites import Site

PROVABLE = ("compose-value", "compose-default", "dotenv")
"""The kinds of sites that Compose reads, so that what becomes of them can be computed."""


def winners(repository: Repository, claim: Claim) -> tuple[str, ...] | None:
    """Return the places that win over a wrong default in every invocation that reads it, or None without that proof.

    There is no proof in a build context, where the image carries the default anywhere; none for a template,
    which someone copies; and none as long as one invocation cannot be resolved.
    """
    site = claim.site
    if site.kind not in PROVABLE or not claim.allowed or repository.services_of(site.place.path):
        return None
    found: list[str] = []
    for name, invocation in repository.contract.invocations.items():
        project = repository.projects[name]
        if isinstance(project, ResolutionError):
            return None
        if site.place.path not in project.files:
            continue
        values = list(_values(repository, project, invocation, site))
        if not values or not all(right for _, right in values):
            return None
        found += [f"{value.origin}: wins in invocation {name}" for value, _ in values if value.origin]
    return tuple(dict.fromkeys(found)) or None


def _values(
    repository: Repository, project: Project, invocation: Invocation, site: Site
) -> Iterator[tuple[Value, bool]]:
    """Yield each value that the site is offered to and has lost, and whether it is right; one it wins is not."""
    for value, setting in _settings(repository, project):
        offers = [hop for hop in value.chain if _is_of(hop, site)]
        if offers:
            allowed = repository.contract.allowed(setting, invocation)
            yield value, not any(hop.won for hop in offers) and _is_right(value, allowed)


def _is_of(hop: Hop, site: Site) -> bool:
    """Return whether a hop is this site, or the Compose entry around it."""
    if hop.place is None or hop.place.path != site.place.path or hop.place.line != site.place.line:
        return False
    around = (
        hop.kind == "environment" and not hop.won and hop.name == site.into and hop.place.column < site.place.column
    )
    return around or hop.place == site.place


def _is_right(value: Value, allowed: Iterable[str]) -> bool:
    """Return whether a value is one of those declared."""
    return value.text is not None and any(agrees(value.text, text) for text in allowed)


def is_as_if_unset(repository: Repository, claim: Claim) -> bool:
    """Return whether an empty line of a dotenv file is no value: Compose takes its default for it, and that is right.

    `${X:-d}` takes `d` for an empty X, `${X-d}` the empty text; so the line is tried, in every invocation.
    """
    site = claim.site
    name = site.setting
    if site.kind != "dotenv" or site.value or name is None:
        return False
    tried = [
        (invocation, repository.tried(invocation, {name: ""}))
        for invocation in repository.contract.invocations.values()
        if name not in invocation.environment and not isinstance(repository.projects[invocation.name], ResolutionError)
    ]
    values = [
        (value, repository.contract.allowed(setting, invocation))
        for invocation, project in tried
        for value, setting in (_settings(repository, project) if isinstance(project, Project) else ())
        if any(hop.name == name and hop.kind in ("shell", "default") for hop in value.chain)
    ]
    resolves = all(isinstance(project, Project) for _, project in tried)
    return resolves and bool(values) and all(_is_right(value, allowed) for value, allowed in values)


def _settings(repository: Repository, project: Project) -> Iterator[tuple[Value, Setting]]:
    """Yield the value of every declared setting that a project gives."""
    for service in repository.contract.services.values():
        given = repository.given(project, service)
        for setting in service.settings.values() if given else ():
            value = given.environment.get(setting.name) if given else None
            if value is not None:
                yield value, setting
