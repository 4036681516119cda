"""The syntax tree of a script, unless it is larger or nests deeper than it is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.bounds import DEEPEST
from pytest_newscreator.sources.shell import words

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_NODES: Final = 150_000
"""What some 19,000 lines of shell have."""

_MOST_LEVELS: Final = 200


@frozen
class Fault:
    """Why a script is not followed, and the offset of the character where it becomes too much."""

    message: str
    at: int


def parsed(source: words.Source) -> tuple[Node, Fault | None]:
    """Parse a script; where there is a fault, the tree is not one to be walked over."""
    root = words.parser().parse(source.data).root_node
    count = root.descendant_count
    if count > MOST_NODES:
        message = f"this script has {count:,} words and signs, should have at most {MOST_NODES:,}: it is not read"
        return root, Fault(message, 0)
    deep = _too_deep(root) if count > DEEPEST else None
    if deep is None:
        return root, None
    message = f"this script nests more than {_MOST_LEVELS} levels, or {DEEPEST} expansions: it is not read"
    return root, Fault(f"{message}, should be flat", source.char(deep))


def _too_deep(root: Node) -> int | None:
    """Return the byte at which a tree is too deep, without recursion: so deep a node has as many above it."""
    cursor, above = root.walk(), [0]
    while True:
        node = cursor.node
        if node is None or len(above) > _MOST_LEVELS or above[-1] > DEEPEST:
            return node.start_byte if node is not None else 0
        if cursor.goto_first_child():
            above.append(above[-1] + (node.type == "expansion"))
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return None
            above.pop()
