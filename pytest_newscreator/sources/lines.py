"""Offsets of a text as places, and text that remembers where each of its characters was written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from io import StringIO
from itertools import accumulate

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

Locate = Callable[[int], Place]

UNKNOWN = "\ufffc"
"""Stands in a spelled text for a piece that only running the program can tell."""


class Lines:
    """The lines of one file, found when they are first asked for; `place` turns a character offset into a place."""

    __slots__ = ("_found", "_text", "path")

    def __init__(self, path: str, text: str) -> None:
        """Remember the text; many files are read and have no place that anybody asks for."""
        self.path = path
        self._text = text
        self._found: list[int] = []

    @property
    def _starts(self) -> list[int]:
        """Return where each line starts; only a line feed ends one."""
        if not self._found:
            ends = accumulate(map(len, StringIO(self._text, newline="\n")))
            self._found = [0, *ends]
            if not self._text.endswith("\n") and self._text:
                self._found.pop()
        return self._found

    def place(self, offset: int) -> Place:
        """Return the line and column, from 1 and in characters, of a character offset."""
        starts = self._found or self._starts
        line = bisect_right(starts, offset)
        return Place(self.path, line, offset - starts[line - 1] + 1)

    def offset(self, line: int) -> int:
        """Return the offset at which `line` (from 1) begins."""
        return self._starts[line - 1]

    def line(self, number: int) -> str:
        """Return the text of a line (from 1) without its end, "" where there is none."""
        if not 0 < number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._text.find("\n", start)
        return self._text[start:] if end < 0 else self._text[start:end].removesuffix("\r")


@frozen
class Spelled:
    """What a piece of source amounts to after quoting, and the offset of each of its characters.

    `start` is where the text begins in the file, which an empty text needs too.
    """

    text: str
    at: Sequence[int]
    start: int

    @property
    def is_known(self) -> bool:
        """Tell whether no piece of the text has to wait for the program to run."""
        return UNKNOWN not in self.text

    @property
    def value(self) -> str | None:
        """Return the text, or `None` where it cannot be known."""
        return self.text if self.is_known else None

    def cut(self, begin: int, end: int | None = None) -> Spelled:
        """Return a slice that keeps its offsets."""
        at = self.at[begin:end]
        start = at[0] if at else self.at[begin] if begin < len(self.at) else self.end
        return Spelled(self.text[begin:end], at, start)

    def stripped(self) -> Spelled:
        """Return the text without the white space around it."""
        begin = len(self.text) - len(self.text.lstrip())
        return self.cut(begin, max(begin, len(self.text.rstrip())))

    @property
    def end(self) -> int:
        """Return the offset just behind the last character."""
        return self.at[-1] + 1 if self.at else self.start

    def locator(self, locate: Locate) -> Locate:
        """Return a locator for offsets of this text, given one for offsets of the file."""
        return lambda index: locate(self.at[index] if index < len(self.at) else self.end)


def spelled(text: str, start: int = 0) -> Spelled:
    """Return a text that stands in the file as it is, from the offset `start` on."""
    return Spelled(text, range(start, start + len(text)), start)


def joined(pieces: list[Spelled], start: int) -> Spelled:
    """Join spelled pieces in their order."""
    if len(pieces) == 1:
        return pieces[0]
    at = tuple(offset for piece in pieces for offset in piece.at)
    first = at[0] if at else pieces[0].start if pieces else start
    return Spelled("".join(piece.text for piece in pieces), at, first)
