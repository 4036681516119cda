"""Files of lines: INI, properties, systemd units, nginx and other `.conf`, Procfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import Lines, Locate, Spelled, joined, spelled
from pytest_newscreator.sources.literals.scripts import PLACEHOLDER, read_shell
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SourceFile, merge

_HEAD = (
    r"^[ \t]*(?:(?P<comment>[#;!][^\n]*)|(?P<section>\[[^\n]*)|"
    r"(?:export[ \t]+|set[ \t]+)?(?P<key>[\w$./\[\]-]+)(?P<sep>[ \t]*[=:][ \t]*|[ \t]+)(?P<value>"
)
_LINE = re.compile(_HEAD + r"[^\n]*))", re.MULTILINE)
_UNIT_LINE = re.compile(_HEAD + r"(?:[^\n]*\\\r?\n(?:[ \t]*[#;][^\n]*\n)*)*[^\n]*))", re.MULTILINE)
_JOINT = re.compile(r"\\\r?\n(?:[ \t]*[#;][^\n]*\n)*")
_PROPERTY = re.compile(_HEAD + r"(?:[^\n]*(?<!\\)(?:\\\\)*\\\r?\n)*[^\n]*))", re.MULTILINE)
_PROPERTY_JOINT = re.compile(r"\\\r?\n[ \t]*")
_UNITS = (".service", ".container", ".socket", ".timer", ".conf")
_INLINE_COMMENT = re.compile(r"[ \t]+[#;].*\Z|[ \t;\r]+\Z")
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<inside>.*?)(?P=quote)")
_PAIR = (
    r"(?P<quote>[\"'])(?P<quoted_name>[A-Za-z_]\w*)=(?P<quoted>.*?)(?P=quote)|"
    r"(?<![^\s,])(?P<name>[A-Za-z_]\w*)=(?:(?P<inner>[\"'])(?P<inside>.*?)(?P=inner)|"
)
_UNIT_PAIR = re.compile(_PAIR + r"(?P<bare>[^\s\"']*))")
_COMMA_PAIR = re.compile(_PAIR + r"(?P<bare>[^\s\"',]*))")
_COMMAND = re.compile(r"Exec\w*\Z|command\Z|cmd\Z")
_PROCESS = re.compile(r"^(?P<name>[\w-]+):[ \t]*(?P<command>[^\n]+)", re.MULTILINE)
_TELLING = re.compile(r"[^\W_]")


def read_lines(source: SourceFile) -> Read:
    """Report each key with a value of one word, the variables that a unit sets, and what its commands say."""
    lines = Lines(source.path, source.text)
    line, joint, gap = _LINE, None, ""
    if source.path.endswith(_UNITS):
        line, joint, gap = _UNIT_LINE, _JOINT, " "
    elif source.path.endswith(".properties"):
        line, joint = _PROPERTY, _PROPERTY_JOINT
    found: list[Read] = []
    for match in line.finditer(source.text):
        if match["key"] is not None and match["value"]:
            whole = _joined(match["value"], match.start("value"), joint, gap)
            found += _line(source, lines, match, whole)
    return merge(found)


def _joined(value: str, start: int, joint: re.Pattern[str] | None, gap: str) -> Spelled:
    """Return a value in one piece that is written over several lines; `gap` stands where they meet."""
    if joint is None or "\n" not in value:
        return spelled(value, start)
    pieces: list[Spelled] = []
    position = 0
    for match in joint.finditer(value):
        pieces.append(spelled(value[position : match.start()], start + position))
        pieces.append(spelled(gap, start + match.start()))
        position = match.end()
    return joined([*pieces, spelled(value[position:], start + position)], start)


def _line(source: SourceFile, lines: Lines, match: re.Match[str], whole: Spelled) -> Iterator[Read]:
    key, text, locate = match["key"], whole.text, whole.locator(lines.place)
    if _COMMAND.match(key) and "=" in match["sep"]:
        skipped = len(text) - len(text.lstrip("-@+!:"))
        yield read_shell(whole.cut(skipped, len(text.rstrip("\r"))), lines.place, problems=False)
    elif key.lower() in {"environment", "env"} and "=" in text:
        yield Read(tuple(_pairs(text, locate, _UNIT_PAIR if key == "Environment" else _COMMA_PAIR)))
    elif "=" in match["sep"] or ":" in match["sep"] or source.path.endswith((".conf", ".properties")):
        value = _value(key, text, locate)
        is_long = "\n" in match["value"] and not (value.sites or value.reads)
        yield Read(tuple(_pairs(text, locate, _UNIT_PAIR))) if is_long else value


def _pairs(text: str, locate: Locate, pattern: re.Pattern[str]) -> Iterator[Site]:
    """Yield the variables of `Environment="A=1" B=2`, and of `environment=A="1",B="2"`."""
    for pair in pattern.finditer(text):
        group = next(name for name in ("quoted", "inside", "bare") if pair[name] is not None)
        yield Site(pair["name"] or pair["quoted_name"], pair[group], locate(pair.start(group)), "literal")


def _value(key: str, whole: str, locate: Locate) -> Read:
    """Return the site of one value, or those of the placeholders in it."""
    found = tuple(PLACEHOLDER.finditer(whole))
    if found:
        sites = (Site(one["name"], one["value"], locate(one.start("value")), "code-default") for one in found)
        return Read(tuple(sites), frozenset(one["name"] for one in found))
    quoted = _QUOTED.match(whole)
    text = quoted["inside"] if quoted else _INLINE_COMMENT.sub("", whole)
    if not text or re.search(r"\s", text) or not _TELLING.search(text) or "$" in text:
        return Read()
    return Read((Site(re.split(r"[./$]", key)[-1], text, locate(1 if quoted else 0), "literal"),))


def read_processes(source: SourceFile) -> Read:
    """Report what the commands of a Procfile say."""
    lines = Lines(source.path, source.text)
    found = _PROCESS.finditer(source.text)
    reads = [read_shell(spelled(match["command"], match.start("command")), lines.place) for match in found]
    joined = merge(reads)
    return Read(in_order(joined.sites), joined.reads, joined.problems)
