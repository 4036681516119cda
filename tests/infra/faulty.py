"""What breaks to order: a proxy in front of a real server, a relay in front of a Unix socket; and the run judged."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset, as a dying process or a pulled cable behind a router does."""
PATIENCE_S: Final = 60.0
BOUND_S: Final = 120.0
"""Far beyond what any of these runs takes, and far below for ever."""
IMPATIENT: Final = """
from pytest_newscreator.stack import patience, probe
from pytest_newscreator.checks.served import names
patience.LOOK_EVERY_S = probe.ALIVE_WITHIN_S = names.VERSION_S = 1.0
"""
AT_ITEM: Final = """
import os, signal, subprocess
from pytest_newscreator import session

def pytest_runtest_setup(item):
    if item.name == {name!r}:
        stack = item.config.stash[session.STACK]
        {what}
"""
HOP_BY_HOP: Final = frozenset({"Connection", "Content-Length", "Accept-Encoding"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with the answers of one path; `asked` restricts it to requests whose body holds these bytes.

    `status` answers in the server's stead with its error JSON. Of a stream, `lines` are passed on before `instead` is
    written in place of the rest; `then` is called after the first piece. `cut_after` bytes the connection is reset.
    """

    asked: bytes = b""
    status: int | None = None
    lines: int | None = None
    instead: bytes = b""
    cut_after: int | None = None
    every_s: float = 0.0
    piece: int | None = None
    then: Callable[[], None] | None = None
    garbled: bool = False


NONE: Final = Fault()


def without_done(**more: bytes) -> Fault:
    """End the stream after its first line, as if nothing were missing."""
    return Fault(lines=1, **more)


def error_line(text: str, **more: bytes) -> Fault:
    """Say an error in the middle of a stream whose status was 200."""
    return Fault(lines=1, instead=json.dumps({"error": text}).encode() + b"\n", **more)


def not_done(**more: bytes) -> Fault:
    """End the stream with a line that says `done: false`."""
    return Fault(lines=1, instead=b'{"model":"m","response":"","done":false}\n', **more)


def trickle(every_s: float = 0.1) -> Fault:
    """Send a byte now and then, for ever as far as a client with a timeout of its socket alone can tell."""
    return Fault(every_s=every_s, piece=1)


@dataclass
class Proxy:
    """A running proxy: its address, the faults by path, and the paths that were asked."""

    url: str
    upstream: str
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def break_(self, path: str, *faults: Fault) -> None:
        """Let a path misbehave; without faults it is well again."""
        self.faults[path] = list(faults)

    def heal(self) -> None:
        """Let everything pass."""
        self.faults.clear()
        self.asked.clear()

    def fault(self, path: str, body: bytes) -> Fault:
        """Return what is to go wrong with a request."""
        return next((one for one in self.faults.get(path, ()) if one.asked in body), NONE)


class _Handler(BaseHTTPRequestHandler):
    """One request: asked of the real server, answered as the fault has it."""

    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _pass(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        self.proxy.asked.append(path)
        fault = self.proxy.fault(path, body)
        self.close_connection = True
        with contextlib.suppress(OSError, http.client.HTTPException):
            if fault.status is not None:
                self._say(fault.status, json.dumps({"error": "it is broken on purpose"}).encode())
            else:
                self._forward(body, fault)

    do_GET = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the base class finds them by these names

    def _say(self, status: int, body: bytes) -> None:
        """Answer in the server's stead."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _forward(self, body: bytes, fault: Fault) -> None:
        """Ask the real server and pass its answer on, in chunks as they come."""
        upstream = http.client.HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=PATIENCE_S)
        try:
            kept = {name: text for name, text in self.headers.items() if name not in HOP_BY_HOP}
            upstream.request(self.command, self.path, body or None, kept)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type") or "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._stream(answer, fault)
        except OSError:
            self._reset()  # the real server is gone: so is this connection
        finally:
            upstream.close()

    def _stream(self, answer: http.client.HTTPResponse, fault: Fault) -> None:
        """Pass the body on with its fault, and end it well unless it is to be cut."""
        sent = 0
        for number, piece in enumerate(_pieces(answer, fault)):
            if fault.cut_after is not None and sent + len(piece) > fault.cut_after:
                self._chunk(piece[: fault.cut_after - sent])
                self._reset()
                return
            self._chunk(piece)
            sent += len(piece)
            if number == 0 and fault.then is not None:
                fault.then()
            time.sleep(fault.every_s)
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, piece: bytes) -> None:
        """Write one chunk."""
        if piece:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()

    def _reset(self) -> None:
        """Break the connection off."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _pieces(answer: http.client.HTTPResponse, fault: Fault) -> Iterator[bytes]:
    """Yield the body as the fault has it: line by line, or in pieces of a size, or with another ending."""
    if fault.garbled:
        yield b"<html>not what was asked for</html>\n"
        return
    for number, line in enumerate(iter(answer.readline, b"")):
        if fault.lines is not None and number >= fault.lines:
            yield fault.instead
            return
        size = fault.piece or len(line)
        yield from (line[at : at + size] for at in range(0, len(line), size))


class _Server(ThreadingHTTPServer):
    """A server that says nothing of clients that went away."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    """Run a proxy in front of a server for the length of a block."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    made = Proxy(f"http://127.0.0.1:{server.server_address[1]}", upstream)
    handler.proxy = made  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Relay:
    """A socket of its own in front of a Unix socket, a Docker daemon's say; `cut` takes it away with all it carries."""

    path: str
    upstream: str
    listener: socket.socket
    carried: list[socket.socket] = field(default_factory=list)

    def serve(self) -> None:
        """Carry every connection until the relay is cut."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.upstream)
            self.carried += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_carry, args=(one, other), daemon=True).start()

    def cut(self) -> None:
        """Be gone, as a daemon that was stopped."""
        if os.path.exists(self.path):  # noqa: PTH110 - a socket's own path
            os.unlink(self.path)  # noqa: PTH108
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for one in self.carried:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Carry what one side says to the other, until either is gone."""
    with contextlib.suppress(OSError):
        while said := one.recv(65536):
            other.sendall(said)
        other.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def relay(path: str, upstream: str) -> Iterator[Relay]:
    """Run a relay for the length of a block."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    made = Relay(path, upstream, listener)
    threading.Thread(target=made.serve, daemon=True).start()
    try:
        yield made
    finally:
        made.cut()


def judged(copy: Any, *arguments: str, **environment: str) -> dict[str, str]:
    """Run the checks to their end; return what failed and why. It ends in time, and nowhere in a traceback."""
    begun = time.monotonic()
    done = copy.run("-m", "infra", *arguments, **environment)
    assert time.monotonic() - begun < BOUND_S
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert not [line for line in said.splitlines() if line.startswith("E  ")], done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    return {verdict["id"].partition("::")[2]: verdict["message"] for verdict in copy.failed()}
