"""What an Ollama server's own log says of the runners it started: which blob, with which window, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from pytest_newscreator.stack.model import Endpoint

LINES = 20_000
BYTES = 8 * 1024 * 1024
"""How much of a log is read from its end: a server that has run for months has written more than anybody needs."""

_TIME = re.compile(r"time=(\S+)")
_RUNNER = re.compile(r'msg="starting (?:llama )?(?:runner|server)" cmd="[^"]*--model [^" ]*sha256-([0-9a-f]{64})')
_COMMIT = re.compile(r"\{Operation:commit [^}]*?Parallel:(\d+) BatchSize:(\d+) [^}]*?KvSize:(\d+)")
_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_ASKED = re.compile(r'\| 200 \|[^|]*\|\s*(\S+) \| POST\s+"(?:/api/(?:chat|generate)|/v1/(?:chat/)?completions)"')


@frozen
class Start:
    """One start of a runner; what its log does not tell is None.

    `window` is the context of one request slot, `batch` the batch size, `offloaded` the layers on the GPU of all;
    `askers` are the addresses of those whose requests were answered afterwards, before the next start.
    """

    blob: str
    window: int | None = None
    batch: int | None = None
    offloaded: tuple[int, int] | None = None
    askers: frozenset[str] = frozenset()
    at: datetime | None = None


def text_of(endpoint: Endpoint) -> str | None:
    """Return the end of a service's log; None where it runs elsewhere."""
    if endpoint.container is not None:
        from pytest_newscreator.stack import engine

        text: bytes = engine.client().api.logs(endpoint.container, tail=LINES)
        return text.decode("utf-8", "replace")
    if endpoint.log is not None:
        with endpoint.log.open("rb") as log:
            log.seek(max(0, endpoint.log.stat().st_size - BYTES))
            return log.read().decode("utf-8", "replace")
    return None


def starts(text: str) -> tuple[Start, ...]:
    """Return the runners that a log tells of, in order; a server looking for GPUs starts some without a model."""
    return tuple(_starts(text))


def _starts(text: str) -> Iterator[Start]:
    """Yield a start when the next one begins."""
    current: Start | None = None
    for line in text.splitlines():
        if runner := _RUNNER.search(line):
            if current is not None:
                yield current
            current = Start(runner.group(1), at=_time(line))
        elif current is not None:
            current = _told(current, line)
    if current is not None:
        yield current


def _time(line: str) -> datetime | None:
    """Return when a line was written."""
    found = _TIME.search(line)
    try:
        return datetime.fromisoformat(found.group(1)) if found else None
    except ValueError:
        return None


def _told(start: Start, line: str) -> Start:
    """Return what is known of a start after one more line."""
    if commit := _COMMIT.search(line):
        parallel, batch, cells = map(int, commit.groups())
        return replace(start, window=cells // max(1, parallel), batch=batch)
    if offloaded := _OFFLOADED.search(line):
        return replace(start, offloaded=(int(offloaded.group(1)), int(offloaded.group(2))))
    if asked := _ASKED.search(line):
        return replace(start, askers=start.askers | {asked.group(1)})
    return start
