"""Two contents of one file side by side: whether they are the same, and which line is the first that differs."""

from __future__ import annotations

import posixpath

from pytest_newscreator.frozen import frozen

_LONGEST = 100
_NOTHING = "no such line"


@frozen
class Difference:
    """The first line that differs, counted from 1 (0 where a file is no text), as it is here and in the container."""

    line: int
    here: str
    there: str


def difference(here: bytes, there: bytes) -> Difference | None:
    """Return how two contents differ, None where they are the same byte for byte."""
    if here == there:
        return None
    try:
        ours, theirs = here.decode("utf-8").split("\n"), there.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return Difference(0, f"{len(here)} bytes", f"{len(there)} bytes of another content")
    pairs = zip(ours, theirs, strict=False)
    first = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(ours), len(theirs)))
    return Difference(first + 1, _line(ours, first), _line(theirs, first))


def _line(lines: list[str], index: int) -> str:
    """Return a line as a message shows it; what blanks at its end would hide is spelled out."""
    if index >= len(lines) or (index == len(lines) - 1 and not lines[index]):
        return _NOTHING
    text = lines[index]
    shown = text.strip() if text.strip() and text == text.rstrip() else repr(text)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"


def may_be_secret(path: str) -> bool:
    """Return whether the lines of a file are not to be printed: dotenv files, keys, certificates."""
    name = posixpath.basename(path).lower()
    words = ("secret", "credential", "password", "token")
    return (
        name.startswith(".env")
        or name.endswith((".env", ".key", ".pem", ".p12", ".pfx"))
        or any(word in name for word in words)
    )
