"""YAML as nodes with places: what stands where, with scalars read as Docker Compose (go-yaml) reads them.

PyYAML composes the nodes; its own idea of scalars is that of YAML 1.1 (`yes` is true, `22:22` is 1342), so
values are worked out here from the text of the node.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import yaml

from pytest_newscreator.errors import SourceError
from pytest_newscreator.places import Place
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.sites import SourceFile

MAX_BYTES = 5_000_000
MAX_DEPTH = 100
MAX_NODES = 200_000


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # a class, found by name
    """PyYAML's loader without its own idea of what a plain scalar means: `resolve_plain` has go-yaml's."""

    def resolve(self, kind: type[yaml.Node], _value: str | None, _implicit: object) -> str:
        """Return the tag of a node that has none of its own."""
        return _UNTAGGED[kind]

    def descend_resolver(self, _node: yaml.Node | None, _index: object) -> None:
        """Go down: no tag depends on where a node stands."""

    def ascend_resolver(self) -> None:
        """Go up."""


# The C parser recurses without a limit of its own: such lines would end the process, not the parse.
_TOO_DEEP = re.compile(r"(?:[-?:][ \t]{1,8}){200}|(?:[\[{][ \t]{0,8}){200}")
_SHORTEST_DEEP = 200
_TAG = "tag:yaml.org,2002:"
_UNTAGGED = {yaml.ScalarNode: f"{_TAG}str", yaml.SequenceNode: f"{_TAG}seq", yaml.MappingNode: f"{_TAG}map"}
_NO_CHARACTER = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKS = frozenset({"!", "&"})
_PROPERTY = re.compile(r"(?:[!&][^\s,\[\]{}]*\s+)+")

Scalar = str | int | float | bool | None


class Date(str):
    """A plain scalar that YAML takes for a date, kept as its text."""

    __slots__ = ()


def documents(source: SourceFile) -> tuple[yaml.Node, ...]:
    """Return the root node of each document; raise SourceError for what Compose or common sense refuses."""
    text = source.text
    if len(text) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES} characters, should be smaller"
        raise SourceError(message, place=Place(source.path), fix="split it, or exclude it")
    is_long = any(len(line) >= _SHORTEST_DEEP for line in text.split("\n"))
    deep = _TOO_DEEP.search(text) if is_long else None
    if deep:
        place = Place(source.path, text.count("\n", 0, deep.start()) + 1)
        raise SourceError("the line nests more than 200 levels, should be flat", place=place)
    try:
        roots = tuple(yaml.compose_all(text, _Loader))
    except yaml.MarkedYAMLError as error:
        raise _located(error, source.path) from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise _unreadable(source) from error
    for root in roots:
        _Checking(source.path).check(root)
    return roots


def _unreadable(source: SourceFile) -> SourceError:
    """Return the error of a text that no YAML parser begins with: the first character that YAML does not have."""
    bad = _NO_CHARACTER.search(source.text)
    if bad is None:
        return SourceError("this is no YAML, should be", place=Place(source.path), fix="mend the file")
    place = Lines(source.path, source.text).place(bad.start())
    fix = "remove the character; in double quotes it may stand as an escape"
    return SourceError(f"the character U+{ord(bad[0]):04X} is none of YAML, should be text", place=place, fix=fix)


def _located(error: yaml.MarkedYAMLError, path: str) -> SourceError:
    mark = error.problem_mark or error.context_mark
    place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
    what = ", ".join(part for part in (error.context, error.problem) if part)
    return SourceError(f"this is no YAML: {what}", place=place, fix="mend the line, or the one above it")


@dataclass(slots=True)
class _Checking:
    """How the nodes of one document are checked: the values that each expands to, and how many are written."""

    path: str
    sizes: dict[int, int] = field(default_factory=dict)
    above: set[int] = field(default_factory=set)
    written: int = 0

    def check(self, node: yaml.Node, depth: int = 0) -> int:
        """Return how many values a node expands to; raise SourceError for what is too deep, too many or endless."""
        if isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) in self.above:
            raise SourceError("the anchor contains itself, should be finite", place=node_place(node, self.path))
        if id(node) in self.sizes:
            return self.sizes[id(node)]
        if depth > MAX_DEPTH:
            message = f"the value nests more than {MAX_DEPTH} levels, should be flat"
            raise SourceError(message, place=node_place(node, self.path))
        self.above.add(id(node))
        size = 1 + self.below(node, depth)
        # A file that is long without aliases is no bomb: who reads it decides.
        if size > MAX_NODES >= self.written:
            message = f"aliases expand to more than {MAX_NODES} values, should be fewer"
            raise SourceError(message, place=node_place(node, self.path), fix="use fewer nested aliases")
        self.above.discard(id(node))
        self.sizes[id(node)] = size
        return size

    def below(self, node: yaml.Node, depth: int) -> int:
        """Return how many values the children of a node expand to; what is merged in is there once, whoever has it."""
        self.written += len(node.value)
        if isinstance(node, yaml.SequenceNode):
            return sum([1 if isinstance(one, yaml.ScalarNode) else self.check(one, depth + 1) for one in node.value])
        size = len(node.value)
        if isinstance(node, yaml.MappingNode):
            _refuse_duplicates(node, self.path)
        for key, value in node.value:
            if not isinstance(value, yaml.ScalarNode):
                expanded = self.check(value, depth + 1)
                size += 0 if _is_merge(key) else expanded - 1
        return size


def _refuse_duplicates(node: yaml.MappingNode, path: str) -> None:
    first: dict[str, yaml.Node] = {}
    for key, _ in node.value:
        earlier = first.setdefault(key.value, key) if isinstance(key, yaml.ScalarNode) else key
        if earlier is not key:
            first_place = node_place(earlier, path)
            message = f"the key `{key.value}` stands here again, should stand once (first at {first_place})"
            raise SourceError(message, place=node_place(key, path), fix="remove one of the two")


def node_place(node: yaml.Node, path: str) -> Place:
    """Return where a node begins, with its anchor, tag or quote."""
    return Place(path, node.start_mark.line + 1, node.start_mark.column + 1)


def pairs(node: yaml.MappingNode, path: str) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Return the keys and values of a mapping with `<<` merged in: own keys first, then earlier merges."""
    return _pairs(node, path, {})


