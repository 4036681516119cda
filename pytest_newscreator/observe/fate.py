"""What became of a service that does not answer as it should: its end, its pause, its restart, the kernel's kill."""

from __future__ import annotations

from pytest_newscreator.observe import processes
from pytest_newscreator.observe.memory import kills
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.container import Container
from pytest_newscreator.stack.model import Endpoint

_STOPPED = frozenset({"T", "t"})


def because(endpoint: Endpoint) -> str:
    """Return, in brackets behind a name, what is known to have happened to a service; "" where it runs as it did."""
    said = ""
    if endpoint.container is not None:
        first = engine.first_look(endpoint.container).container
        now = engine.inspect(endpoint.container)
        said = of_container(first, now, kills(now) if now.is_running else 0)
    elif endpoint.pid is not None:
        said = of_process(endpoint.pid, processes.look(endpoint.pid))
    return f" ({said})" if said else ""


def of_container(first: Container, now: Container, killed: int) -> str:
    """Return what happened to a container since it was first seen; `killed` counts the kernel's kills."""
    limit = f" (memory limit {now.memory_limit >> 20} MiB)" if now.memory_limit else ""
    if not now.is_running:
        return f"its container is {now.summary}"
    if now.started_at != first.started_at:
        return f"its container was started again meanwhile, last exit code {now.exit_code}"
    return f"the kernel killed a process of it for want of memory{limit}" if killed else ""


def of_process(pid: int, now: processes.Process | None) -> str:
    """Return what happened to a process."""
    if now is None or not now.is_alive:
        return f"its process {pid} has ended"
    return f"its process {pid} is stopped" if now.state in _STOPPED else ""
