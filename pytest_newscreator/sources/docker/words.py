"""The word grammar of Dockerfiles: quotes, escapes and `${}` of ENV, ARG, FROM, COPY and their like.

The rules are those of BuildKit's shell lexer (frontend/dockerfile/shell) and name-value parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.bounds import DEEPEST
from pytest_newscreator.sources.lines import Spelled, joined

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-]")
_OPERATORS = (":-", ":+", ":?", "##", "%%", "//", "-", "+", "?", "#", "%", "/")
_SPACE = " \t\r\n"


@frozen
class Expansion:
    """`$name` or `${name<operator>operand}`; `start` is the offset of the dollar sign in the file."""

    name: str
    operator: str
    operand: tuple[Part, ...]
    operand_start: int
    start: int


Part = Spelled | Expansion


def parts(word: Spelled, escape: str = "\\") -> tuple[Part, ...]:
    """Return the literal pieces and the expansions of a word, with quotes and escapes undone."""
    return _Lexer(word, escape).until("")


def depth(word: tuple[Part, ...]) -> int:
    """Return how deep the expansions of a word nest; what stands deeper than we follow is taken as it is."""
    inside = (1 + depth(part.operand) for part in word if isinstance(part, Expansion))
    return max(inside, default=0)


def split(text: Spelled, escape: str = "\\") -> list[Spelled]:
    """Split at white space outside quotes and escapes; the words keep their quotes, as `parts` expects them."""
    words, begin, index, quote = [], None, 0, ""
    chars = text.text
    while index < len(chars):
        char = chars[index]
        if begin is None and char not in _SPACE:
            begin = index
        if quote:
            index += char == escape and quote == '"'
            quote = "" if char == quote and chars[index] == char else quote
        elif char in "'\"":
            quote = char
        elif char == escape:
            index += 1
        elif char in _SPACE and begin is not None:
            words.append(text.cut(begin, index))
            begin = None
        index += 1
    if begin is not None:
        words.append(text.cut(begin))
    return words


def pairs(text: Spelled, escape: str = "\\") -> list[tuple[str, Spelled | None]]:
    """Return the names and raw values of an ENV or ARG line; the old form `ENV name value` is one pair."""
    words = split(text, escape)
    if words and "=" not in words[0].text:
        rest = text.cut(len(words[0].text) + text.text.index(words[0].text)).stripped()
        if rest.text:
            return [(words[0].text, rest)]
    return list(_named(words))


def arguments(text: Spelled, escape: str = "\\") -> list[tuple[str, Spelled | None]]:
    """Return the names and raw defaults of an ARG line, where a name may stand alone."""
    return list(_named(split(text, escape)))


def _named(words: list[Spelled]) -> Iterator[tuple[str, Spelled | None]]:
    """Yield `name=value` words as pairs, bare names with `None`."""
    for word in words:
        name, equals, _ = word.text.partition("=")
        yield name, word.cut(len(name) + 1) if equals else None


class _Lexer:
    """A cursor over one word."""

    def __init__(self, word: Spelled, escape: str) -> None:
        """Start at the first character."""
        self.word = word
        self.chars = word.text
        self.escape = escape
        self.index = 0
        self.depth = 0

    def until(self, stop: str) -> tuple[Part, ...]:
        """Return the parts up to the character `stop`, which is consumed, or to the end."""
        found: list[Part] = []
        while self.index < len(self.chars):
            char = self.chars[self.index]
            if char == stop:
                self.index += 1
                break
            if char == "'":
                self._single(found)
            elif char == '"':
                self._double(found)
            elif char == "$":
                found.append(self._dollar())
            elif char == self.escape and self.index + 1 < len(self.chars):
                self.index += 1
                found.append(self._take())
            else:
                found.append(self._run(f"'\"${self.escape}{stop}"))
        return _merged(found)

    def _run(self, special: str) -> Spelled:
        """Return the next character, and all behind it that are as plain."""
        begin = self.index
        self.index += 1
        while self.index < len(self.chars) and self.chars[self.index] not in special:
            self.index += 1
        return self.word.cut(begin, self.index)

    def _take(self) -> Spelled:
        """Return the next character as it is."""
        self.index += 1
        return self.word.cut(self.index - 1, self.index)

    def _single(self, found: list[Part]) -> None:
        """Take what stands between single quotes as it is."""
        end = self.chars.find("'", self.index + 1)
        end = len(self.chars) if end < 0 else end
        found.append(self.word.cut(self.index + 1, end))
        self.index = end + 1

    def _double(self, found: list[Part]) -> None:
        """Take what stands between double quotes, where only quote, dollar and the escape can be escaped."""
        self.index += 1
        found.append(self.word.cut(self.index, self.index))
        while self.index < len(self.chars) and self.chars[self.index] != '"':
            following = self.chars[self.index + 1 : self.index + 2]
            if self.chars[self.index] == "$":
                found.append(self._dollar())
                continue
            if self.chars[self.index] == self.escape and following and following in f'"${self.escape}':
                self.index += 1
                found.append(self._take())
            else:
                found.append(self._run(f'"${self.escape}'))
        self.index += 1

    def _dollar(self) -> Part:
        """Return the expansion that begins here; a dollar sign before no name is itself."""
        begin = self.index
        start = self.word.at[begin]
        braced = self.chars.startswith("${", begin)
        name = _NAME.match(self.chars, begin + (2 if braced else 1))
        if name is None or self.depth > DEEPEST:
            return self._take()
        self.index = name.end()
        if not braced:
            return Expansion(name[0], "", (), start, start)
        operator = next((mark for mark in _OPERATORS if self.chars.startswith(mark, self.index)), "")
        self.index += len(operator)
        operand_start = self.word.at[self.index] if self.index < len(self.chars) else self.word.end
        self.depth += 1
        operand = self.until("}")
        self.depth -= 1
        return Expansion(name[0], operator, operand, operand_start, start)


def _merged(found: list[Part]) -> tuple[Part, ...]:
    """Join neighbouring literal pieces; an empty one (`""`) stays only where it is all there is."""
    merged: list[Part] = []
    for is_literal, group in groupby(found, lambda part: isinstance(part, Spelled)):
        pieces = list(group)
        literals = [part for part in pieces if isinstance(part, Spelled)]
        merged += [joined(literals, literals[0].start)] if is_literal else pieces
    if len(merged) > 1:
        merged = [part for part in merged if isinstance(part, Expansion) or part.text]
    return tuple(merged)
