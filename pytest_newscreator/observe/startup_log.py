"""What an Ollama server says in its own log of what it uses; the forms of 0.14.3 to 0.24.0 are one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pytest_newscreator.frozen import frozen
from pytest_newscreator.observe.records import log_since
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.model import Endpoint

HEAD_BYTES = 4 * 1024 * 1024
"""How much of a log is read from its start: a server says what it uses before it serves."""

BEHIND_BYTES = 64 * 1024
"""How much is read behind the line that says where it listens: its GPUs come right after."""

TAIL_LINES = 2000
"""How much is read from its end, where a server that a script started again says it a second time."""

_CONFIG = re.compile(r'msg="server config" env=("(?:[^"\\]|\\.)*")')
_COMPUTE = re.compile(r'msg="inference compute" (.*)')
_LISTENING = re.compile(r'msg="Listening on (\S+) \(version ([^)\s]+)\)"')
_KEY = re.compile(r"(?:^| )([A-Z][A-Z0-9_]*|https?_proxy|no_proxy):")
_PAIR = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|\S*)')


@frozen
class Said:
    """What a server said at its last start: its variables as Go prints them, its GPUs, where it listens, its version.

    None is what the log has no more; `compute` holds the fields of each `inference compute` line.
    """

    config: Mapping[str, str] | None = None
    compute: tuple[Mapping[str, str], ...] = ()
    address: str | None = None
    version: str | None = None


@dataclass(slots=True)
class _Reading:
    """What was read so far; a new `server config` begins a new start."""

    config: Mapping[str, str] | None = None
    compute: list[Mapping[str, str]] = field(default_factory=list)
    address: str | None = None
    version: str | None = None


def parse(lines: Iterable[str]) -> Said:
    """Read the lines of a log, in their order."""
    found = _Reading()
    for line in lines:
        if config := _CONFIG.search(line):
            found = _Reading(parted(json.loads(config[1])))
        elif compute := _COMPUTE.search(line):
            fields = {name: _plain(text) for name, text in _PAIR.findall(compute[1])}
            found.compute += [fields] if fields not in found.compute else []
        elif listening := _LISTENING.search(line):
            found.address, found.version = listening[1], listening[2]
    return Said(found.config, tuple(found.compute), found.address, found.version)


def parted(text: str) -> dict[str, str]:
    """Take a map apart as Go prints it, `map[A:1 B:x y]`: names and texts with no mark but a blank between them.

    A name is a variable's; a text may hold blanks and colons, so that a word like `http://…` begins no new name.
    """
    inside = text.removeprefix("map[").removesuffix("]")
    keys = list(_KEY.finditer(inside))
    ends = [key.start() for key in keys[1:]] + [len(inside)]
    return {key[1]: inside[key.end() : end] for key, end in zip(keys, ends, strict=True)}


def _plain(text: str) -> str:
    """Return a value of a log line without its quotes."""
    return str(json.loads(text)) if text.startswith('"') else text


def said(endpoint: Endpoint) -> Said | None:
    """Return what a server said at its last start; None where there is no log to read. Read once a run."""
    if endpoint.container is not None:
        identifier = endpoint.container
        return engine.once(("said", identifier), lambda: parse(_of_container(identifier)))
    if endpoint.log is None or not endpoint.log.is_file():
        return None
    with endpoint.log.open("rb") as log:
        return parse(log.read(HEAD_BYTES).decode("utf-8", "replace").splitlines())


def _of_container(identifier: str) -> Iterator[str]:
    """Yield the lines since the container's last start, until all is said; of a long log then the last lines too."""
    container = engine.inspect(identifier)
    kept, listening = bytearray(), 0
    for piece in log_since(container):
        kept += piece
        listening = listening or (len(kept) if b'msg="Listening on' in piece else 0)
        if len(kept) > HEAD_BYTES or (listening and len(kept) > listening + BEHIND_BYTES):
            yield from kept.decode("utf-8", "replace").splitlines()
            yield from engine.log_tail(container, TAIL_LINES)
            return
    yield from kept.decode("utf-8", "replace").splitlines()
