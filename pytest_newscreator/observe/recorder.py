"""A recording reverse proxy in front of an Ollama: what arrives there, without a word of any prompt.

Standard library only: it runs in a thread of this process, or inside a container of any image that has Python, as
`python -c SOURCE HOST PORT UPSTREAM`. There every request is one line of JSON on its standard output.
"""

from __future__ import annotations

import http.client
import json
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MARK = "newscreator-recorded "
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "content-length"}
KEPT = ("model", "options", "keep_alive", "truncate", "shift", "format", "think")
TIMEOUT_S = 900
CHUNK = 65536


def recorded(path: str, body: bytes) -> dict[str, Any]:
    """Return what is kept of a request: its path, and of its JSON what decides how it is served."""
    try:
        parsed = json.loads(body) if body else {}
    except ValueError:
        parsed = {}
    kept = {name: parsed[name] for name in KEPT if name in parsed} if isinstance(parsed, dict) else {}
    return {"path": path, **kept}


def handler(upstream: str, tell: Callable[[dict[str, Any]], None]) -> type[BaseHTTPRequestHandler]:
    """Make the handler that tells of each request and passes it on to `upstream`, a HOST:PORT."""
    return type("Recording", (PassingOn,), {"upstream": upstream, "tell": staticmethod(tell)})


class PassingOn(BaseHTTPRequestHandler):
    """Passes every request on as it is, and the answer back as it comes."""

    protocol_version = "HTTP/1.1"
    upstream: str
    tell: Callable[[dict[str, Any]], None]

    def _pass_on(self) -> None:
        """Tell of a request, then send it to the server."""
        body = self._body()
        self.tell(recorded(self.path, body))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        connection = http.client.HTTPConnection(self.upstream, timeout=TIMEOUT_S)
        try:
            connection.request(self.command, self.path, body or None, headers)
            self._answer(connection.getresponse())
        except OSError as error:
            self.close_connection = True
            self.send_error(502, f"the server behind the recorder: {error}")
        finally:
            connection.close()

    def _body(self) -> bytes:
        """Read a body of a given length, or one in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(parts)

    def _answer(self, response: http.client.HTTPResponse) -> None:
        """Pass the answer back, each piece when it comes; the end of the connection ends it."""
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        while self.command != "HEAD" and (chunk := response.read1(CHUNK)):
            self.wfile.write(chunk)
            self.wfile.flush()

    do_GET = do_POST = do_HEAD = do_DELETE = do_PUT = _pass_on  # noqa: N815 - http.server's own names

    def log_message(self, *_: object) -> None:
        """Say nothing: the requests are told elsewhere."""


class Server(ThreadingHTTPServer):
    """A server that does not ask for its own name, which takes long where no name server answers."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Listen."""
        socketserver.TCPServer.server_bind(self)


class Recorder:
    """The proxy in a thread of this process, on a free port of the loopback interface."""

    def __init__(self, upstream: str) -> None:
        """Listen; `seen` fills as requests come."""
        self.seen: list[dict[str, Any]] = []
        self._server = Server(("127.0.0.1", 0), handler(upstream, self.seen.append))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return where it listens, as HOST:PORT."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


def read(log: str) -> list[dict[str, Any]]:
    """Return the requests that a recorder in a container has told of."""
    lines = (line.partition(MARK)[2] for line in log.splitlines() if MARK in line)
    return [json.loads(line) for line in lines]


def main(host: str, port: str, upstream: str) -> None:
    """Serve until the process ends."""

    def tell(one: dict[str, Any]) -> None:
        sys.stdout.write(MARK + json.dumps(one) + "\n")
        sys.stdout.flush()

    Server((host, int(port)), handler(upstream, tell)).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
