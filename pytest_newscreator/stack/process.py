"""The stack without Docker: the services as processes of our own, watched, and ended whatever happens."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import replace

from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import probe
from pytest_newscreator.stack.card import Symptom, card
from pytest_newscreator.stack.health import health
from pytest_newscreator.stack.holders import holder, listeners
from pytest_newscreator.stack.model import Endpoint, Request, Stack
from pytest_newscreator.stack.plan import Plan, plans
from pytest_newscreator.stack.run import let_go
from pytest_newscreator.stack.watchdog import descends
from pytest_newscreator.verdicts import NotVerified

POLL_S = 0.05
HEALTH_EVERY_S = 0.25


class ProcessBackend:
    """Starts the services of the contract as processes."""

    name = "process"

    def start(self, request: Request) -> Stack:
        """Start in the order of `depends_on` and wait; whatever ends this, the run's clean-up ends the processes."""
        planned = plans(request)
        if not planned:
            fix = "give it `compose:` or `process:`"
            raise NotVerified("no service of the contract can be started as a process", needs="stack", fix=fix)
        request.run.watch()
        endpoints = {plan.service.key: _start(plan, request) for plan in planned}
        return Stack(
            kind="process",
            owned=True,
            invocation=request.invocation,
            endpoints=endpoints,
            placements=tuple(p for plan in planned for p in plan.placements),
            notes=("no containers: mounts, limits, users and images are not verified by this stack",),
        )


def _start(plan: Plan, request: Request) -> Endpoint:
    """Start one service and wait until it serves and is healthy."""
    if listeners(plan.port):
        raise taken(plan.service.key, plan.port)
    begun = time.monotonic()
    plan.cwd.mkdir(parents=True, exist_ok=True)
    with plan.log.open("wb") as log:
        process = subprocess.Popen(
            plan.command,
            env=dict(plan.environment),
            cwd=plan.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    request.run.order_kill(process.pid)
    endpoint = Endpoint(
        plan.service, "process", plan.url, pid=process.pid, log=plan.log,
        health_command=plan.health, health_environment=plan.environment,
    )  # fmt: skip
    try:
        found = _wait(endpoint, process, request, begun)
    finally:
        let_go(process)
    if not is_served_by(process.pid, plan.port):
        raise taken(plan.service.key, plan.port)
    return found


def taken(key: str, port: int) -> StackError:
    """Return the failure of a service whose port somebody else has: what answers there would be verified instead."""
    by = holder(port) or "another process"
    fix = "end it, give the service another `port:`, or verify what runs there by `url:` instead of `process:`"
    return StackError(f"{key} cannot be started: port {port} is held by {by}", fix=fix)


def is_served_by(leader: int, port: int) -> bool:
    """Return whether all who listen on a port belong to the process that was started for it, and somebody does."""
    found = listeners(port)
    return bool(found) and all(pid is not None and descends(pid, leader) for pid in found)


def _wait(endpoint: Endpoint, process: subprocess.Popen[bytes], request: Request, begun: float) -> Endpoint:
    """Poll until the service serves and is healthy; its end or the time limit is a failure with its last lines."""
    service = endpoint.service
    served_s: float | None = None
    last_probe, said = 0.0, "not asked yet"
    while True:
        elapsed = time.monotonic() - begun
        if process.poll() is not None:
            raise _failure(endpoint, f"ended with exit code {process.returncode}", said)
        if served_s is None and probe.answers(service, endpoint.url):
            served_s = elapsed
        if served_s is not None and elapsed - last_probe > HEALTH_EVERY_S:
            ok, said = health(endpoint)
            last_probe = elapsed = time.monotonic() - begun
            if ok:
                return replace(endpoint, served_s=served_s, healthy_s=elapsed)
        if elapsed > service.ready_within_s:
            raise _failure(endpoint, f"was not healthy within {service.ready_within_s:.0f} s", said)
        request.progress(f"waiting for {service.key} ({elapsed:.0f} s)")
        time.sleep(POLL_S)


def _failure(endpoint: Endpoint, why: str, said: str) -> StackError:
    """Return the report of a service that did not come up."""
    log = endpoint.log.read_text(encoding="utf-8", errors="replace").splitlines() if endpoint.log else []
    command = shlex.join(endpoint.health_command) if endpoint.health_command else "none"
    symptom = Symptom(endpoint.service.key, why, [f"{command[:120]}: {said}"], log, endpoint.health_environment)
    fix = "the last lines name the cause; mend it and run again"
    return StackError(card(f"{endpoint.service.key} {why}", [symptom], fix))
