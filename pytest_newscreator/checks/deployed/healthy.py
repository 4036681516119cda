"""`healthy`: every service stands by its own health check, and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of, others, service_subjects, step_back
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.stack.container import Container
    from pytest_newscreator.stack.model import Endpoint, Stack


def healthy(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_selected: frozenset[str],
    record_property: object,
) -> None:
    """Every service is healthy by its own health check, and really answers, now.

    Docker calls a container without a health check healthy; an open port says nothing about the model behind it. The
    report shows the probe's own words and the last log lines. Restarts and kills are `stable`'s.
    """
    from pytest_newscreator.stack import engine, probe
    from pytest_newscreator.stack.health import health

    service: Service = newscreator_subject.data
    endpoint = endpoint_of(newscreator_stack, service)
    if endpoint.container is not None:
        each = [endpoint.container, *(one.id for one in others(endpoint))]
        for container in map(engine.inspect, each):
            _container(service, container, newscreator_selected, is_one=len(each) == 1)
            unasked(service, endpoint, container)
    elif endpoint.health_command:
        ok, said_ = health(endpoint)
        if not ok:
            fail(f"{service.key} is unhealthy: {said_}", expected="healthy", observed=said_, fix="see its log")
    answer = (
        probe.request(endpoint.url, probe.ready_path(service), timeout_s=5, ca=endpoint.ca) if endpoint.url else None
    )
    if answer is not None and not probe.is_ready(service, answer):
        if endpoint.container is not None and engine.inspect(endpoint.container).restart_count:
            step_back(f"stable[{service.key}]", newscreator_selected)
        fail(
            f"{service.key} does not serve: {probe.ready_path(service)} answered {answer}",
            observed=str(answer),
            expected="200",
            fix="see its log",
        )
    if endpoint.healthy_s is not None and callable(record_property):
        record_property(
            "newscreator.detail", f"served after {endpoint.served_s:.2f} s, healthy after {endpoint.healthy_s:.2f} s"
        )


def _container(service: Service, container: Container, selected: frozenset[str], *, is_one: bool) -> None:
    """Fail where a container of a service is not healthy, with its last words; restarts are left to `stable`."""
    from pytest_newscreator.stack import engine

    if container.is_healthy:
        return
    if container.restart_count or container.status == "restarting":
        step_back(f"stable[{service.key}]", selected)
    log = engine.log_tail(container)[-8:]
    said = (*(f"health probe: {line}" for line in container.health_log[-2:]), *(f"| {line}" for line in log))
    who = service.key if is_one else f"{service.key}: its container {container.name}"
    fail(
        f"{who} is {container.summary}",
        expected="healthy",
        observed=container.summary,
        chain=said,
        fix="the lines above name the cause",
    )


def unasked(service: Service, endpoint: Endpoint, container: Container) -> None:
    """Raise `NotVerified` where a container runs and nothing can be asked of it: no health check, no port."""
    if endpoint.url is None and not container.health:
        reason = f"{service.key} runs, and has neither a health check nor a port on this machine to ask at"
        raise NotVerified(reason, needs="", fix="give it a health check")


HEALTHY = Check("healthy", "deployed", "infra", healthy, service_subjects)
