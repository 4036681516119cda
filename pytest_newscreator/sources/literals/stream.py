"""A file's tokens with what connects them: which bracket closes which, constants, and values as literals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.literals.lexer import Token
from pytest_newscreator.sources.sites import Overwrites, Site, SiteKind

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*\Z")
"""What environment variables are called; a mixed name counts only where nothing else can stand."""

_CLOSES = {")": "(", "]": "[", "}": "{"}
_JOINS = frozenset({".", "?.", "::", "->"})
_WRAPPERS = frozenset(
    [
        "from",
        "String",
        "string",
        "str",
        "valueOf",
        "of",
        "Number",
        "parseInt",
        "parseFloat",
        "Integer",
        "to_string",
        "Text",
    ]
)
_SAME = frozenset(
    ["into", "to_string", "to_owned", "freeze", "to_i", "to_s", "toString", "clone", "intern", "trim", "as_str"]
)
_CHANGES = frozenset({"+", "%", "*", "<>", "..", "/"})
_BOOLEANS = frozenset({"true", "false", "True", "False"})
_TEST_CODE = ("cfg", "(", "test", ")")
_DEEPEST = 100
_END = Token("other", "", -1, -1)


class Value(NamedTuple):
    """What stands where a value is expected: the token that says it (`None`: only running tells), and what follows."""

    token: Token | None
    place: int
    after: int


class Stream:
    """The tokens of one file, and the sites that are found in them."""

    def __init__(self, path: str, text: str, tokens: list[Token]) -> None:
        """Connect the tokens; inline test code is left out."""
        self.text = text
        self.lines = Lines(path, text)
        self.tokens = tokens
        self.partner, self.inside = _brackets(tokens)
        self.skipped = frozenset(self._test_code())
        self.constants = _constants(self)
        self.sites: list[Site] = []
        self.reads: set[str] = set()
        self.consumed: set[int] = set()

    def __getitem__(self, index: int) -> Token:
        """Return a token; beyond either end, one that is nothing."""
        return self.tokens[index] if 0 <= index < len(self.tokens) else _END

    def is_(self, index: int, *texts: str) -> bool:
        """Tell whether an operator or a name stands at `index`, one of `texts`."""
        if not 0 <= index < len(self.tokens):
            return False
        token = self.tokens[index]
        return token.text in texts and token.kind in {"operator", "name"}

    def joins(self, index: int) -> bool:
        """Tell whether a member follows: `.`, `?.`, `::` or `->`."""
        token = self[index]
        return token.kind == "operator" and token.text in _JOINS

    def close(self, index: int) -> int:
        """Return the bracket that closes the one at `index`, or the end of the file."""
        return self.partner.get(index, len(self.tokens))

    def group(self, index: int) -> range:
        """Return the indexes inside the innermost brackets around a token."""
        opening = self.inside[index]
        return range(opening + 1, self.close(opening) if opening >= 0 else len(self.tokens))

    def add(  # noqa: PLR0913 - what a site has
        self,
        setting: str | None,
        value: Value,
        kind: SiteKind,
        *,
        into: str | None = None,
        model: str | None = None,
        overwrites: Overwrites = "",
    ) -> None:
        """Report a value for a setting, at the literal that it comes from."""
        text = value.token.text if value.token else None
        place = self.lines.place(value.token.start if value.token else value.place)
        self.sites.append(Site(setting, text, place, kind, into, model=model, overwrites=overwrites))

    def literal(self, index: int) -> Value | None:
        """Return the literal or constant at `index`; one that is changed on the spot has a value nobody knows."""
        found = self._plain(index)
        if found is None:
            return None
        after = found.after
        while self.is_(after, ".") and self[after + 1].text in _SAME and self.is_(after + 2, "("):
            after = self.close(after + 2) + 1
        changes = self[after].kind == "operator" and self[after].text in _CHANGES
        return Value(None if changes else found.token, found.place, after)

    def _plain(self, index: int) -> Value | None:
        token = self[index]
        if token.kind in {"string", "number"} or (token.kind == "name" and token.text in _BOOLEANS):
            return Value(token, token.start, index + 1)
        if token.kind == "unknown":
            return Value(None, token.start, index + 1)
        if token.kind == "operator":
            return self._behind_operator(token, index)
        return self._named(index) if token.kind == "name" else None

    def _named(self, index: int) -> Value | None:
        """Return a constant of this file, or the literal in a call that only changes its type."""
        last = self.chain_end(index)
        if self.is_(last + 1, "(") and self[last].text in _WRAPPERS:
            found = self.literal(last + 2)
            return Value(found.token, found.place, self.close(last + 1) + 1) if found else None
        if self[last].text in _SAME and self.is_(last - 1, ".") and self.is_(last + 1, "("):
            last -= 2
        constant = self.constants.get(self[last].text)
        if constant is None or self.is_(last + 1, "(", "[", "{"):
            return None
        return Value(constant, constant.start, last + 1)

    def _behind_operator(self, token: Token, index: int) -> Value | None:
        """Return a value behind a sign, an ampersand or a bracket."""
        following = self[index + 1]
        if token.text == "-" and following.kind == "number":
            return Value(Token("number", f"-{following.text}", token.start, following.end), token.start, index + 2)
        if token.text == "&":
            return self._plain(index + 1)
        if token.text == "(":
            found = self.literal(index + 1)
            return Value(found.token, found.place, self.close(index) + 1) if found else None
        return None

    def chain_end(self, index: int) -> int:
        """Return the index of the last name of `a.b::c`, without calls."""
        while self.joins(index + 1) and self[index + 2].kind == "name":
            index += 2
        return index

    def _test_code(self) -> Iterator[int]:
        """Yield the indexes of test code that stands between other code: Rust's test modules, Vitest's blocks."""
        for index, token in enumerate(self.tokens):
            if token.kind != "name":
                continue
            is_rust = token.text == "cfg" and tuple(self[index + at].text for at in range(4)) == _TEST_CODE
            if is_rust or (token.text == "vitest" and self.is_(index - 2, "meta")):
                opening = next(
                    (at for at in range(index, min(index + 40, len(self.tokens))) if self.is_(at, "{")), None
                )
                if opening is not None:
                    yield from range(index, self.close(opening) + 1)


def _brackets(tokens: list[Token]) -> tuple[dict[int, int], list[int]]:
    """Return which index closes which, and the innermost opening bracket around each token; -1 is none."""
    partner: dict[int, int] = {}
    inside: list[int] = []
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "operator" and token.text in _CLOSES:
            wanted = _CLOSES[token.text]
            lowest = max(len(opened) - _DEEPEST, 0)
            level = next(
                (at for at in range(len(opened) - 1, lowest - 1, -1) if tokens[opened[at]].text == wanted), None
            )
            if level is not None:
                partner[opened[level]], partner[index] = index, opened[level]
                del opened[level:]
        inside.append(opened[-1] if opened else -1)
        if token.kind == "operator" and token.text in "([{":
            opened.append(index)
    return partner, inside


def _constants(stream: Stream) -> dict[str, Token]:
    """Return the names that a file gives a literal value, and gives it once."""
    found: dict[str, Token | None] = {}
    for index, token in enumerate(stream.tokens):
        if token.kind not in {"string", "number"} or index in stream.skipped:
            continue
        name = _named(stream, index)
        if name is not None and not stream.is_(index + 1, *_CHANGES):
            found[name] = None if name in found else token
    return {name: token for name, token in found.items() if token is not None}


def _named(stream: Stream, index: int) -> str | None:
    """Return the name that the literal at `index` is given to: `X = d`, `X: &str = d`, `#define X d`."""
    if stream.is_(index - 2, "define") and stream.is_(index - 3, "#"):
        return stream[index - 1].text
    if not stream.is_(index - 1, "=", ":="):
        return None
    if stream[index - 2].kind != "name":
        return None
    for at in range(index - 2, max(index - 9, -1), -1):
        if stream.is_(at, ":") and stream[at - 1].kind == "name":
            return stream[at - 1].text
        if stream.is_(at, "=", ";", ",", "(", ")", "{", "}"):
            break
    return stream[index - 2].text


def first(values: Iterable[Value | None]) -> Value | None:
    """Return the first value there is."""
    return next((value for value in values if value is not None), None)
