"""Hygiene of resources: a service with a GPU reserves one, and memory and processes have a limit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene import subjects as hygiene
from pytest_newscreator.checks.hygiene.subjects import (
    Started,
    hardening,
    missing,
    over_invocations,
    services,
    started,
    texts,
)
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import Node
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding

_RIGHT = "deploy.resources.reservations.devices"
_MISPLACED = (
    "reservations.devices",
    "resources.reservations.devices",
    "resources.devices",
    "deploy.devices",
    "deploy.reservations.devices",
    "deploy.resources.devices",
    "deploy.resources.limits.devices",
)
_DRIVERS = ("nvidia", "cdi")
_DEVICE = re.compile(r"[\w.-]+/gpu(=.*)?|/dev/(nvidia.*|kfd|dri(/.*)?|dxg)")
_DRIVER_PARTS = frozenset({"compat32", "display", "graphics", "utility", "video"})
_NO_CARD = frozenset({"", "none", "void"})
_NEAR = 0.7
_SHAPE = "{driver: nvidia, count: 1, capabilities: [gpu]}"


def gpu_reservation_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every service with a GPU that Compose starts."""
    for service in services(repository):
        if service.gpu:
            yield Subject(service.key, service.place, service)


def gpu_reservation(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """A service with a GPU reserves one, in a form that Docker takes.

    Without it the container starts, is healthy, and Ollama computes on the CPU at a tenth of the speed: a block that
    was moved below `deploy:` without its `resources:` did that. Reserve it under
    `deploy.resources.reservations.devices`, with `capabilities: [gpu]`.
    """
    newscreator_conclude("gpu-reservation", newscreator_subject)


def judge_gpu_reservation(subject: Subject, repository: Repository) -> Finding | None:
    """Return the first reservation that is malformed, else that no invocation has one."""
    service: Service = subject.data
    malformed = over_invocations(service, repository, _malformed)
    asked = started(repository, service)
    if malformed is not None or any(_reserves(one) for one in asked):
        return malformed
    return _none(asked[0])


def _none(one: Started) -> Finding:
    """Say that nothing reserves a GPU, at what hides all cards if there is such a thing."""
    value = one.given.environment.get("NVIDIA_VISIBLE_DEVICES")
    hidden = value.origin if value is not None and one.compose.get("runtime") is not None else None
    lack = missing(one, _RIGHT)
    return Finding(
        f"{one.service.key} has the GPU {one.service.gpu} in the contract and reserves none in any invocation"
        f"{lack.since}",
        place=hidden or lack.place,
        expected=_RIGHT,
        fix=f"add {_SHAPE} to {_RIGHT}",
        lacks="" if hidden else "gpu",
    )


def _requests(one: Started) -> Iterator[tuple[Node, bool]]:
    """Yield the device requests of a service, and whether Docker adds `gpu` to what each asks for by itself."""
    yield from ((node, False) for node in texts(one.compose.get(_RIGHT)))
    yield from ((node, True) for node in texts(one.compose.get("gpus")))


def _reserves(one: Started) -> bool:
    """Return whether a service gets a card under one invocation, in any syntax."""
    return (
        any(_asks(request, implied=implied) for request, implied in _requests(one))
        or any(_DEVICE.fullmatch(_source(device)) for device in texts(one.compose.get("devices")))
        or _by_runtime(one)
    )


def _asks(request: Node, *, implied: bool) -> bool:
    """Return whether a device request asks for one card or more."""
    count = request.children.get("count")
    return (implied or "gpu" in _capabilities(request)) and not (count is not None and str(count.value) == "0")


def _capabilities(request: Node) -> tuple[str, ...]:
    """Return the capabilities that a request asks for."""
    return tuple(str(node.value).lower() for node in texts(request.children.get("capabilities")))


def _source(device: Node) -> str:
    """Return what a `devices:` entry maps: a path of the host, or a device by its CDI name."""
    named = device.children.get("source")
    return str(named.value) if named is not None else str(device.value).partition(":")[0]


def _by_runtime(one: Started) -> bool:
    """Return whether NVIDIA's runtime gives the service a card; what an image is not known to set may be all."""
    runtime = one.compose.get("runtime")
    value = one.given.environment.get("NVIDIA_VISIBLE_DEVICES")
    hides = value is not None and (value.text or "").strip().lower() in _NO_CARD
    return runtime is not None and runtime.value == "nvidia" and not hides


def _malformed(one: Started) -> Finding | None:
    """Return the first fault of what a service reserves under one invocation."""
    faults = [fault for request, implied in _requests(one) for fault in _faults(request, implied=implied)]
    for path in _MISPLACED:
        node = one.compose.get(path)
        faults += (
            [(node.place, f"stands under {path}, which Compose does not know; should be {_RIGHT}")] if node else []
        )
    if not faults:
        return None
    place, what = faults[0]
    chain = tuple(f"{also}: {text}" for also, text in faults[1:])
    return Finding(f"the GPU reservation of {one.service.key} {what}", place, _SHAPE, None, chain, f"write {_SHAPE}")


def _faults(request: Node, *, implied: bool) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong with one device request."""
    fields = request.children
    driver = fields.get("driver")
    if driver is not None and _is_misspelt(str(driver.value)):
        yield driver.place, f"names the driver {driver.value}, should be nvidia"
    if fields.get("count") is not None and fields.get("device_ids") is not None:
        yield fields["count"].place, "has count beside device_ids, should have one of them"
    if driver is None or driver.value != "cdi":
        yield from _faults_of_capabilities(request, implied=implied)


def _faults_of_capabilities(request: Node, *, implied: bool) -> Iterator[tuple[Place, str]]:
    """Yield what is wrong with what a request asks to be able to."""
    given, names = request.children.get("capabilities"), _capabilities(request)
    said = f"has capabilities [{', '.join(names)}]"
    if given is not None and given.content is not None and not isinstance(given.content, tuple):
        yield given.place, f"has capabilities {given.value}, should be a list: [{given.value}]"
    elif not implied and not names:
        yield (given or request).place, "has no capabilities, should have [gpu]"
    elif given is not None and not implied and not {"gpu", "nvidia", "compute"} & set(names):
        yield given.place, f"{said}, should have gpu among them"
    elif given is not None and _DRIVER_PARTS & set(names) and "compute" not in names:
        # Docker hands on the parts of the driver that are named, and then no other (moby, daemon/nvidia_linux.go).
        yield given.place, f"{said}, should have compute among them: the container gets no CUDA"


def _is_misspelt(driver: str) -> bool:
    """Return whether a driver is meant to be one that Docker knows, and is not."""
    near = "nvidia" in driver.lower() or get_close_matches(driver.lower(), _DRIVERS, n=1, cutoff=_NEAR)
    return bool(near) and driver not in _DRIVERS


_LIMITS = {
    "memory": (("deploy.resources.limits.memory", "mem_limit"), "5.11"),
    "pids": (("deploy.resources.limits.pids", "pids_limit"), "5.29"),
}
_UNLIMITED = re.compile(r"-1|0+[a-z]*", re.IGNORECASE)


def limits_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield memory and processes of every service of the contract that Compose starts."""
    yield from hygiene.subjects(repository, *_LIMITS)


def limits(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Memory and processes of every service have a limit.

    A model that did not fit the card was laid into the host's memory, all of it, until the kernel killed the database
    beside it. Set `deploy.resources.limits.memory` and `pids` (CIS Docker v1.6.0 5.11 and 5.29, OWASP #7).
    """
    newscreator_conclude("limits", newscreator_subject)


def judge_limits(subject: Subject, repository: Repository) -> Finding | None:
    """Return that a limit is missing, or is none, under some invocation."""
    kind = subject.id.rpartition(" ")[2]
    return over_invocations(subject.data, repository, lambda one: _unlimited(one, kind))


def _unlimited(one: Started, kind: str) -> Finding | None:
    """Judge one limit of a service under one invocation."""
    paths, rule = _LIMITS[kind]
    found = [node for node in map(one.compose.get, paths) if node is not None and node.content is not None]
    if any(not _UNLIMITED.fullmatch(str(node.value).strip()) for node in found):
        return None
    lack = missing(one, *paths)
    what = f"has {kind} limit {found[0].value}, which is none" if found else f"has no {kind} limit"
    return Finding(
        f"{one.service.key} {what}, should have one{'' if found else lack.since}",
        place=found[0].place if found else lack.place,
        fix=f"set {paths[0]} to what the service needs at most (CIS Docker v1.6.0 {rule}, OWASP #7)",
        severity=hardening(one.repository.contract),
        lacks="" if found else f"{kind} limit",
    )


GPU_RESERVATION = Check(
    "gpu-reservation", "resolved", "config", gpu_reservation, gpu_reservation_subjects, judge_gpu_reservation
)
LIMITS = Check("limits", "resolved", "config", limits, limits_subjects, judge_limits)
