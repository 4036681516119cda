"""What is known at a point of a shell script, with nothing set outside: alternatives, and what decides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from tree_sitter import Node

    from pytest_newscreator.sources.lines import Locate

LIMIT = 32
"""How many alternatives are followed; a word with more is unknown."""

_POSITION = re.compile(r"[0-9]+\Z")


@frozen
class Value:
    """One text that a word may come to, `None` where only running can tell; `sources` are what decides about it.

    `at` says where each of its characters is written, which is nothing to tell two values apart by.
    """

    text: str | None
    sources: frozenset[str] = frozenset()
    at: Locate | None = field(default=None, compare=False, repr=False)

    def cut(self, begin: int, end: int | None = None) -> Value:
        """Return a slice of a known text that knows its place."""
        at = self.at
        moved: Locate | None = (lambda index: at(begin + index)) if at is not None else None
        return Value((self.text or "")[begin:end], self.sources, moved)


Values = tuple[Value, ...]
UNKNOWN: Values = (Value(None),)


@frozen
class Word:
    """One word of a command: what it may come to, where it stands, and in which function."""

    values: Values
    start: int
    scope: str = ""
    node: Node | None = None

    @property
    def text(self) -> str:
        """Return the text where there is only one, else nothing."""
        only = self.values[0].text if len(self.values) == 1 else None
        return only or ""


@dataclass(slots=True)
class State:
    """What is known at one point of a script, and how that point is reached.

    `asked` are the variables whose values decided about being there; `is_sure` says that none had to be.
    """

    variables: dict[str, Values] = field(default_factory=dict)
    arrays: dict[str, dict[str, Values]] = field(default_factory=dict)
    arguments: tuple[Word, ...] | None = None
    local: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    is_sure: bool = True
    defaulted: set[str] = field(default_factory=set)
    ended: bool = False
    returned: bool = False

    @property
    def stopped(self) -> bool:
        """Tell whether nothing is run from here on."""
        return self.ended or self.returned

    def copy(self) -> State:
        """Return a state that goes its own way."""
        arrays = {name: dict(array) for name, array in self.arrays.items()}
        return replace(self, variables=dict(self.variables), arrays=arrays)

    def alone(self) -> State:
        """Return the state of one command's own variables, which win whatever had a default before."""
        return replace(self.copy(), defaulted=set())

    def way(self, asked: Iterable[str]) -> State:
        """Return the state of a branch that is reached by what some variables are."""
        return replace(self.copy(), asked=self.asked | frozenset(asked), is_sure=False)

    def join(self, states: Iterable[State]) -> None:
        """Become what any of several ways leads to; one that ends leads nowhere, but has asked its question."""
        states = tuple(states)
        going = [state for state in states if not state.stopped]
        if not going:
            self.ended = all(state.ended for state in states)
            self.returned = not self.ended
        self.asked |= frozenset().union(*(state.asked for state in states if state.stopped))
        for name in {name for state in going for name in state.variables}:
            self.variables[name] = alternatives(value for state in going for value in state.get(name))
        for state in going:
            self.arrays.update(state.arrays)

    def get(self, name: str) -> Values:
        """Return what a variable may be; one that the script has not assigned comes from outside."""
        if _POSITION.match(name):
            index = int(name) - 1
            if self.arguments is None or index < 0:
                return UNKNOWN
            return self.arguments[index].values if index < len(self.arguments) else (Value(""),)
        return self.variables.get(name, (Value(None, frozenset({name})),))


def alternatives(values: Iterable[Value]) -> Values:
    """Return values, each once; of too many nothing is known but what decides."""
    found = tuple(dict.fromkeys(values))
    if len(found) <= LIMIT:
        return found
    return (Value(None, frozenset().union(*(value.sources for value in found))),)


def size(parts: list[Values]) -> tuple[int, int]:
    """Return how long a text parts side by side may come to, and how many there may be."""
    if len(parts) == 1:
        return 0, 1
    lengths = (max(len(value.text or "") for value in part) for part in parts if part)
    return sum(lengths), min(LIMIT, prod(len(part) for part in parts[: LIMIT * LIMIT]))


def concatenated(parts: list[Values]) -> Values:
    """Return every text that parts side by side may come to."""
    if len(parts) == 1:
        return parts[0]
    count = 1
    for part in parts:
        count *= len(part)
    sources = frozenset().union(*(value.sources for part in parts for value in part))
    if count > LIMIT:
        return (Value(None, sources),)
    return alternatives(_together(chosen) for chosen in product(*parts))


def _together(chosen: tuple[Value, ...]) -> Value:
    """Return one choice as one text."""
    sources = frozenset().union(*(value.sources for value in chosen))
    texts = [value.text for value in chosen if value.text is not None]
    telling = [value for value in chosen if value.text]
    at = telling[0].at if len(telling) == 1 else None
    return Value("".join(texts) if len(texts) == len(chosen) else None, sources, at)
