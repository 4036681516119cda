"""The grammar of a Modelfile: where its commands are, by offsets into the text, and what is none."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.ollama import modelfile_parameters as options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_newscreator.sources.ollama.modelfile_parameters import Release

COMMANDS: Mapping[str, Release] = {
    "FROM": (0,),
    "LICENSE": (0,),
    "TEMPLATE": (0,),
    "SYSTEM": (0,),
    "ADAPTER": (0,),
    "DRAFT": (0, 23, 1),
    "RENDERER": (0,),
    "PARSER": (0,),
    "PARAMETER": (0,),
    "MESSAGE": (0,),
    "REQUIRES": (0,),
}
COMMENT_HINT = "; Ollama knows comments only at the start of a line"

_ROLES = ("system", "user", "assistant")
_BETWEEN = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_WORD = re.compile(r".[A-Za-z]*", re.DOTALL)
_TOKEN = re.compile(r"\S{1,40}")
_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_]*")
_ROLE = re.compile(r"[A-Za-z]*")
_BLANKS = re.compile(r"[ \t]*")
LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NEXT_COMMAND = re.compile(rf"(?<=[\r\n])[ \t]*(?:{'|'.join(COMMANDS)})[ \t]", re.IGNORECASE)


@frozen
class Span:
    """A command by offsets into the text; reading goes on at `end`."""

    keyword: str
    name: str
    value: str
    start: int
    value_start: int
    end: int


@frozen
class Refusal:
    """A position that the grammar refuses, and why; a value that `is_open` swallows the rest of the file."""

    start: int
    message: str
    is_open: bool = False


def scan(text: str, known: frozenset[str]) -> Iterator[Span | Refusal]:
    """Walk over the commands of a file; after a refusal, go on at the next line that starts with a command."""
    at = _skip(_BETWEEN, text, 0)
    while at < len(text):
        item = _command(text, at, known)
        yield item
        end = item.end if isinstance(item, Span) else _resumed(text, item)
        at = _skip(_BETWEEN, text, end)


def _resumed(text: str, refusal: Refusal) -> int:
    """Return the offset from which a file can be read again behind a refusal."""
    found = None if refusal.is_open else _NEXT_COMMAND.search(text, refusal.start + 1)
    return found.start() if found else len(text)


def _command(text: str, start: int, known: frozenset[str]) -> Span | Refusal:
    """Read one command; its keyword may be in any case and behind one unprintable character."""
    end = _skip(_WORD, text, start)
    keyword = _printable(text[start:end]).upper()
    if keyword not in known:
        return Refusal(start, _unknown_command(text, start, keyword))
    if not _is_blank(text, end):
        return Refusal(start, _cut_off(keyword, text, end))
    if keyword == "PARAMETER":
        return _parameter(text, start, end + 1)
    if keyword == "MESSAGE":
        return _message(text, start, end + 1)
    return _valued(text, keyword, "model" if keyword == "FROM" else keyword.lower(), start, end + 1)


def _parameter(text: str, start: int, at: int) -> Span | Refusal:
    """Read what follows PARAMETER: a name up to one blank, which may be empty, and the value."""
    end = _skip(_PARAMETER_NAME, text, at)
    name = text[at:end]
    if not _is_blank(text, end):
        return Refusal(start, _cut_off(f"PARAMETER {name}".rstrip(), text, end))
    return _valued(text, "PARAMETER", name, start, end + 1)


def _message(text: str, start: int, at: int) -> Span | Refusal:
    """Read what follows MESSAGE: a role in lower case and the value."""
    end = _skip(_ROLE, text, at)
    role = text[at:end]
    if role not in _ROLES:
        return Refusal(at, f"the message role is {role!r}, it should be system, user or assistant in lower case")
    if not _is_blank(text, end):
        return Refusal(start, _cut_off(f"MESSAGE {role}", text, end))
    span = _valued(text, "MESSAGE", "message", start, end + 1)
    return replace(span, value=f"{role}: {span.value}") if isinstance(span, Span) else span


def _valued(text: str, keyword: str, name: str, start: int, at: int) -> Span | Refusal:
    """Read a value: to the end of the line or, in quotes, to the first line that ends with the closing ones."""
    value_start = _first_kept(text, at)
    end = _line_end(text, at)
    line = _printable(text[at:end]).strip(" \t")
    if not line.startswith('"'):
        return Span(keyword, name, line, start, value_start, end)
    quote = '"""' if line.startswith('"""') else '"'
    closed = len(line) >= 2 * len(quote) and line.endswith(quote)
    pieces = [line if closed else _printable(text[at:end]).lstrip(" \t")]
    while not closed:
        if end == len(text):
            return Refusal(value_start, _open_quote(quote, line), is_open=True)
        pieces.append(text[end])
        at, end = end + 1, _line_end(text, end + 1)
        pieces.append(_printable(text[at:end]))
        closed = pieces[-1].rstrip(" \t").endswith(quote)
    value = "".join(pieces).rstrip(" \t")[len(quote) : -len(quote)]
    return Span(keyword, name, value, start, value_start + len(quote), end)


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Return the offset behind what `pattern` matches at `at`."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _is_blank(text: str, at: int) -> bool:
    """Tell whether a blank or a tab stands at an offset."""
    return text[at : at + 1] in (" ", "\t")


def _line_end(text: str, at: int) -> int:
    """Return the offset of the next line break, or of the end of the text."""
    found = LINE_BREAK.search(text, at)
    return found.start() if found else len(text)


def _printable(line: str) -> str:
    """Drop what Ollama drops from a line: everything unprintable but tabs (NBSP and U+3000 too)."""
    if line.replace("\t", " ").isprintable():
        return line
    return "".join(char for char in line if char.isprintable() or char == "\t")


def _first_kept(text: str, at: int) -> int:
    """Return the offset of a value's first character: the next that is neither blank nor dropped."""
    end = _line_end(text, at)
    kept = (offset for offset in range(at, end) if text[offset] not in " \t" and text[offset].isprintable())
    return next(kept, _skip(_BLANKS, text, at))


def _unknown_command(text: str, start: int, keyword: str) -> str:
    """Say that a line starts with no command, and what it may be instead."""
    if keyword in COMMANDS:
        since = ".".join(map(str, COMMANDS[keyword]))
        return f"{keyword} is a command only from Ollama {since} on"
    found = _TOKEN.match(text, start)
    near = options.nearest(keyword, tuple(COMMANDS))
    hint = f", did you mean {near}?" if near else ', a value over several lines should stand in """'
    return f"{found.group() if found else keyword!r} is not a command{hint}"


def _cut_off(words: str, text: str, at: int) -> str:
    """Say that a blank should stand where something else, or nothing, stands."""
    if at == len(text) or text[at] in "\r\n":
        return f"{words} stands alone, a blank and a value should follow on the same line"
    return f"{words} is followed by {text[at]!r}, it should be followed by a blank and a value"


def _open_quote(quote: str, line: str) -> str:
    """Say that a quoted value never ends, and why."""
    if quote in line[len(quote) :]:
        hint = COMMENT_HINT if "#" in line.rpartition('"')[2] else ""
        return f"text follows the closing {quote}, the quote should end the line{hint}"
    return f"the quote {quote} is never closed, a line should end with it"
