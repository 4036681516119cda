"""An article as chunks: cut between sentences where it can be, and never losing a character."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SENTENCE_END = re.compile(r"(?:[。！？!?\n]+|\.(?=\s))[」』）)”\"]*")  # noqa: RUF001 (Japanese punctuation is meant)


@dataclass(frozen=True, slots=True)
class Span:
    """The characters of a text from `start` up to, not including, `end`."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the characters of `text` that this span covers."""
        return text[self.start : self.end]


def spans(text: str, limit: int, overlap: int = 0) -> Iterator[Span]:
    """Cut `text` into spans of at most `limit` characters that together cover every character of it.

    A span ends after a sentence or a line break where there is one in its second half, else at `limit`;
    it repeats up to `overlap` characters of the span before it, whole sentences of it where there are any.
    Raises ValueError unless 0 <= overlap < limit.
    """
    if not 0 <= overlap < limit:
        message = f"overlap: is {overlap}, should be at least 0 and below the limit of {limit}"
        raise ValueError(message)
    start = 0
    while len(text) - start > limit:
        end = _cut(text, start + max(limit // 2, overlap + 1), start + limit)
        yield Span(start, end)
        start = _resume(text, end - overlap, end)
    if text:
        yield Span(start, len(text))


def split(text: str, limit: int, overlap: int = 0) -> list[str]:
    """Return the chunks that `spans` describes."""
    return [span.of(text) for span in spans(text, limit, overlap)]


def halves(text: str) -> list[str]:
    """Cut `text` in two or three near its middle, between sentences where it can be."""
    return split(text, max(1, (len(text) + 1) // 2))


def _cut(text: str, earliest: int, latest: int) -> int:
    """Return where the last sentence that ends from `earliest` to `latest` does, else `latest`."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text, earliest - 1, latest)]
    return ends[-1] if ends else latest


def _resume(text: str, earliest: int, latest: int) -> int:
    """Return where the first sentence that begins from `earliest` to `latest` does, else `earliest`."""
    match = _SENTENCE_END.search(text, max(earliest - 1, 0), latest)
    return match.end() if match and match.end() < latest else earliest
