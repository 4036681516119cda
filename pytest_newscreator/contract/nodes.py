"""The contract's YAML as placed nodes: every scalar keeps its own text, every key its line and column.

YAML 1.1 reads `yes` as true, `022` as 18 and `12:30` as 750; Compose and Ollama do not. So nothing is
converted here: what a value means is decided by the shape it should have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_newscreator.contract.faults import ContractErrors
from pytest_newscreator.errors import ContractError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEEPEST = 32
MOST_NODES = 20_000
_YAML_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(
    _YAML_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@frozen
class Scalar:
    """A value as it is written; `plain` is without quotes, `null` is a key with nothing after it (or `~`)."""

    text: str
    place: Place
    plain: bool = True
    null: bool = False


@frozen
class Items:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@frozen
class Entry:
    """A key with its place, and what stands behind it."""

    name: str
    place: Place
    value: Node


@frozen
class Table:
    """A mapping, merge keys already applied; its names are unique."""

    entries: tuple[Entry, ...]
    place: Place


Node = Scalar | Items | Table


@dataclass(slots=True)
class Parsed:
    """The document, `None` where there is none, with the faults that did not stop the reading."""

    document: Node | None
    faults: list[ContractError] = field(default_factory=list)


def parse(text: str, path: str) -> Parsed:
    """Read `text` as one YAML document; raises `ContractErrors` where it is no YAML, or a bomb."""
    import yaml  # sessions without a contract must not pay for it

    _refuse_control_characters(text, path)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_depth(yaml.parse(text, loader), path)
        root = yaml.compose(text, loader)
    except yaml.MarkedYAMLError as error:
        raise ContractErrors([_syntax_fault(error, text, path)]) from None
    reader = _Reader(path)
    return Parsed(reader.node(root) if root is not None else None, reader.faults)


def _refuse_control_characters(text: str, path: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is None:
        return
    before = text[: found.start()].splitlines() or [""]
    place = Place(path, len(before), len(before[-1]) + 1)
    message = f"the character {found.group()!a} cannot stand in YAML, should be printable text"
    raise ContractErrors([ContractError(message, place=place, fix="remove it; an editor may show it as nothing")])


def _refuse_depth(events: Iterable[Any], path: str) -> None:
    """Stop at deep nesting before composing, which recurses once a level inside the C library."""
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith(("SequenceStartEvent", "MappingStartEvent"))
        depth -= name.endswith(("SequenceEndEvent", "MappingEndEvent"))
        if depth > DEEPEST:
            raise ContractErrors([_too_deep(_place(event.start_mark, path))])


def _too_deep(place: Place) -> ContractError:
    message = f"the contract nests deeper than {DEEPEST} levels, should need 6"
    return ContractError(message, place=place, fix="look for an alias that contains itself, or for stray brackets")


class _Reader:
    """Turns composed nodes into ours, within bounds: a few aliases of aliases unfold to billions of values."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.faults: list[ContractError] = []
        self._count = 0

    def node(self, node: Any, depth: int = 0) -> Node:  # noqa: ANN401 - yaml's nodes are untyped
        """Convert one node and everything below it."""
        place = _place(node.start_mark, self.path)
        self._hold_bounds(place, depth)
        if node.tag not in _PLAIN_TAGS:
            message = f"the tag {node.tag.replace(_YAML_TAG, '!!')} means nothing here, should be a plain value"
            self.faults.append(ContractError(message, place=place, fix="remove the tag"))
        if node.id == "sequence":
            return Items(tuple(self.node(item, depth + 1) for item in node.value), place)
        if node.id == "mapping":
            return Table(tuple(self._entries(node, depth)), place)
        plain = not node.style
        return Scalar(node.value, place, plain, null=plain and node.tag == f"{_YAML_TAG}null")

    def _hold_bounds(self, place: Place, depth: int) -> None:
        self._count += 1
        if depth > DEEPEST:
            raise ContractErrors([_too_deep(place)])
        if self._count > MOST_NODES:
            message = f"the aliases of this file unfold to more than {MOST_NODES} values, should be a few hundred"
            raise ContractErrors([ContractError(message, place=place, fix="write the values out instead")])

    def _entries(self, node: Any, depth: int) -> Iterator[Entry]:  # noqa: ANN401
        """Yield the written entries first and then what merge keys add, since what is written wins."""
        written: dict[str, Entry] = {}
        merged: list[Entry] = []
        for key, value in node.value:
            place = _place(key.start_mark, self.path)
            if key.tag == f"{_YAML_TAG}merge" and "<<" not in written:
                merged.extend(self._merged(value, depth))
                written["<<"] = Entry("<<", place, Items((), place))
            elif self._is_name(key, place) and self._is_new(key.value, place, written):
                written[key.value] = Entry(key.value, place, self.node(value, depth + 1))
        written.pop("<<", None)
        yield from written.values()
        seen = set(written)
        for entry in merged:
            if entry.name not in seen:
                seen.add(entry.name)
                yield entry

    def _merged(self, value: Any, depth: int) -> Iterator[Entry]:  # noqa: ANN401
        for source in value.value if value.id == "sequence" else (value,):
            if source.id == "mapping":
                self._hold_bounds(_place(source.start_mark, self.path), depth + 1)
                yield from self._entries(source, depth + 1)
            else:
                place = _place(source.start_mark, self.path)
                message = "'<<' merges a single value, should merge a mapping"
                self.faults.append(
                    ContractError(message, place=place, fix="write '<<: *anchor' with an anchored mapping")
                )

    def _is_name(self, key: Any, place: Place) -> bool:  # noqa: ANN401
        if key.id == "scalar" and key.value and key.tag != f"{_YAML_TAG}null":
            return True
        message = "this key is not a name, should be a plain word"
        self.faults.append(ContractError(message, place=place, fix="write 'name: value'"))
        return False

    def _is_new(self, name: str, place: Place, written: dict[str, Entry]) -> bool:
        if name not in written:
            return True
        message = (
            f"the key {name!r} stands here a second time, should stand once; the first is at {written[name].place}"
        )
        self.faults.append(ContractError(message, place=place, fix="keep one of the two"))
        return False


