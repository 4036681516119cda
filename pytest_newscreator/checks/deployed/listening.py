"""`listening`: every port of the stack is on the loopback interface, as the kernel and the engine have it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of, others, service_subjects, step_back
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject, item_name
from pytest_newscreator.contract.model import Service
from pytest_newscreator.verdicts import Finding, NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.listening import Listener
    from pytest_newscreator.stack.model import Endpoint, Stack


def listening(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_selected: frozenset[str],
    newscreator_conclude: Conclusions,
    record_property: object,
) -> None:
    """Nothing of a service listens beyond the loopback interface, by the engine's bindings and the kernel's sockets.

    The files were right, and a shell's variable, an override file or `docker run -p 11434:11434` opened the port to a
    whole network: Docker's rules come before the host's firewall, and Ollama asks nobody for a password. Publish on
    127.0.0.1, and put a proxy with a login before it (CIS Docker v1.6.0 5.14, OWASP #5a).
    """
    from pytest_newscreator.observe.listening import listeners

    service: Service = newscreator_subject.data
    endpoint = endpoint_of(newscreator_stack, service, newscreator_selected)
    found = listeners(endpoint)
    if found is None:
        raise NotVerified(f"{service.key} is known by its URL alone", needs="", fix="")
    for one in others(endpoint):
        found += listeners(replace(endpoint, container=one.id)) or ()
    finding = judge(service, found)
    if finding is not None:
        _unless_told(service, found, newscreator_conclude)
        fail(
            finding.message, place=finding.place, expected=finding.expected, observed=finding.observed,
            chain=finding.chain, fix=finding.fix,
        )  # fmt: skip
    if not found:
        raise NotVerified(unseen(service, endpoint, newscreator_selected), needs="", fix="")
    if callable(record_property):
        said = ", ".join(dict.fromkeys(f"{one.address}:{one.port}" for one in found))
        record_property("newscreator.detail", said)


def unseen(service: Service, endpoint: Endpoint, selected: frozenset[str]) -> str:
    """Return why nothing of a service was seen to listen; where it does not run, `healthy` says so."""
    from pytest_newscreator.stack import engine

    container = engine.inspect(endpoint.container) if endpoint.container is not None else None
    if container is not None and not container.is_running:
        step_back(f"healthy[{service.key}]", selected)
        return f"{service.key} is {container.summary}: nothing of it can listen"
    if container is not None:
        return f"{service.key} publishes no port on this machine"
    return f"no socket of {service.key} at which it listens can be seen"


def judge(service: Service, found: tuple[Listener, ...]) -> Finding | None:
    """Return which address lets others in; the one that lets everybody in is named first."""
    beyond = sorted((one for one in found if not one.is_loopback), key=lambda one: not one.is_everyone)
    if not beyond:
        return None
    first = beyond[0]
    address = f"[{first.address}]" if ":" in first.address else first.address
    where = "on every interface" if first.is_everyone else "beyond this machine"
    return Finding(
        f"{service.key} listens {where}, at {address}:{first.port}, should listen on 127.0.0.1",
        place=service.place, expected="127.0.0.1", observed=first.address,
        chain=tuple(f"{one.address}:{one.port}: {one.by}" for one in beyond),
        fix='publish it as "127.0.0.1:PORT:PORT" and create the container again; put a proxy with a login before it'
        " where others must reach it (CIS Docker v1.6.0 5.14, OWASP #5a)",
    )  # fmt: skip


def _unless_told(service: Service, found: tuple[Listener, ...], conclude: Conclusions) -> None:
    """Step back where an item of this run says the same of the files: one cause, one finding."""
    beyond = {one.address for one in found if not one.is_loopback}
    for check, subject in conclude.findings.plan.values():
        if check.name != "exposed-port" or subject.data.service.key != service.key:
            continue
        item = item_name(check.name, subject)
        if item not in conclude.selected:
            continue
        told = conclude.findings.judged(item).finding
        if told is not None and ({told.observed, "::" if told.observed == "0.0.0.0" else told.observed} & beyond):  # noqa: S104
            raise NotVerified(f"not judged twice: {item} says it", needs="", fix="")


LISTENING = Check("listening", "deployed", "infra", listening, service_subjects)
