"""What reading a document came to before, so that other variables only make it read again what names them."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.environment import Variable, Variables
from pytest_newscreator.resolve.compose.tree import Node, Path, Reset
from pytest_newscreator.resolve.values import Hop

DEEPEST = 3
"""Down to the attributes of a service: below them, reading again costs less than remembering."""

Answers = tuple[tuple[Variable | None, ...], tuple[Hop | None, ...]]


@frozen
class Kept:
    """One value as it was read: what it asked of the variables, what it noted, and how many nodes it visited."""

    node: Node | None
    asked: tuple[str, ...]
    answers: Answers
    warnings: tuple[tuple[Place, str], ...]
    resets: tuple[Reset, ...]
    visits: int


def answers(names: Sequence[str], variables: Variables) -> Answers:
    """Return what the variables say to each name, and what dotenv files that are not read would."""
    return tuple(map(variables.known.get, names)), tuple(map(variables.unread.get, names))


Memory = dict[tuple[int, Path], list[Kept]]
"""The values of documents that stay in memory, by the identity of their YAML node and their path."""


def remembered(memory: Memory, key: tuple[int, Path], variables: Variables) -> Kept | None:
    """Return what was read of a value under variables that say the same, None where nothing was."""
    return next((kept for kept in memory.get(key, ()) if answers(kept.asked, variables) == kept.answers), None)
