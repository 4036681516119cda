"""Source text of any language as tokens: names, numbers, operators and strings, without comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from pytest_newscreator.sources.lines import Spelled
from pytest_newscreator.sources.literals.languages import WORDS_BEFORE_VALUES, Form, Language

TokenKind = Literal["name", "number", "operator", "string", "unknown", "other"]

_OPERATORS = r"\?\?=?|\|\|=?|\?:|\?\.|=>|->|<-|//=?|::|:=|&&|[=!]==?|<>|\.\.+|[^\w\s]"
_NUMBER = r"\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?\w*"
_PATTERN = r"/(?![*/\s])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*"
_MIRRORED = {"[": "]", "(": ")", "{": "}", "<": ">"}
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "a": "\a", "\n": ""}
_SUFFIX = re.compile(r"(?<=[\d.])(?:[uifUIF]\d{1,3}|usize|isize|[uUlLfFdDmMn]{1,3})\Z")


class Token(NamedTuple):
    """One token; `text` of a string is what it says, and `start` is where that begins, inside its quotes."""

    kind: TokenKind
    text: str
    start: int
    end: int


class Unlexable(Exception):  # noqa: N818 - what a text is
    """The text cannot be split into tokens any further; holds the offset."""

    def __init__(self, offset: int) -> None:
        """Keep the offset of what could not be understood."""
        super().__init__(offset)
        self.offset = offset


@dataclass(slots=True)
class _Open:
    """A string that is being read, or that waits for the code in one of its holes to end."""

    form: Form
    events: re.Pattern[str]
    start: int
    known: bool = True
    closer: str = "}"
    depth: int = 0


@cache
def _master(language: Language) -> re.Pattern[str]:
    """Return the expression that matches one token of a language, behind white space."""
    parts = [f"(?P<comment>{'|'.join(language.comments)})"] if language.comments else []
    parts += [f"(?P<form{index}>{form.opens})" for index, form in enumerate(language.forms)]
    parts += [rf"(?P<name>{language.names})", rf"(?P<number>{_NUMBER})", rf"(?P<operator>{_OPERATORS})"]
    return re.compile(r"\s*(?:" + "|".join(parts) + ")", re.DOTALL | re.MULTILINE)


@cache
def _events(form: Form, opening: str) -> re.Pattern[str]:
    """Return the expression that finds what matters inside a string: its end, a hole, an escape."""
    mirrored = re.escape(_MIRRORED.get(opening, opening))
    parts = [f"(?P<escape>{form.escapes})"] if form.escapes else []
    parts += [f"(?P<close>{form.closes.replace('§', mirrored)})"]
    parts += [f"(?P<hole>{form.holes})"] if form.holes else []
    parts += [f"(?P<mark>{form.marks})"] if form.marks else []
    parts += [] if form.spans_lines else [r"(?P<line>\n)"]
    return re.compile("|".join(parts), re.MULTILINE | re.DOTALL)


@cache
def _opening(form: Form) -> re.Pattern[str]:
    return re.compile(form.opens)


_PATTERN_RE = re.compile(_PATTERN)


class Lexer:
    """The reading of one text; `tokens` is what came out."""

    def __init__(self, text: str, language: Language) -> None:
        """Start at the beginning of a text."""
        self.text = text
        self.language = language
        self.tokens: list[Token] = []
        self.waiting: list[_Open] = []
        self.endless: set[re.Pattern[str]] = set()

    def run(self) -> list[Token]:
        """Read the whole text; nothing that it holds raises."""
        master, text, add = _master(self.language), self.text, self.tokens.append
        position = 0
        while match := master.match(text, position):
            group = match.lastgroup or "operator"
            position, start = match.end(), match.start(group)
            if group == "name":
                add(Token("name", match[group], start, position))
            elif group == "operator":
                position = self.operator(match[group], start)
            elif group == "number":
                add(Token("number", _number(match[group]), start, position))
            elif group != "comment":
                position = self.string(self.language.forms[int(group[4:])], start)
        return self.tokens

    def operator(self, text: str, start: int) -> int:
        """Take an operator, a pattern between slashes, or the bracket that ends a hole."""
        if text[0] == "/" and self.language.patterns and self.begins_value():
            pattern = _PATTERN_RE.match(self.text, start)
            if pattern:
                self.tokens.append(Token("other", "", start, pattern.end()))
                return pattern.end()
        self.tokens.append(Token("operator", text, start, start + len(text)))
        if self.waiting and len(text) == 1:
            innermost = self.waiting[-1]
            innermost.depth += (text in "({") - (text in ")}")
            if innermost.depth < 0 and text == innermost.closer:
                self.tokens.pop()
                self.waiting.pop()
                innermost.depth = 0
                return self.body(innermost, start + 1)
        return start + len(text)

    def begins_value(self) -> bool:
        """Tell whether a `/` here begins a pattern: behind a value it divides, behind `<` it closes an element."""
        if not self.tokens:
            return True
        before = self.tokens[-1]
        if before.kind == "name":
            return before.text in WORDS_BEFORE_VALUES
        return before.kind == "operator" and before.text not in {")", "]", "}", "<", "++", "--"}

    def string(self, form: Form, start: int) -> int:
        """Read a string from its opening on; an opening that opens nothing is an operator."""
        opening = _opening(form).match(self.text, start)
        before = self.tokens[-1] if self.tokens else None
        if opening is None:
            raise Unlexable(start)
        is_glued = before is not None and before.end == start and before.kind in {"name", "number"}
        if form.apart and is_glued and before and before.text not in WORDS_BEFORE_VALUES:
            return self.quote(start)
        events = _events(form, opening[1] or "" if opening.re.groups else "")
        if events in self.endless:
            return self.quote(start)
        return self.body(_Open(form, events, opening.end()), opening.end(), quote=start)

    def quote(self, start: int) -> int:
        """Take a character that opens no string."""
        self.tokens.append(Token("operator", self.text[start], start, start + 1))
        return start + 1

    def body(self, string: _Open, position: int, quote: int | None = None) -> int:
        """Read on inside a string to its end, or to the next hole."""
        while match := string.events.search(self.text, position):
            event, position = match.lastgroup, match.end()
            if event == "close":
                self.close(string, match.start(), position)
                return position
            if event == "line":
                if quote is not None and string.known:
                    return self.quote(quote)
                self.tokens.append(Token("unknown", "", string.start, match.start()))
                return match.start()
            if event == "hole":
                self.tokens.append(Token("unknown", "", string.start, position))
                string.known = False
                string.closer = ")" if match[0].endswith("(") else "}"
                self.waiting.append(string)
                return position
            if event == "mark":
                string.known = False
        self.endless.add(string.events)
        if quote is not None:
            return self.quote(quote)
        return len(self.text)

    def close(self, string: _Open, end: int, after: int) -> None:
        """Add the token of a string that is read whole."""
        holds = string.form.holds
        if holds == "words":
            for word in re.finditer(r"\S+", self.text[string.start : end]):
                start = string.start + word.start()
                self.tokens.append(Token("string", word[0], start, string.start + word.end()))
        elif holds == "character" or not string.known:
            self.tokens.append(Token("unknown", "", string.start, after))
        elif holds == "text":
            raw = self.text[string.start : end]
            escaped = string.form.escapes and any(mark in raw for mark in "\\`'\"")
            text = unescaped(raw, string.start, string.form).text if escaped else raw
            self.tokens.append(Token("string", text, string.start, after))


def unescaped(raw: str, start: int, form: Form) -> Spelled:
    """Return what the inside of a string says, each character with its offset."""
    pieces: list[str] = []
    at: list[int] = []
    position = 0
    for match in re.finditer(form.escapes, raw) if form.escapes else ():
        pieces.append(raw[position : match.start()])
        at.extend(range(start + position, start + match.start()))
        said = _said(match[0])
        pieces.append(said)
        at.extend([start + match.start()] * len(said))
        position = match.end()
    pieces.append(raw[position:])
    at.extend(range(start + position, start + len(raw)))
    return Spelled("".join(pieces), at, start)


def _said(escape: str) -> str:
    """Return what one escape stands for; one that is written in numbers keeps its letters."""
    if escape[0] == "\\":
        return _SIMPLE.get(escape[1], escape[1])
    if escape[0] == "`":
        return _SIMPLE.get(escape[1], escape[1])
    return escape[1:]


def _number(text: str) -> str:
    """Return a number without what separates its digits or gives its type."""
    return _SUFFIX.sub("", text.replace("_", "")) if not text.startswith(("0x", "0b", "0o")) else text


def lex(text: str, language: Language) -> list[Token]:
    """Split a text into tokens."""
    return Lexer(text, language).run()


def spelled_string(text: str, token: Token, language: Language) -> Iterator[Spelled]:
    """Yield a string token's text with the offset of each character, where it is known how it is written."""
    raw_end = token.end
    raw = text[token.start : raw_end]
    if raw.startswith(token.text):
        yield Spelled(token.text, range(token.start, token.start + len(token.text)), token.start)
        return
    form = next((form for form in language.forms if form.escapes), None)
    if form is not None:
        whole = unescaped(raw, token.start, form)
        if whole.text.startswith(token.text):
            yield whole.cut(0, len(token.text))