def _place(mark: Any, path: str) -> Place:  # noqa: ANN401 - the C loader's marks share no type with the other's
    return Place(path, mark.line + 1, mark.column + 1)


def _syntax_fault(error: Any, text: str, path: str) -> ContractError:  # noqa: ANN401
    """Say in plain words what the YAML parser met, at the place where it gave up."""
    mark = error.problem_mark or error.context_mark
    place = _place(mark, path)
    lines = text.splitlines()
    here = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    if lines and mark.line > text.count("\n"):
        place = Place(path, len(lines), len(lines[-1]) + 1)  # libyaml ends an unended line itself
    message, fix = _in_plain_words(error.problem or "", here)
    opened = error.context_mark
    if opened is not None and "flow" in (error.context or "") and "node" not in error.context:
        bracket = "'['" if "sequence" in error.context else "'{'"
        message = f"the {bracket} opened at {_place(opened, path)} is not closed, should end before this"
        fix = "close the bracket, or put a comma between the values"
    return ContractError(message, place=place, fix=fix)


def _in_plain_words(problem: str, here: str) -> tuple[str, str]:
    first = here[:1]
    if "cannot start any token" in problem and first == "\t":
        return "a tab stands here, YAML is indented with spaces only", "replace the tab with spaces"
    for needle, message, fix in _PLAIN_WORDS:
        if needle in problem:
            return message.format(first=first), fix
    return f"this is not YAML: {problem}", "mend the line, or the one above it"


_UNFIT = "this line fits no key above it, should be indented as its neighbours are"
_PLAIN_WORDS = (
    ("cannot start any token", "no value can begin with {first!r}, should be a quoted one", "put the value in quotes"),
    (
        "mapping values are not allowed",
        "a ':' stands where no key can be, should be part of a quoted value or begin a line",
        "quote the value that holds the ':', or mend the indentation",
    ),
    (
        "undefined alias",
        "this alias has no anchor, should repeat a value that is marked with '&' above it",
        "mark the value, or write it out",
    ),
    ("another document", "a second document begins here, a contract is one", "remove the '---' and what follows it"),
    ("unexpected end of stream", "a quote is not closed, should end before the file does", "close the quoted text"),
    ("expected key", _UNFIT, "mend the indentation"),
    ("block end", _UNFIT, "mend the indentation"),
)
