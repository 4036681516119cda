"""One streamed request to Ollama, timed at the socket: stamps first, parsing last."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack import probe


@frozen
class Streamed:
    """What came back: one stamp a chunk (seconds after sending, monotonic clock) and the chunks' own JSON.

    `error` is Ollama's own text, or what cut the stream; an answer is whole only when the last chunk says `done`.
    """

    stamps_s: tuple[float, ...]
    chunks: tuple[dict[str, Any], ...]
    error: str | None = None

    @property
    def text(self) -> str:
        """Return the whole answer."""
        return "".join(chunk.get("response", "") for chunk in self.chunks)

    @property
    def last(self) -> dict[str, Any]:
        """Return the last chunk, which carries the server's own figures when `done`."""
        return self.chunks[-1] if self.chunks else {}

    @property
    def is_done(self) -> bool:
        """Return whether the server said that the answer is complete."""
        return self.error is None and self.last.get("done") is True

    @property
    def ttft_s(self) -> float | None:
        """Return the time to the first chunk that carries text, in seconds."""
        pairs = zip(self.stamps_s, self.chunks, strict=False)
        return next((stamp for stamp, chunk in pairs if chunk.get("response")), None)


def generate(
    url: str, body: dict[str, Any], *, timeout_s: float = 300.0, within_s: float | None = None, ca: Path | None = None
) -> Streamed:
    """Send `body` to `/api/generate` as a stream and stamp every line as it arrives.

    Never truncates silently: `"truncate": false` is always sent. Raises nothing; failures are in `error`. A server that
    says nothing for `timeout_s` is one, `TimeoutError`, and so is one that is not at its end after `within_s`
    (`timeout_s` where none is given); one that answers nothing else either is found sooner, `SilentServerError`.
    """
    payload = json.dumps({"stream": True, "truncate": False, **body}).encode()
    connection = probe.connect(url, timeout_s, ca, within_s=within_s, lives="/api/version")
    stamps: list[float] = []
    lines: list[bytes] = []
    error: str | None = None
    try:
        started = time.monotonic()
        connection.request(
            "POST", urlsplit(url).path.rstrip("/") + "/api/generate", payload, {"Content-Type": "application/json"}
        )
        response = connection.getresponse()
        while line := response.readline():
            stamps.append(time.monotonic() - started)
            lines.append(line)
        if response.status != probe.OK:
            error = f"{response.status}: {b''.join(lines).decode('utf-8', 'replace').strip()}"
    except (OSError, http.client.HTTPException) as broken:
        error = f"{type(broken).__name__}: {broken}"
    finally:
        connection.close()
    return _parsed(stamps, lines, error)


def _parsed(stamps: list[float], lines: list[bytes], error: str | None) -> Streamed:
    """Parse the lines after the clock has stopped; an `error` line inside the stream is the stream's error."""
    chunks: list[dict[str, Any]] = []
    for line in lines:
        try:
            chunk = json.loads(line)
        except ValueError:
            chunk = None
        if not isinstance(chunk, dict):
            what = "a line that is no JSON object" if line.endswith(b"\n") else "it was cut off in a line"
            error = error or f"{what}: {line[:80]!r}"
            break
        if "error" in chunk:
            error = error or str(chunk["error"])
        chunks.append(chunk)
    return Streamed(tuple(stamps[: len(chunks)]), tuple(chunks), error)
