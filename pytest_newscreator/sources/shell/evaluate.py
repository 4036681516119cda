"""The words of a shell script as the texts they may come to."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from pytest_newscreator.sources.bounds import LONGEST
from pytest_newscreator.sources.shell import words
from pytest_newscreator.sources.shell.values import UNKNOWN, State, Value, Values, alternatives, concatenated, size

if TYPE_CHECKING:
    from tree_sitter import Node

    from pytest_newscreator.places import Place
    from pytest_newscreator.sources.lines import Locate, Spelled

_CUTS = frozenset({"%", "%%", "#", "##"})
_COMPOUND = frozenset({"concatenation", "command_name", "translated_string"})
_ROOM = 16 * LONGEST
_MOST_FIELDS = 1_000
_MOST_CUT = 4_000
_FIELD = re.compile(r"\S+")


class Evaluator:
    """The way from the nodes of one script to values."""

    def __init__(self, source: words.Source, locate: Locate) -> None:
        """Take the script, and where each of its characters stands in the file."""
        self.source = source
        self.locate = locate
        self.room = _ROOM
        self.problems: list[tuple[Place, str]] = []

    def value(self, node: Node, state: State, *, quoted: bool = False) -> Values:
        """Return what a word may come to, before it is split."""
        kind = node.type
        if kind in {"simple_expansion", "expansion"}:
            return self._expansion(node, state, quoted=quoted)
        if kind in words.EXPANDED:
            return (Value(None, self.names(node, state)),)
        if kind == "string":
            return self._string(node, state)
        if kind in _COMPOUND and _expands(node):
            parts = [self.value(child, state, quoted=quoted) for child in node.children if child.type != "$"]
            return self._concatenated(parts or [(Value(""),)], node)
        return self._spelled(words.spell(node, self.source, quoted=quoted))

    def _spelled(self, piece: Spelled) -> Values:
        """Return a piece of the script as the one value it is."""
        return (Value(piece.value, at=piece.locator(self.locate)),)

    def _string(self, node: Node, state: State) -> Values:
        """Return what a string in double quotes may come to."""
        inside = [child for child in node.children if child.type in words.EXPANDED]
        if not inside:
            return self._spelled(words.spell(node, self.source))
        parts, last = [], node.start_byte + 1
        for child in inside:
            parts += [self._plain(last, child.start_byte), self.value(child, state, quoted=True)]
            last = child.end_byte
        return self._concatenated([*parts, self._plain(last, max(last, node.end_byte - 1))], node)

    def _concatenated(self, parts: list[Values], node: Node) -> Values:
        """Return every text that parts side by side may come to; one that is too long is not known."""
        length, count = size(parts)
        self.room -= length * count
        if length <= LONGEST and self.room >= 0:
            return concatenated(parts)
        what = f"this text comes to more than {LONGEST:,} characters" if length > LONGEST else "the texts are too long"
        self.problem(node, f"{what}, should be shorter: what it is used for is not known")
        return (Value(None, self.sources_of(parts)),)

    def problem(self, node: Node, message: str) -> None:
        """Keep what cannot be followed, the first of its kind."""
        if all(known != message for _, known in self.problems):
            self.problems.append((self.locate(self.source.char(node.start_byte)), message))

    def sources_of(self, parts: list[Values]) -> frozenset[str]:
        """Return what decides about any of some parts."""
        return frozenset().union(*(value.sources for part in parts for value in part))

    def _plain(self, begin: int, end: int) -> Values:
        """Return the text between two expansions of a string."""
        return self._spelled(words.without_escapes(self.source.slice(begin, end)))

    def fields(self, node: Node, state: State) -> list[Values]:
        """Return the words that one word becomes: `"${A[@]}"` is many, and `$X` is split where it has blanks."""
        alone = words.sole_expansion(node)
        many = self._elements(alone, state) if alone is not None else None
        if many is not None:
            return many
        values = self.value(node, state)
        if alone is None or node.type == "string" or len(values) != 1 or values[0].text is None:
            return [values]
        found = list(islice(_FIELD.finditer(values[0].text), _MOST_FIELDS + 1))
        if len(found) > _MOST_FIELDS:
            self.problem(node, f"this text has more than {_MOST_FIELDS:,} words: what they are used for is not known")
            return [(Value(None, values[0].sources),)]
        return [(values[0].cut(one.start(), one.end()),) for one in found]

    def _elements(self, node: Node, state: State) -> list[Values] | None:
        """Return the elements of `${A[@]}`, the keys of `${!A[@]}`, the arguments of `$@`; anything else is none."""
        if self.source.of(node) in {"$@", "${@}", "$*", "${*}"}:
            return [word.values for word in state.arguments] if state.arguments is not None else [UNKNOWN]
        subscript = next((child for child in node.named_children if child.type == "subscript"), None)
        if subscript is None or self.source.of(subscript)[-3:] not in {"[@]", "[*]"}:
            return None
        array = state.arrays.get(words.name_of(node, self.source) or "")
        if array is None or words.operator_of(node) not in {None, "!"}:
            return [UNKNOWN]
        return [(Value(key),) for key in array] if words.operator_of(node) == "!" else list(array.values())

    def _expansion(self, node: Node, state: State, *, quoted: bool) -> Values:
        """Return what an expansion may come to."""
        operator, name = words.operator_of(node), words.name_of(node, self.source)
        found = self._looked_up(node, name, state)
        if operator is None or operator in {":?", "?"}:
            return found
        if operator in words.DEFAULTING:
            return self._defaulted(node, name, found, state, quoted=quoted)
        if operator in _CUTS:
            operands = words.operands_of(node)
            pattern = self.value(operands[0], state) if len(operands) == 1 else UNKNOWN
            return alternatives(_cut(value, operator, pattern[0].text) for value in found)
        return (Value(None, self.names(node, state)),)

    def _looked_up(self, node: Node, name: str | None, state: State) -> Values:
        """Return what stands under the name of an expansion: a variable, an argument, an element of an array."""
        subscript = next((child for child in node.named_children if child.type == "subscript"), None)
        if subscript is not None:
            index = subscript.child_by_field_name("index")
            array = state.arrays.get(name or "", {})
            keys = self.value(index, state) if index is not None else UNKNOWN
            return alternatives(value for key in keys for value in array.get(key.text or "", UNKNOWN))
        if name is None:
            special = next((self.source.of(child) for child in node.named_children), "")
            return state.get(special) if special.isdecimal() else UNKNOWN
        return state.get(name)

    def _defaulted(self, node: Node, name: str | None, found: Values, state: State, *, quoted: bool) -> Values:
        """Return what `${X:-d}` comes to: what X is, and d where X is from outside, or may be empty."""
        operator = words.operator_of(node) or ""
        default = self._default(node, state, quoted=quoted)
        if name is not None and any(name in value.sources for value in found):
            state.defaulted.add(name)
        results: list[Value] = []
        for value in found:
            unset = value.text is None and bool(value.sources)
            if unset or (value.text == "" and operator.startswith(":")):
                results += [replace(one, sources=one.sources | value.sources) for one in default]
            else:
                results.append(value)
        outcome = alternatives(results)
        if name is not None and operator.endswith("="):
            state.variables[name] = outcome
        return outcome

    def _default(self, node: Node, state: State, *, quoted: bool) -> Values:
        """Return the default of an expansion."""
        operands = words.operands_of(node)
        spelled = words.default_of(node, self.source, quoted=quoted)
        if len(operands) == 1 and operands[0].type in {"string", "expansion", "simple_expansion", "concatenation"}:
            return self.value(operands[0], state, quoted=quoted)
        return self._spelled(spelled) if spelled is not None else UNKNOWN

    def names(self, node: Node, state: State) -> frozenset[str]:
        """Return the variables from outside that decide about anything below a node."""
        found: set[str] = set()
        waiting = [node]
        while waiting:
            below = waiting.pop()
            waiting.extend(below.named_children)
            if below.type == "variable_name":
                name = self.source.of(below)
                found |= {name} if words.IDENTIFIER.match(name) else set()
                found.update(*(value.sources for value in state.get(name)))
        return frozenset(found)


def _expands(node: Node) -> bool:
    """Return whether anything below a node waits for the script to run."""
    return any(child.type in words.EXPANDED or _expands(child) for child in node.named_children)


def _cut(value: Value, operator: str, pattern: str | None) -> Value:
    """Return a value without the prefix or suffix that a pattern matches, the shortest or the longest."""
    if value.text is None or pattern is None or len(value.text) > _MOST_CUT:
        return Value(None, value.sources)
    text, longest = value.text, len(operator) > 1
    matches = re.compile(fnmatch.translate(pattern)).match
    if operator.startswith("#"):
        ends = range(len(text), -1, -1) if longest else range(len(text) + 1)
        return value.cut(next((end for end in ends if matches(text[:end])), 0))
    begins = range(len(text) + 1) if longest else range(len(text), -1, -1)
    return value.cut(0, next((begin for begin in begins if matches(text[begin:])), None))
