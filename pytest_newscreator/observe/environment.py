"""What a running service was really given."""

from __future__ import annotations

from pathlib import Path

from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.model import Endpoint


def environment(endpoint: Endpoint) -> dict[str, str] | None:
    """Return the environment of a running service; None for a service known by its URL alone.

    Of a container it is what `docker inspect` says, of a process `/proc/PID/environ`; raises `StackError` where
    the process has ended.
    """
    if endpoint.container is not None:
        return dict(engine.inspect(endpoint.container).environment)
    if endpoint.pid is None:
        return None
    try:
        raw = Path(f"/proc/{endpoint.pid}/environ").read_bytes()
    except OSError as error:
        raise StackError(f"{endpoint.service.key}: its process {endpoint.pid} has ended ({error.strerror})") from None
    pairs = (pair.decode("utf-8", "replace").partition("=") for pair in raw.split(b"\0") if pair)
    return {name: value for name, _, value in pairs}
