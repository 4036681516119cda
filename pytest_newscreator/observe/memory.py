"""How often the kernel killed something of a container for want of memory, though the container runs on.

The engine's own `OOMKilled` speaks of the first process alone on many engines: a server whose runner is killed looks
well there.
"""

from __future__ import annotations

import re
from pathlib import Path

from pytest_newscreator.observe import records
from pytest_newscreator.stack.container import Container

_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_SECONDS = len("2026-11-24T02:58:20")
_ROOT = Path("/sys/fs/cgroup")


def kills(container: Container) -> int:
    """Return the kills since a container's start: by the kernel's counter, else as far as the engine remembers."""
    text = _told(_counter(container))
    if text is not None:
        return counted(text)
    ends = records.deaths(container.id)
    return sum("out of memory" in end and end[:_SECONDS] >= container.started_at[:_SECONDS] for end in ends)


def _told(file: Path | None) -> str | None:
    """Return what a counter says; None where the container has just ended, or this user may not look."""
    try:
        return file.read_text(encoding="ascii") if file is not None else None
    except OSError:
        return None


def counted(text: str) -> int:
    """Read `memory.events` (cgroup v2) or `memory.oom_control` (v1)."""
    found = _COUNT.search(text)
    return int(found[1]) if found else 0


def _counter(container: Container) -> Path | None:
    """Return the kernel's counter of a container of this machine."""
    try:
        text = Path(f"/proc/{container.pid}/cgroup").read_text(encoding="ascii")
    except OSError:
        return None
    return counter(text) if container.pid and container.id in text else None


def counter(cgroups: str) -> Path | None:
    """Return the file of the counter, of what `/proc/PID/cgroup` says (cgroups(7)): v1 where a line names memory."""
    lines = [line.split(":", 2) for line in cgroups.splitlines() if line.count(":") > 1]
    for _, controllers, path in lines:
        if "memory" in controllers.split(","):
            return _ROOT / "memory" / path.lstrip("/") / "memory.oom_control"
    unified = next((path for number, controllers, path in lines if number == "0" and not controllers), None)
    return _ROOT / unified.lstrip("/") / "memory.events" if unified is not None else None
