"""Whether code puts a value in the place of what its environment gives, rather than behind it as a default."""

from __future__ import annotations

import re

from pytest_newscreator.sources.literals.environment import Reading
from pytest_newscreator.sources.literals.stream import Stream
from pytest_newscreator.sources.sites import Overwrites

_PUTS = re.compile(r"(set|put)_?env|set_?environment_?variable|set_var", re.IGNORECASE)
_DECIDES = re.compile(r"\b(?:if|unless|when|and|or)\b|&&|\|\||\?")
_STARTS = frozenset({"main", "init"})


def overwrites(stream: Stream, read: Reading) -> Overwrites:
    """Return how sure it is that `process.env.X = "d"` or `os.Setenv("X", "d")` hides what is given.

    A line that looks at anything first may give a default, and is taken for one.
    """
    if not _puts(stream, read):
        return ""
    start = stream[read.start].start
    begin, end = stream.text.rfind("\n", 0, start) + 1, stream.text.find("\n", start)
    line = stream.text[begin : end if end >= 0 else len(stream.text)]
    if _DECIDES.search(line):
        return ""
    is_at_top = stream.inside[read.start] < 0 and begin == start
    return "always" if is_at_top or _runs_first(stream, stream.inside[read.start]) else "sometimes"


def _puts(stream: Stream, read: Reading) -> bool:
    """Return whether a literal is assigned to a variable, or given to a function that sets one."""
    called = any(
        _PUTS.search(stream[index].text) for index in range(read.start, read.end) if stream[index].kind == "name"
    )
    given = read.default if called else stream.literal(read.end + 1) if stream.is_(read.end, "=") else None
    return given is not None and given.token is not None


def _runs_first(stream: Stream, opening: int) -> bool:
    """Return whether a bracket opens the body of Go's `main` or `init`, which run whatever is asked of the program."""
    if opening < 0 or not stream.is_(opening - 1, ")"):
        return False
    name = stream.partner[opening - 1] - 1
    return stream[name].text in _STARTS and stream.is_(name - 1, "func")
