"""Shells that are not ours to walk, PowerShell and cmd: their calls of `ollama`, whose words need no quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import Lines, Locate, Spelled
from pytest_newscreator.sources.ollama.commands import find_call
from pytest_newscreator.sources.sites import Read, Site, SourceFile

_END = re.compile(r"[\n;|&{}()]|\Z")
_COMMANDS = re.compile(r"[^\n;|&]+")
_WORD = re.compile(r"[^\s'\"]+")
_UNKNOWN = re.compile(r"[$%!]")
_BATCH = re.compile(
    r"^[ \t]*@?(?:(?P<comment>(?:rem\b|::)[^\n]*)|"
    r"set[ \t]+(?P<quote>\"?)(?P<name>\w+)=(?P<value>[^\n\"&|]*)|(?P<line>[^\n]+))",
    re.MULTILINE | re.IGNORECASE,
)
_CALL = re.compile(r"(?<![\w.%'\"-])ollama(?:\.exe)?(?=[ \t])", re.IGNORECASE)


def calls(text: str, start: int, lines: Lines) -> Iterator[Site]:
    """Yield the names that the call of `ollama` at an offset asks for."""
    end = _END.search(text, start)
    words = list(_WORD.finditer(text, start, end.start() if end else len(text)))
    found = find_call(["ollama", *(word[0] for word in words[1:])])
    for index in found.uses if found is not None else ():
        if not _UNKNOWN.search(words[index][0]):
            yield Site(None, words[index][0], lines.place(words[index].start()), "ollama-argument")


def called_in(script: Spelled, locate: Locate) -> Iterator[Site]:
    """Yield the names that the commands in a string ask for: `execSync("cd a && ollama run X")`."""
    for command in _COMMANDS.finditer(script.text):
        words = list(_WORD.finditer(script.text, command.start(), command.end()))
        found = find_call([word[0] for word in words])
        for index in found.uses if found is not None else ():
            if not _UNKNOWN.search(words[index][0]):
                place = script.cut(words[index].start()).locator(locate)(0)
                yield Site(None, words[index][0], place, "ollama-argument")


def read_batch(source: SourceFile) -> Read:
    """Read a script of cmd: what `set` gives to a variable, and the calls of `ollama`."""
    lines = Lines(source.path, source.text)
    sites: list[Site] = []
    for match in _BATCH.finditer(source.text):
        value = (match["value"] or "").rstrip()
        if value and not _UNKNOWN.search(value):
            sites.append(Site(match["name"], value, lines.place(match.start("value")), "shell-assignment"))
        for call in _CALL.finditer(source.text, match.start("line"), match.end("line")) if match["line"] else ():
            sites.extend(calls(source.text, call.start(), lines))
    return Read(tuple(sites))
