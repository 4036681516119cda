"""A child that outlives pytest for the moment it takes to clean up.

It reads orders from its standard input, one JSON list a line, and acts on them in reverse when the pipe closes:
that happens on any death of the parent, SIGKILL included. `["done"]` ends it without acting.

    ["run", ARGUMENTS...]   run this command
    ["kill", PGID]          end this process group: SIGTERM, then SIGKILL after 5 s
    ["remove", FOLDER]      remove this folder

pytest runs no finalizers on SIGTERM (pytest#5243) and skips some on Ctrl-C in set-up (pytest#15067).
Standard library only: it runs as a script, with `python -I -S`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

GRACE_S = 5.0


def end_group(group: int, grace_s: float = GRACE_S) -> None:
    """End a process group: SIGTERM, wait up to `grace_s` seconds, then SIGKILL."""
    deadline = time.monotonic() + grace_s
    try:
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            time.sleep(0.05)
            _reap(group)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)
        _reap(group)
    except ProcessLookupError:
        return


def _reap(group: int) -> None:
    """Collect our own children of the group, which stay in it as zombies otherwise."""
    try:
        while os.waitpid(-group, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def act(order: list[str]) -> None:
    """Carry out one order; a failed command must not keep the others from running."""
    verb, *arguments = order
    if verb == "run":
        subprocess.run(arguments, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
    elif verb == "kill":
        end_group(int(arguments[0]))
    elif verb == "remove":
        shutil.rmtree(arguments[0], ignore_errors=True)


def main() -> None:
    """Collect orders until the pipe closes, then act on them, the last first."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    orders: list[list[str]] = []
    for line in sys.stdin:
        order = json.loads(line)
        if order == ["done"]:
            return
        orders.append(order)
    for order in reversed(orders):
        try:
            act(order)
        except (OSError, subprocess.SubprocessError) as error:
            sys.stderr.write(f"pytest-newscreator: {order[0]} failed during clean-up: {error}\n")


class Watchdog:
    """The parent's end: tell it what to clean up, then close it when everything was cleaned up in order."""

    def __init__(self) -> None:
        """Start the child in a session of its own, so that Ctrl-C at the terminal does not reach it."""
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def order(self, verb: str, *arguments: object) -> None:
        """Add an order for the case that this process dies."""
        self._send([verb, *map(str, arguments)])

    def close(self) -> None:
        """Dismiss the child: the clean-up was done in order."""
        self._send(["done"])
        if self._child.stdin:
            self._child.stdin.close()
        self._child.wait(timeout=10)

    def _send(self, order: list[str]) -> None:
        """Write one order; a child that has died is an error, since nothing would be cleaned up after us."""
        if self._child.stdin is None or self._child.poll() is not None:
            raise RuntimeError(f"the clean-up child ended with exit code {self._child.returncode}")
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()


if __name__ == "__main__":
    main()
