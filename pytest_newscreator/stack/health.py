"""The health check of a service that runs as a process: the Compose health check's own command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from pytest_newscreator.stack.model import Endpoint

TIMEOUT_S = 15.0


def health(endpoint: Endpoint) -> tuple[bool, str]:
    """Run the health command once; return whether it passed and the last thing it said."""
    if not endpoint.health_command:
        return True, "no health check declared"
    try:
        code, said = _run(endpoint)
    except subprocess.TimeoutExpired:
        return False, f"no end after {TIMEOUT_S:.0f} s"
    except OSError as error:
        return False, str(error)
    lines = [line for line in said.splitlines() if line.strip()]
    return code == 0, lines[-1] if lines else f"exit code {code}"


def _run(endpoint: Endpoint) -> tuple[int, str]:
    """Run the command in a session of its own: what a shell started for it goes with it when its time is over."""
    with subprocess.Popen(
        endpoint.health_command,
        env=dict(endpoint.health_environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=TIMEOUT_S)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, said
