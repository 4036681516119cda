"""Processes of this machine, as /proc tells them: is it still the one that was started, and which belong to it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pytest_newscreator.frozen import frozen

_FIRST: dict[int, Process] = {}
"""The first look at each process of this run."""

_BEHIND_NAME = 2
_STATE, _SESSION, _STARTED = 2, 5, 21


@frozen
class Process:
    """A process at one moment: its state letter (`Z` is a zombie), and its start in clock ticks after boot.

    `session` is the process that leads its session: one that a stack started leads its own, and its children are in it.
    """

    pid: int
    state: str
    session: int
    started: int
    at_s: float

    @property
    def is_alive(self) -> bool:
        """Return whether it runs: a zombie has ended, and only its parent has not asked yet."""
        return self.state not in {"Z", "X"}


def look(pid: int) -> Process | None:
    """Return a process as it is now; None where there is none of this number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return parse(pid, text, time.monotonic())


def first_look(pid: int) -> Process | None:
    """Return the first look that this run had at a process; it is had now where there was none."""
    if pid not in _FIRST:
        found = look(pid)
        if found is None:
            return None
        _FIRST[pid] = found
    return _FIRST[pid]


def age_s(process: Process) -> float:
    """Return how long ago a process was started."""
    up_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    return up_s - process.started / os.sysconf("SC_CLK_TCK")


def parse(pid: int, stat: str, at_s: float) -> Process:
    """Read `/proc/PID/stat`; the name in brackets may hold blanks and brackets itself (proc(5))."""
    fields = ["", "", *stat[stat.rindex(")") + _BEHIND_NAME :].split()]
    return Process(pid, fields[_STATE], int(fields[_SESSION]), int(fields[_STARTED]), at_s)


def family(pid: int) -> tuple[int, ...]:
    """Return a process and all that belong to the session it leads, as children of its own do."""
    found = [look(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")]
    return tuple(one.pid for one in found if one is not None and pid in {one.pid, one.session})
