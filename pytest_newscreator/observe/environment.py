"""What a running service was really given."""

from __future__ import annotations

from pathlib import Path

from pytest_newscreator.errors import StackError
from pytest_newscreator.observe import processes
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.model import Endpoint


def environment(endpoint: Endpoint) -> dict[str, str] | None:
    """Return the environment of a running service; None for a service known by its URL alone.

    Of a container it is what `docker inspect` says, asked once a run since no container's environment changes; of a
    process `/proc/PID/environ`. Raises `StackError` where the process has ended.
    """
    if endpoint.container is not None:
        return dict(engine.first_look(endpoint.container).container.environment)
    if endpoint.pid is None:
        return None
    processes.first_look(endpoint.pid)
    try:
        raw = Path(f"/proc/{endpoint.pid}/environ").read_bytes()
    except OSError as error:
        raise StackError(f"{endpoint.service.key}: its process {endpoint.pid} has ended ({error.strerror})") from None
    pairs = (pair.decode("utf-8", "replace").partition("=") for pair in raw.split(b"\0") if pair)
    return {name: value for name, _, value in pairs}
