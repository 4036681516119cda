"""`health-is-true`: where the models are gone, health says so, and says so again when they are back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from pytest_newscreator.checks.deployed.services import endpoint_of, step_back
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served.alone import hold_alone
from pytest_newscreator.checks.served.names import server
from pytest_newscreator.contract.model import Contract, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Ollama
    from pytest_newscreator.stack.model import Endpoint, Stack

HELD: Final = "newscreator-held"
POLL_S: Final = 0.1
MARGIN_S: Final = 3.0
OF_ITS_OWN_S: Final = 2.0
"""How long a probe that we run ourselves is repeated: what answers from a cache has that long."""
SECOND: Final = 1e9


@frozen
class Told:
    """How health followed: seconds until it turned bad and until it was good again, None where it did not in time."""

    within_s: float
    bad_s: float | None = None
    good_s: float | None = None
    said: str = ""


_TOLD: dict[tuple[str, ...], Mapping[str, Told]] = {}
"""What was seen, by the services as they ran: several items ask for one experiment."""


def health_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every Ollama that serves models, and every http service that uses them."""
    serving = {model.service: key for key, model in repository.contract.models.items()}
    for service in repository.contract.services.values():
        if service.kind == "ollama" and service.key in serving:
            yield Subject(service.key, service.place, (service, service))
        for key in service.uses:
            backend = repository.contract.services.get(repository.contract.models[key].service or "")
            if service.kind == "http" and backend is not None and backend.kind == "ollama":
                yield Subject(service.key, service.place, (service, backend))
                break


def health_is_true(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_contract: Contract,
    newscreator_selected: frozenset[str],
    record_property: Callable[[str, object], None],
) -> None:
    """Where the models are gone, the service's own health turns bad, and good again when they are back.

    A health check that asks for an open port, or for `/api/version`, stays green while the model was deleted or was
    never made: the deploy is green, every request fails. Tried in a stack that was started here, never in one that
    was found: the models are taken away for as long as the health check needs to tell. Ask for what makes the
    service useful: `ollama show MODEL`. An application whose health only says that it lives is a note.
    """
    service, backend = newscreator_subject.data
    with hold_alone(newscreator_stack):
        ollama = server(newscreator_stack, backend, newscreator_selected)
        watched = _watched(newscreator_stack, newscreator_contract, backend, newscreator_selected)
        if service.key not in watched:
            step_back(f"healthcheck[{service.key}]", newscreator_selected)
            raise NotVerified(
                f"{service.key} has no health that could turn bad", needs="", fix="give it a health check"
            )
        names = _asked(newscreator_contract, newscreator_stack, backend)
        key = (ollama.url, *names, *(str(one.container or one.pid) for one in watched.values()))
        if key not in _TOLD:
            _TOLD[key] = _experiment(ollama, names, watched, newscreator_selected)
        told = _TOLD[key][service.key]
        finding = judge(told, service, names, newscreator_subject)
        if finding is not None:
            raise Broken(finding)
        record_property("newscreator.detail", f"bad after {told.bad_s:.1f} s, good again after {told.good_s:.1f} s")


def judge(told: Told, service: Service, names: tuple[str, ...], subject: Subject) -> Finding | None:
    """Return what is wrong with how a service's health followed."""
    gone = f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} gone"
    if told.bad_s is None:
        is_server = service.kind == "ollama"
        return Finding(
            f"{service.key} stays healthy although {gone} ({told.within_s:.0f} s)",
            subject.place,
            "unhealthy",
            "healthy",
            fix=f"let its health check ask for the model: ollama show {names[0]}"
            if is_server
            else "let its `health:` ask the model, if requests are to stay away from it while there is none",
            severity="error" if is_server else "note",
        )
    if told.good_s is None:
        return Finding(
            f"{service.key} does not become healthy again when its models are back: {told.said}",
            subject.place,
            "healthy",
            told.said,
            fix="see its log",
        )
    return None


def _asked(contract: Contract, stack: Stack, backend: Service) -> tuple[str, ...]:
    """Return what requests to a server name: the variants, or the base of a model that has none."""
    mine = [model for model in contract.models.values() if model.service == backend.key]
    found = [name for one in mine for name in (one.variants or (contract.base_in(one, stack.invocation),))]
    return tuple(found)


