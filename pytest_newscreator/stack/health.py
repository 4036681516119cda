"""The health check of a service that runs as a process: the Compose health check's own command."""

from __future__ import annotations

import subprocess

from pytest_newscreator.stack.model import Endpoint

TIMEOUT_S = 15.0


def health(endpoint: Endpoint) -> tuple[bool, str]:
    """Run the health command once; return whether it passed and the last thing it said."""
    if not endpoint.health_command:
        return True, "no health check declared"
    try:
        done = subprocess.run(
            endpoint.health_command,
            check=False,
            env=dict(endpoint.health_environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return False, f"no end after {TIMEOUT_S:.0f} s"
    except OSError as error:
        return False, str(error)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return done.returncode == 0, lines[-1] if lines else f"exit code {done.returncode}"
