"""A child that waits until nobody uses a run any more, then cleans up after it.

It is given the run's folder and blocks on an exclusive lock of the file `lease` there. Whoever uses the stack holds a
shared lock on it, and the kernel lets go of that on any death, SIGKILL included. Then the orders in the file `orders`,
one JSON list a line, are carried out, the last first. A file `kept` in the folder means that the stack is to stay.

    ["run", ARGUMENTS...]            run this command
    ["kill", PGID, BORN]             end this process group: SIGTERM, then SIGKILL after 5 s
    ["remove", FOLDER]               remove this folder

BORN is what `born` says of the group's leader, so that a number that was given to another process is left alone.
What could not be done is written to the file `failed` beside the run's folder, with its reason.

pytest runs no finalizers on SIGTERM (pytest#5243) and skips some on Ctrl-C in set-up (pytest#15067).
Standard library only: it runs as a script, with `python -I -S`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

GRACE_S = 5.0
RUN_TIMEOUT_S = 300
STRAGGLERS_S = 1.0
"""How long what a killed client had asked of the daemon may take to appear."""
LEASE, ORDERS, KEPT = "lease", "orders", "kept"


def born(pid: int) -> str:
    """Return what tells this process from a later one of the same number: the boot and its start in clock ticks."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{boot} {ticks}"


def is_at(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file still is what its path names: the lock of one that was removed says nothing."""
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(file.fileno())
    return (opened.st_dev, opened.st_ino) == (named.st_dev, named.st_ino)


def descends(pid: int, leader: int) -> bool:
    """Return whether a process is the leader of a group, belongs to its group or session, or descends from it."""
    while pid > 1:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        parent, group, session = (int(number) for number in stat.rpartition(")")[2].split()[1:4])
        if leader in {pid, group, session}:
            return True
        pid = parent
    return False


def living(group: int) -> bool:
    """Return whether a process group has a process that runs; one that only waits to be collected does not."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group and state not in "ZX":
            return True
    return False


def end_group(group: int, grace_s: float = GRACE_S) -> None:
    """End a process group: SIGTERM, wait up to `grace_s` seconds, then SIGKILL."""
    deadline = time.monotonic() + grace_s
    try:
        os.killpg(group, signal.SIGTERM)
        while living(group):
            if time.monotonic() > deadline:
                os.killpg(group, signal.SIGKILL)
            time.sleep(0.02)
    except ProcessLookupError:
        return


def kill(group: int, leader_born: str) -> bool:
    """End a group that is still the one meant; return whether anything was running.

    The leader may have ended before its children: then the number is still taken by the group itself.
    """
    now = born(group)
    if (now and now != leader_born) or not living(group):
        return False
    end_group(group)
    return True


def run(arguments: list[str]) -> str:
    """Run a command; return what went wrong, "" where nothing did."""
    try:
        done = subprocess.run(
            arguments, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=RUN_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"{' '.join(arguments)}: {error}"
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"{' '.join(arguments)}: {lines[-1] if lines else 'no word'}" if done.returncode else ""


def remove(folder: str) -> str:
    """Remove a folder; return what went wrong."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return ""


def read_orders(folder: Path) -> list[list[str]]:
    """Return the orders of a run as they were given; a line that was cut off by a crash is none."""
    try:
        lines = (folder / ORDERS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    orders = []
    for line in lines:
        try:
            orders.append([str(part) for part in json.loads(line)])
        except ValueError:
            continue
    return orders


def carry_out(folder: Path) -> list[str]:
    """Carry out a run's orders, the last first; return what could not be done."""
    orders = list(reversed(read_orders(folder)))
    killed = [kill(int(order[1]), order[2]) for order in orders if order[0] == "kill"]
    commands = [order[1:] for order in orders if order[0] == "run"]
    failed = [run(command) for command in commands]
    if any(killed) and commands:
        # A client that was killed half-way may have asked the daemon for more than the first command saw.
        time.sleep(STRAGGLERS_S)
        failed = [run(command) for command in commands]
    failed += [remove(order[1]) for order in orders if order[0] == "remove"]
    return [fault for fault in failed if fault]


def clean(folder: Path) -> list[str]:
    """Carry out a run's orders, then remove its folder; return what could not be done."""
    failed = carry_out(folder)
    if failed:
        return failed
    fault = remove(str(folder))
    return [fault] if fault else []


def main(folder: Path) -> None:
    """Wait for the lease, then clean up unless the stack is to be kept."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    with (folder / LEASE).open("rb") as lease:
        fcntl.flock(lease, fcntl.LOCK_EX)
        if (folder / KEPT).exists() or not is_at(lease, folder / LEASE):
            return  # what stands there now has a watchdog of its own
        failed = clean(folder)
    if failed:
        folder.with_suffix(".failed").write_text("\n".join(failed) + "\n", encoding="utf-8")
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