def _watched(stack: Stack, contract: Contract, backend: Service, selected: frozenset[str]) -> dict[str, Endpoint]:
    """Return the server and the http services that use its models, as far as they have a health to watch."""
    users = [
        one
        for one in contract.services.values()
        if one.kind == "http" and any(contract.models[key].service == backend.key for key in one.uses)
    ]
    running = {one.key: endpoint_of(stack, one, selected) for one in (backend, *(u for u in users if _runs(stack, u)))}
    return {key: endpoint for key, endpoint in running.items() if _within(endpoint) is not None}


def _runs(stack: Stack, service: Service) -> bool:
    """Return whether a service is part of the running stack."""
    return stack.endpoint(service.key) is not None


def _experiment(
    ollama: Ollama, names: tuple[str, ...], watched: Mapping[str, Endpoint], selected: frozenset[str]
) -> Mapping[str, Told]:
    """Take the models away, watch, bring them back whatever happens, and watch again."""
    for key, endpoint in watched.items():
        if not _health(endpoint)[0]:
            step_back(f"healthy[{key}]", selected)
            raise NotVerified(f"{key} is not healthy to begin with", needs="", fix=f"see healthy[{key}]")
    there = [name for name in names if ollama.show(name) is not None]
    if len(there) < len(names):
        missing = ", ".join(sorted({*names} - {*there}))
        raise NotVerified(f"{missing} is not there to be taken away", needs="", fix="see models")
    held = {name: f"{HELD}-{number}" for number, name in enumerate(names)}
    try:
        for name, second in held.items():
            ollama.copy(name, second)
            ollama.delete(name)
        bad = _until(watched, is_good=False)
    finally:
        for name, second in held.items():
            if ollama.show(second) is not None:
                ollama.copy(second, name)
                ollama.delete(second)
    good = _until(watched, is_good=True)
    return {
        key: Told(_within(endpoint) or 0.0, bad[key], good[key], _health(endpoint)[1])
        for key, endpoint in watched.items()
    }


def _until(watched: Mapping[str, Endpoint], *, is_good: bool) -> dict[str, float | None]:
    """Wait until each service's health is so, each as long as its own health check may take to tell."""
    begun = time.monotonic()
    since: dict[str, float | None] = dict.fromkeys(watched)
    waiting = dict(watched)
    while waiting:
        for key, endpoint in tuple(waiting.items()):
            good, _ = _health(endpoint)
            elapsed = time.monotonic() - begun
            if good is is_good:
                since[key] = elapsed
            if good is is_good or elapsed > (_within(endpoint) or 0.0):
                del waiting[key]
        time.sleep(POLL_S)
    return since


def _health(endpoint: Endpoint) -> tuple[bool, str]:
    """Return whether a service is healthy by every health it has, and what it says."""
    from pytest_newscreator.stack import engine, probe
    from pytest_newscreator.stack.health import health

    if endpoint.container is not None:
        container = engine.inspect(endpoint.container)
        ok, said = container.is_healthy, container.summary
    else:
        ok, said = health(endpoint)
    service = endpoint.service
    if ok and service.health and endpoint.url is not None:
        answer = probe.request(endpoint.url, service.health, timeout_s=10, ca=endpoint.ca)
        ok, said = answer.is_ok, f"{service.health} answered {answer}"
    return ok, said


def _within(endpoint: Endpoint) -> float | None:
    """Return how long the health of a service may take to tell, in seconds; None where it has none."""
    has_path = endpoint.service.health is not None and endpoint.url is not None
    if endpoint.container is None:
        return OF_ITS_OWN_S if endpoint.health_command or has_path else None
    from pytest_newscreator.stack import engine

    declared = engine.first_look(endpoint.container).container.raw["Config"].get("Healthcheck") or {}
    test = declared.get("Test") or ["NONE"]
    if test[0] == "NONE":
        return OF_ITS_OWN_S if has_path else None
    return bound_s(declared)


def bound_s(declared: Mapping[str, int]) -> float:
    """Return in how many seconds Docker knows by a health check; what is not declared is Docker's own (30 s, 3)."""
    interval = (declared.get("Interval") or 30 * SECOND) / SECOND
    timeout = (declared.get("Timeout") or 30 * SECOND) / SECOND
    retries = declared.get("Retries") or 3
    return (retries + 1) * interval + timeout + MARGIN_S


HEALTH_IS_TRUE = Check("health-is-true", "served", "infra", health_is_true, health_subjects)