def _pairs(
    node: yaml.MappingNode, path: str, known: dict[int, list[tuple[yaml.ScalarNode, yaml.Node]]]
) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    """Merge each mapping once, however often it is merged in: `known` has what is done, by identity."""
    if id(node) in known:
        return known[id(node)]
    merges = [value for key, value in node.value if key.value == "<<" and _is_merge(key)]
    own = [pair for pair in node.value if isinstance(pair[0], yaml.ScalarNode)]
    if not merges:
        known[id(node)] = own
        return own
    own = [pair for pair in own if not _is_merge(pair[0])]
    names = {key.value for key, _ in own}
    for mapping in _merged(merges[0], path):
        for key, value in _pairs(mapping, path, known):
            if key.value not in names:
                names.add(key.value)
                own.append((key, value))
    known[id(node)] = own
    return own


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style


def _merged(node: yaml.Node, path: str) -> list[yaml.MappingNode]:
    candidates = node.value if isinstance(node, yaml.SequenceNode) else [node]
    for candidate in candidates:
        if not isinstance(candidate, yaml.MappingNode):
            message = "`<<` is given something else than a mapping, should be an alias of one, or a list of them"
            raise SourceError(message, place=node_place(candidate, path))
    return list(candidates)


def content_mark(node: yaml.ScalarNode, text: str) -> tuple[int, int, int]:
    """Return index, line and column (from 0) of the value itself, behind its anchor, tag and quote."""
    mark = node.start_mark
    index, line, column = mark.index, mark.line, mark.column
    skipped = _PROPERTY.match(text, index) if text[index : index + 1] in _MARKS else None
    if skipped and (node.value or node.style):
        lines = skipped.group().count("\n")
        line, index = line + lines, skipped.end()
        column = index - text.rfind("\n", 0, index) - 1 if lines else column + skipped.end() - skipped.start()
    quote = 1 if node.style in {"'", '"'} else 0
    return index + quote, line, column + quote


def scalar_place(node: yaml.ScalarNode, source: SourceFile) -> Place:
    """Return where the value of a scalar begins, inside its quotes."""
    _, line, column = content_mark(node, source.text)
    return Place(source.path, line + 1, column + 1)


def locator(node: yaml.ScalarNode, source: SourceFile) -> Callable[[int, str], Place]:
    """Return a function that gives the place of an offset in the value, told the text that stands there.

    Exact for scalars on one line; in folded ones the text is searched for, and their own line is the fallback.
    """
    index, line, column = content_mark(node, source.text)
    raw = source.text[index : node.end_mark.index]

    def locate(offset: int, text: str = "") -> Place:
        if node.style in {"|", ">"} or "\n" in raw:
            return _search(node, source, index, line, offset, text) or Place(source.path, line + 1, column + 1)
        return Place(source.path, line + 1, column + 1 + _raw_offset(raw, offset, node.style))

    return locate


