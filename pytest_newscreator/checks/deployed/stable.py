"""`stable`: nothing has restarted, nothing was killed for want of memory, and it is still what it was."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of, others, service_subjects, step_back
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service
from pytest_newscreator.verdicts import Finding, NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.processes import Process
    from pytest_newscreator.stack.container import Container
    from pytest_newscreator.stack.model import Stack

APART_S = 1.0
"""Two looks that are nearer to each other than this say nothing."""

SETTLED_S = 2.0
"""A container that has run this long needs no wait: its start is a look, and the engine tells time to the second."""

_KILLED = 128
_SIGKILL = 137


def stable(newscreator_subject: Subject, newscreator_stack: Stack, newscreator_selected: frozenset[str]) -> None:
    """Every service is the one that was started: no restart, no crash loop, nothing killed for want of memory.

    With a restart policy and no health check Docker calls a crash loop healthy, and a runner that the kernel kills at
    the first long prompt leaves a server that looks well. Two looks, a second or more apart, are compared. The exit
    code and the last log lines name the cause: mend it, then create the container again, which counts from zero.
    """
    service: Service = newscreator_subject.data
    endpoint = endpoint_of(newscreator_stack, service, newscreator_selected)
    if endpoint.container is not None:
        for identifier in (endpoint.container, *(one.id for one in others(endpoint))):
            _container(service, identifier, newscreator_selected)
    elif endpoint.pid is not None:
        _process(service, endpoint.pid)
    else:
        raise NotVerified(f"{service.key} is known by its URL alone", needs="", fix="")


def _container(service: Service, identifier: str, selected: frozenset[str]) -> None:
    """Look a second time, and judge; one that has ended for good is told by `healthy`."""
    from pytest_newscreator.observe import records
    from pytest_newscreator.observe.memory import kills
    from pytest_newscreator.stack import engine

    first = engine.first_look(identifier)
    now = engine.inspect(identifier)
    if not is_settled(now, records.now()):
        _wait(first.at_s)
        now = engine.inspect(identifier)
    if now.status in {"exited", "dead", "created", "paused"} and not now.restart_count:
        step_back(f"healthy[{service.key}]", selected)
    finding = judge(service, first.container, now, kills(now))
    if finding is not None:
        log = (*records.deaths(now.id)[-3:], *(f"| {line}" for line in engine.log_tail(now)[-8:]))
        fail(
            finding.message, place=finding.place, expected=finding.expected, observed=finding.observed,
            chain=(*finding.chain, *log), fix=finding.fix,
        )  # fmt: skip


def is_settled(now: Container, clock: datetime) -> bool:
    """Return whether a container has run for a while by the engine's own clock, so that its start is the first look."""
    started = _moment(now.started_at)
    return now.is_running and isinstance(started, datetime) and (clock - started).total_seconds() >= SETTLED_S


def _wait(first_s: float) -> None:
    """Wait until the looks are far enough apart; the other checks mostly have taken the time."""
    time.sleep(max(0.0, first_s + APART_S - time.monotonic()))


def judge(service: Service, first: Container, now: Container, killed: int = 0) -> Finding | None:
    """Return what happened to a container before the first look, or between it and now; `killed` counts the kernel's.

    The kernel's count is of this start: a runner that it kills leaves a server, and a container that looks well.
    """
    when = (f"last started {now.started_at}, first seen started {first.started_at}",)
    policy = ((now.raw.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no"
    fix = f"the lines above name the cause; mend it, then docker compose up -d --force-recreate {service.compose or ''}"
    observed = now.summary

    def finding(message: str) -> Finding:
        return Finding(f"{service.key} {message}", service.place, "no restart", observed, when, fix.strip())

    if now.restart_count > first.restart_count or now.status == "restarting":
        return finding(f"is in a crash loop: {_restarts(now)} (restart: {policy})")
    if now.oom_killed or killed:
        again = f", {_restarts(now)}" if now.restart_count else ""
        times = f" {killed} times" if killed > 1 else ""
        return finding(f"ran out of memory: the kernel killed a process of it{times}{again}{_limit(now)}")
    if now.restart_count:
        return finding(f"was {_restarts(now)} (restart: {policy})")
    if _moment(now.started_at) != _moment(first.started_at):
        return finding("was started again while it was verified")
    if not now.is_running:
        return finding(f"is {now.summary}")
    return None


def _restarts(now: Container) -> str:
    """Return how often a container was restarted, and what its last end was."""
    times = "once" if now.restart_count == 1 else f"{now.restart_count} times"
    code = now.exit_code
    how = " (killed)" if code == _SIGKILL else f" (signal {code - _KILLED})" if code > _KILLED else ""
    return f"restarted {times}" + (f", exit code {code}{how}" if code else "")


def _limit(now: Container) -> str:
    """Return the memory limit of a container as a message says it."""
    return f" (memory limit {now.memory_limit / 2**20:.0f} MiB)" if now.memory_limit else ""


def _moment(text: str) -> datetime | str:
    """Return a time of the engine as one; engines print nanoseconds, and drop zeros at the end."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}+00:00")
    except ValueError:
        return text


def _process(service: Service, pid: int) -> None:
    """Look a second time at a process, and judge."""
    from pytest_newscreator.observe import processes

    first = processes.first_look(pid)
    if first is not None:
        _wait(time.monotonic() - processes.age_s(first))
    finding = judge_process(service, pid, first, processes.look(pid))
    if finding is not None:
        fail(finding.message, place=finding.place, fix=finding.fix)


def judge_process(service: Service, pid: int, first: Process | None, now: Process | None) -> Finding | None:
    """Return what happened to a process: it ended, or its number is another's now."""
    ended = f"{service.key}: its process {pid} has ended"
    if first is None or now is None or not now.is_alive:
        return Finding(ended, service.place, fix="see its log")
    if first.started != now.started:
        return Finding(f"{ended}, and another one has its number", service.place, fix="see its log")
    return None


STABLE = Check("stable", "deployed", "infra", stable, service_subjects)
