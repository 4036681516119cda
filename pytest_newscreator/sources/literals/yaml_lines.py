"""YAML that cannot be parsed, line by line: what its keys and elements say, and what its scripts do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import UNKNOWN, Lines, Spelled, joined, spelled
from pytest_newscreator.sources.literals.scripts import PLACEHOLDER, hide, read_shell
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SourceFile, merge

_SCRIPTS = frozenset({"run", "script", "before_script", "after_script", "cmd", "cmds", "sh", "commands", "shell"})
_LINE = re.compile(
    r"^(?P<indent>[ \t]*(?:-[ \t]+)*)"
    r"(?:(?P<quote>[\"']?)(?P<key>[\w./$-]+)(?P=quote)[ \t]*:(?=[ \t\r]|$)[ \t]*)?(?P<value>[^\n]*)$",
    re.MULTILINE,
)
_BLOCK = re.compile(r"[|>][-+\d]*[ \t]*(?:#.*)?\r?\Z")
_ANCHOR = re.compile(r"(?:[&!][^\s,\[\]{}]+[ \t]+)+")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*\Z")
_SCALAR = re.compile(r"\"(?P<double>[^\"\\]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s\"'\[\]{},][^\s,\[\]{}]*)")
_PAIR = re.compile(r"(?P<key>[\w.-]+)[\"']?[ \t]*:[ \t]*\Z")
_VARIABLE = re.compile(r"[A-Za-z_]\w*(?==)")
_FILLED = re.compile(r"\$\{\{.*?\}\}")
_TELLING = re.compile(r"[^\W_]")


def read_broken(source: SourceFile) -> Read:
    """Report the values of one word, the placeholders and the scripts of a file whose structure nobody knows."""
    lines = Lines(source.path, source.text)
    found: list[Read] = []
    matches = list(_LINE.finditer(source.text))
    at = 0
    while at < len(matches):
        match = matches[at]
        at += 1
        if _BLOCK.match(match["value"]):
            end = _end(matches, at)
            if (match["key"] or "").rpartition(".")[2] in _SCRIPTS:
                block = joined([_whole(one, source.text) for one in matches[at:end]], match.end())
                found.append(read_shell(hide(block, _FILLED), lines.place, problems=False))
            at = end
        elif match["value"]:
            found.append(_value(match, lines))
    read = merge(found)
    return Read(in_order(read.sites), read.reads)


def _end(matches: list[re.Match[str]], at: int) -> int:
    """Return the index of the first line behind a block: the next one that is indented no further than its key."""
    key = len(matches[at - 1]["indent"].replace("-", " ").expandtabs(8))
    while at < len(matches):
        line = matches[at][0]
        if line.strip() and len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip()) <= key:
            break
        at += 1
    return at


def _whole(match: re.Match[str], text: str) -> Spelled:
    """Return a line with its end."""
    return spelled(text[match.start() : match.end() + 1], match.start())


def _value(match: re.Match[str], lines: Lines) -> Read:
    """Return what stands behind a key or a dash."""
    text, start = match["value"], match.start("value")
    anchor = _ANCHOR.match(text)
    text, start = (text[anchor.end() :], start + anchor.end()) if anchor else (text, start)
    text = _COMMENT.sub("", text).rstrip()
    if UNKNOWN in text or not text:
        return Read()
    filled = tuple(PLACEHOLDER.finditer(text))
    if filled:
        at = [lines.place(start + one.start("value")) for one in filled]
        sites = (Site(one["name"], one["value"], place, "code-default") for one, place in zip(filled, at, strict=True))
        return Read(tuple(sites), frozenset(one["name"] for one in filled))
    if (match["key"] or "").rpartition(".")[2] in _SCRIPTS and re.search(r"\s", text):
        return read_shell(hide(spelled(text, start), _FILLED), lines.place, problems=False)
    return Read(tuple(_scalars(match["key"], text, start, lines)))


def _scalars(key: str | None, text: str, start: int, lines: Lines) -> Iterator[Site]:
    """Yield a value of one word, or those of a list or mapping in brackets."""
    is_flow = text[0] in "[{"
    for one in _SCALAR.finditer(text) if is_flow else filter(None, [_SCALAR.fullmatch(text)]):
        group = one.lastgroup or "bare"
        value, begin = one[group], one.start(group)
        if not value or value.endswith(":") or re.search(r"\s", value) or not _TELLING.search(value) or "${{" in value:
            continue
        before = _PAIR.search(text, 0, one.start()) if is_flow else None
        name = before["key"] if before else None if is_flow else key
        variable = _VARIABLE.match(value) if name is None else None
        if variable is not None:
            name, cut = variable[0], variable.end() + 1
            value, begin = value[cut:], begin + cut
        if value:
            yield Site(name.rpartition(".")[2] if name else None, value, lines.place(start + begin), "literal")