def _raw_offset(raw: str, offset: int, style: str | None) -> int:
    """Return how far into the source text of a one-line scalar its `offset`-th character stands."""
    if style == "'" and "''" in raw:
        step = re.compile(r"''|.")
    elif style == '"' and "\\" in raw:
        step = re.compile(r"\\x..|\\u.{4}|\\U.{8}|\\.|.")
    else:
        return offset
    position = 0
    for _ in range(offset):
        match = step.match(raw, position)
        position = match.end() if match else position
    return position


def _search(  # noqa: PLR0913, PLR0917 - all that is known of the scalar
    node: yaml.ScalarNode, source: SourceFile, index: int, line: int, offset: int, text: str
) -> Place | None:
    """Find the occurrence in the source that corresponds to the one at `offset` in the value."""
    if not text:
        return None
    position = index - 1
    for _ in range(_count(node.value, text, offset)):
        position = source.text.find(text, position + 1, node.end_mark.index)
        if position < 0:
            return None
    lines = source.text.count("\n", index, position)
    column = position - source.text.rfind("\n", 0, position)
    return Place(source.path, line + lines + 1, column)


def _count(value: str, text: str, offset: int) -> int:
    count, position = 0, -1
    while (position := value.find(text, position + 1)) >= 0 and position <= offset:
        count += 1
    return max(count, 1)


def scalar(node: yaml.ScalarNode, source: SourceFile) -> Scalar:
    """Return the value of a scalar node as go-yaml types it; an unknown tag leaves the text."""
    text: str = node.value
    if node.style in {"'", '"', "|", ">"}:
        return text
    start = source.text[node.start_mark.index : node.start_mark.index + 1]
    if start in _MARKS and _explicit_tag(node, source.text) not in {None, "!!int", "!!float", "!!bool", "!!null"}:
        return text
    return resolve_plain(text)


def _explicit_tag(node: yaml.ScalarNode, text: str) -> str | None:
    skipped = _PROPERTY.match(text, node.start_mark.index)
    words = skipped.group().split() if skipped else [text[node.start_mark.index : node.end_mark.index]]
    return next((word for word in words if word.startswith("!")), None)


_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO]?(?P<o>[0-7]+)|(?P<d>0|[1-9][0-9]*))", re.ASCII
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_POINT_FLOAT = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?", re.ASCII)
_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)| \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?)?",
    re.ASCII,
)
_BASES = {"x": 16, "b": 2, "o": 8, "d": 10}
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_MONTHS, _DAYS = 12, 31


def resolve_plain(text: str) -> Scalar:
    """Return what go-yaml makes of a plain scalar without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        return _float(text.replace("_", "")) if _POINT_FLOAT.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    date = _DATE.fullmatch(text)
    if date and 1 <= int(date[2]) <= _MONTHS and 1 <= int(date[3]) <= _DAYS:
        return Date(text)
    plain = text.replace("_", "")
    number: float | None = _integer(plain)
    if number is None and _FLOAT.fullmatch(plain):
        number = _float(plain)
    return text if number is None else number


def _integer(plain: str) -> int | None:
    match = _INTEGER.fullmatch(plain)
    if match is None:
        return None
    base = next(base for base in "xbod" if match[base] is not None)
    number = int(match["sign"] + match[base], _BASES[base])
    return number if _LOWEST <= number <= _HIGHEST else None


def _float(plain: str) -> float | None:
    number = float(plain)
    return None if math.isinf(number) else number


def render(value: Scalar) -> str:
    """Write a scalar as Compose writes it into an environment: `1.50` is 1.5, `True` is true, `1e3` is 1000."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _render_float(value)
    return "" if value is None else str(value)


def _render_float(value: float) -> str:
    """Write the shortest form, with an exponent below 1e-4 and from 1e6 on, as Go's `%v` does."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    number = Decimal(repr(value)).normalize()
    if not value or -4 <= number.adjusted() < 6:  # noqa: PLR2004 - Go's own limits
        return format(number, "f")
    sign, digits, _ = number.as_tuple()
    first, *rest = (str(digit) for digit in digits)
    mantissa = "-" * sign + first + ("." if rest else "") + "".join(rest)
    return f"{mantissa}e{number.adjusted():+03d}"
