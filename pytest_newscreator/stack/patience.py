"""How long a peer is waited for: a bound for silence, one for the whole answer, and whether it lives meanwhile."""

from __future__ import annotations

import http.client
import io
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Final

from pytest_newscreator.frozen import frozen

LOOK_EVERY_S: Final = 5.0
"""How long a peer may be silent before somebody asks whether it lives."""


class SilentServerError(TimeoutError):
    """A peer says nothing, and does not answer anything else either: it is paused, or hangs."""


@frozen
class Patience:
    """`idle_s` bounds a silence, `within_s` the whole answer; `lives` is asked where a silence is long, if it is given.

    A timeout of a socket bounds each read alone: a peer that says a byte now and then outlasts it for ever.
    """

    idle_s: float
    within_s: float
    lives: Callable[[], bool] | None = None


def bounded(patience: Patience) -> type[http.client.HTTPResponse]:
    """Return a response class for a connection made now: the bound of the whole answer counts from here."""
    until = time.monotonic() + patience.within_s

    class Bounded(http.client.HTTPResponse):
        """A response, status line and headers included, that ends in time."""

        def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as the base has it
            """Read through the bound."""
            super().__init__(sock, *arguments, **named)
            self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock, patience, until))

    return Bounded


class _Bounded(io.RawIOBase):
    """The bytes of a socket, each read bounded."""

    def __init__(self, inner: io.RawIOBase, sock: socket.socket, patience: Patience, until: float) -> None:
        """Keep what is read, the socket to wait at, and the end of patience."""
        super().__init__()
        self._inner, self._sock, self._patience, self._until = inner, sock, patience, until
        self._has_spoken = False

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - whatever holds bytes
        """Read what is there once something is; raises `TimeoutError` where that takes too long."""
        if not getattr(self._sock, "pending", int)():  # what TLS has read already does not show at the socket
            self._wait()
        self._has_spoken = True
        return self._inner.readinto(buffer)

    def _wait(self) -> None:
        """Wait until the peer says something."""
        patience, begun = self._patience, time.monotonic()
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLIN)
        while True:
            now = time.monotonic()
            silent_s, left_s = now - begun, self._until - now
            if left_s <= 0:
                raise TimeoutError(f"nothing {'whole ' * self._has_spoken}within {patience.within_s:g} s")
            if silent_s >= patience.idle_s:
                raise TimeoutError(f"nothing for {patience.idle_s:g} s")
            step_s = min(left_s, patience.idle_s - silent_s, LOOK_EVERY_S)
            if poll.poll(max(1.0, step_s * 1000)):
                return
            if patience.lives is not None and not patience.lives():
                raise SilentServerError(f"nothing for {time.monotonic() - begun:.0f} s, and nothing else either")

    def close(self) -> None:
        """Close what is read."""
        if not self.closed:
            self._inner.close()
        super().close()
