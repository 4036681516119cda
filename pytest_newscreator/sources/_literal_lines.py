"""Files of lines: INI, properties, systemd units, nginx and other `.conf`, Procfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources._literal_scripts import PLACEHOLDER, read_shell
from pytest_newscreator.sources._order import in_order
from pytest_newscreator.sources.lines import Lines, spelled
from pytest_newscreator.sources.sites import Read, Site, SourceFile, merge

_LINE = re.compile(
    r"^[ \t]*(?:(?P<comment>[#;!][^\n]*)|(?P<section>\[[^\n]*)|"
    r"(?:export[ \t]+|set[ \t]+)?(?P<key>[\w$./\[\]-]+)(?P<sep>[ \t]*[=:][ \t]*|[ \t]+)(?P<value>[^\n]*))",
    re.MULTILINE,
)
_INLINE_COMMENT = re.compile(r"[ \t]+[#;].*\Z|[ \t;\r]+\Z")
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<inside>.*?)(?P=quote)")
_PAIR = re.compile(
    r"(?P<quote>[\"']?)(?P<name>[A-Za-z_]\w*)=(?P<inner>[\"']?)(?P<value>[^\"',\s]*(?:[^\"',]*(?=[\"']))?)"
)
_COMMAND = re.compile(r"Exec\w+\Z|command\Z|cmd\Z")
_PROCESS = re.compile(r"^(?P<name>[\w-]+):[ \t]*(?P<command>[^\n]+)", re.MULTILINE)
_TELLING = re.compile(r"[^\W_]")


def read_lines(source: SourceFile) -> Read:
    """Report each key with a value of one word, the variables that a unit sets, and what its commands say."""
    lines = Lines(source.path, source.text)
    return merge([*(read for match in _LINE.finditer(source.text) for read in _line(source, lines, match))])


def _line(source: SourceFile, lines: Lines, match: re.Match[str]) -> Iterator[Read]:
    key, whole = match["key"], match["value"]
    if key is None or not whole:
        return
    start = match.start("value")
    if _COMMAND.match(key) and "=" in match["sep"]:
        skipped = len(whole) - len(whole.lstrip("-@+!:"))
        yield read_shell(spelled(whole[skipped:].rstrip("\r"), start + skipped), lines.place, problems=False)
    elif key.lower() in {"environment", "env"} and "=" in whole:
        yield Read(tuple(_pairs(whole, start, lines)))
    elif "=" in match["sep"] or ":" in match["sep"] or source.path.endswith((".conf", ".properties")):
        yield _value(key, whole, start, lines)


def _pairs(whole: str, start: int, lines: Lines) -> Iterator[Site]:
    """Yield the variables of `Environment="A=1" B=2` and of `environment=A="1",B="2"`."""
    for pair in _PAIR.finditer(whole):
        yield Site(pair["name"], pair["value"], lines.place(start + pair.start("value")), "literal")


def _value(key: str, whole: str, start: int, lines: Lines) -> Read:
    """Return the site of one value, or those of the placeholders in it."""
    found = tuple(PLACEHOLDER.finditer(whole))
    if found:
        places = (lines.place(start + match.start("value")) for match in found)
        sites = (
            Site(match["name"], match["value"], place, "code-default")
            for match, place in zip(found, places, strict=True)
        )
        return Read(tuple(sites), frozenset(match["name"] for match in found))
    quoted = _QUOTED.match(whole)
    text = quoted["inside"] if quoted else _INLINE_COMMENT.sub("", whole)
    if not text or re.search(r"\s", text) or not _TELLING.search(text) or "$" in text:
        return Read()
    place = lines.place(start + (1 if quoted else 0))
    return Read((Site(re.split(r"[./$]", key)[-1], text, place, "literal"),))


def read_processes(source: SourceFile) -> Read:
    """Report what the commands of a Procfile say."""
    lines = Lines(source.path, source.text)
    found = _PROCESS.finditer(source.text)
    reads = [read_shell(spelled(match["command"], match.start("command")), lines.place) for match in found]
    joined = merge(reads)
    return Read(in_order(joined.sites), joined.reads, joined.problems)
