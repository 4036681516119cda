"""The nodes of a Compose file: their entries, and their texts with the place of every character."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from pytest_newscreator.places import Place
from pytest_newscreator.sources.compose.interpolation import Expansion as Interpolation
from pytest_newscreator.sources.compose.interpolation import Literal, Template, parse
from pytest_newscreator.sources.lines import UNKNOWN, Lines, Spelled, joined
from pytest_newscreator.sources.sites import SourceFile
from pytest_newscreator.sources.yamlnodes import content_mark, pairs

_BLANKS = " \t\r\n"
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|\r?\n[ \t]*|.)", re.DOTALL)


class Nodes:
    """One Compose file: its entries with merges applied, and its scalars as spelled text."""

    __slots__ = ("_lines", "path", "source")

    def __init__(self, source: SourceFile) -> None:
        """Take the file; the line starts are found once."""
        self.source = source
        self.path = source.path
        self._lines = Lines(source.path, source.text)

    def place(self, offset: int) -> Place:
        """Return the place of an offset into the file."""
        return self._lines.place(offset)

    def entries(self, node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
        """Yield the entries of a mapping; anything else has none."""
        if isinstance(node, yaml.MappingNode):
            for key, value in pairs(node, self.path):
                yield key.value, value

    def entry(self, node: yaml.Node | None, *names: str) -> yaml.Node | None:
        """Return what stands under a name, or under several names from the outside in."""
        for name in names:
            node = next((value for key, value in self.entries(node) if key == name), None)
        return node

    def spell(self, node: yaml.ScalarNode) -> Spelled:
        """Return the text of a scalar in any style, each character at its offset in the file."""
        begin, _, _ = content_mark(node, self.source.text)
        end, text = node.end_mark.index, self.source.text
        if node.style in {"|", ">"}:
            begin = text.find("\n", begin, end) + 1 or end
        elif text.startswith(node.value, begin):
            return Spelled(node.value, range(begin, begin + len(node.value)), begin)
        at = tuple(_aligned(node, text, begin, end))
        return Spelled(node.value, at, at[0] if at else begin)


def _aligned(node: yaml.ScalarNode, text: str, position: int, end: int) -> Iterator[int]:
    """Yield, for each character of a value, the offset of what it was written as."""
    for char in node.value:
        if char not in _BLANKS:
            position = _behind_blanks(node, text, position, end)
        start = min(position, max(end - 1, 0))
        yield start
        escape = _ESCAPE.match(text, position, end) if node.style == '"' else None
        if escape:
            position = escape.end()
        elif char not in _BLANKS or text[position : position + 1] in _BLANKS:
            position += 2 if node.style == "'" and char == "'" else 1


def _behind_blanks(node: yaml.ScalarNode, text: str, position: int, end: int) -> int:
    """Return the offset behind white space, and behind line ends that a backslash takes away."""
    while position < end:
        folded = _ESCAPE.match(text, position, end) if node.style == '"' else None
        if folded and folded[0][1] in "\r\n":
            position = folded.end()
        elif text[position] in _BLANKS:
            position += 1
        else:
            break
    return position


def interpolated(piece: Spelled, *, defaults: bool) -> Spelled:
    """Return a text as Compose hands it on with nothing set: expansions are unknown, or their defaults."""
    return _joined(piece, parse(piece.text, assignment=True), defaults=defaults) if "$" in piece.text else piece


def _joined(piece: Spelled, template: Template, *, defaults: bool) -> Spelled:
    """Return the parts of a template, each character where it stands."""
    pieces: list[Spelled] = []
    for part in template.parts:
        start = piece.at[part.start]
        if isinstance(part, Literal):
            pieces.append(Spelled(part.text, piece.at[part.start : part.start + len(part.text)], start))
        elif defaults and isinstance(part, Interpolation) and part.has_default and part.argument is not None:
            pieces.append(_joined(piece, part.argument, defaults=True))
        else:
            pieces.append(Spelled(UNKNOWN, (start,), start))
    return joined(pieces, piece.cut(template.start).start)
