"""Makefiles and justfiles: what their variables are given, and what their recipes say to a shell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import Lines, Spelled, joined, spelled
from pytest_newscreator.sources.literals.code import read_tokens
from pytest_newscreator.sources.literals.languages import JUST
from pytest_newscreator.sources.literals.lexer import lex
from pytest_newscreator.sources.literals.scripts import hide, read_shell
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SourceFile, merge

_LOGICAL = re.compile(r"(?:[^\\\n]|\\[\s\S]|\\\Z)*(?:\n|\Z)")
_ASSIGNMENT = re.compile(
    r"(?P<indent> *)(?:(?:export|override|private)[ ]+)*(?:[^\s:=#]+[ ]*:[ ]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*"
    r"(?P<operator>\?=|:{0,3}=|\+=|!=)[ \t]*(?P<value>[^\n]*)"
)
_COMMENT = re.compile(r"(?<!\\)[ \t]*#.*", re.DOTALL)
_REFERENCE = re.compile(r"\$\(([A-Za-z_][\w.-]*)\)|\$\{([A-Za-z_][\w.-]*)\}")
_FILLED = re.compile(r"\$\((?:[^()]|\([^()]*\))*\)|\$\{[^{}]*\}|\$[@<^*?%+]")
_PREFIX = re.compile(r"[ \t]*[@+-]*[ \t]*")
_DOLLARS = re.compile(r"\$\$")
_BRACES = re.compile(r"\{\{.*?\}\}")
_RULE_COMMAND = re.compile(r"^(?![^:\n]*=)[^\s#:][^:\n]*:[^=;\n]*;")


def read_makefile(source: SourceFile) -> Read:
    """Read a Makefile; continued lines count as one, `$$` is the shell's own dollar."""
    lines = Lines(source.path, source.text)
    found = merge([read for match in _LOGICAL.finditer(source.text) for read in _line(lines, match)])
    return Read(in_order(found.sites), found.reads, found.problems)


def _line(lines: Lines, match: re.Match[str]) -> Iterator[Read]:
    line, start = match[0].rstrip("\r\n"), match.start()
    if line.startswith("\t"):
        yield _recipe(spelled(line, start), lines)
        return
    assignment = _ASSIGNMENT.match(line)
    if assignment is None:
        command = _RULE_COMMAND.match(line)
        if command is not None:
            yield _recipe(spelled(line[command.end() :], start + command.end()), lines)
        return
    value = _COMMENT.sub("", assignment["value"]).rstrip()
    place = lines.place(start + assignment.start("value"))
    known = "$" not in value and assignment["operator"] in {"=", ":=", "::=", ":::=", "?="}
    names = {name for found in _REFERENCE.finditer(value) for name in found.groups() if name}
    name = assignment["name"]
    site = Site(name, value if known else None, place, "shell-assignment")
    yield Read((site,), frozenset(names | ({name} if assignment["operator"] == "?=" else set())))


def _recipe(line: Spelled, lines: Lines) -> Read:
    """Return what one command of a recipe says."""
    prefix = _PREFIX.match(line.text)
    script = line.cut(prefix.end() if prefix else 0)
    if script.text.startswith("#"):
        return Read()
    names = {name for found in _REFERENCE.finditer(script.text) for name in found.groups() if name}
    pieces = [hide(piece, _FILLED) for piece in _between(script)]
    read = read_shell(joined(pieces, script.start), lines.place, problems=False)
    return Read(read.sites, read.reads | names, read.problems)


def _between(script: Spelled) -> Iterator[Spelled]:
    """Yield a recipe without the first of two dollars: in pieces, so that what follows is not taken for Make's."""
    position = 0
    for match in _DOLLARS.finditer(script.text):
        yield script.cut(position, match.start())
        yield script.cut(match.start(), match.start() + 1)
        position = match.end()
    yield script.cut(position)


def read_justfile(source: SourceFile) -> Read:
    """Read a justfile: its assignments by their strings, its recipes by a shell."""
    lines = Lines(source.path, source.text)
    outside, recipes = [], []
    position = 0
    for line in source.text.split("\n"):
        if line[:1] in {" ", "\t"}:
            prefix = _PREFIX.match(line)
            skipped = prefix.end() if prefix else 0
            recipes.append(hide(spelled(line[skipped:], position + skipped), _BRACES))
        outside.append(" " * len(line) if line[:1] in {" ", "\t"} else line)
        position += len(line) + 1
    tokens = lex("\n".join(outside), JUST)
    code = read_tokens(source, tokens, JUST)
    assigned = [
        Site(tokens[at - 2].text, token.text, lines.place(token.start), "shell-assignment")
        for at, token in enumerate(tokens)
        if token.kind == "string" and at > 1 and tokens[at - 1].text == ":=" and tokens[at - 2].kind == "name"
    ]
    read = merge([code, Read(tuple(assigned)), *(read_shell(line, lines.place, problems=False) for line in recipes)])
    return Read(in_order(read.sites), read.reads, read.problems)
