"""The variables of a shell script that have one value, known without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.sources import _shell_words as words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from pytest_newscreator.sources.lines import Spelled

_BINDERS = frozenset(
    {"variable_assignment", "for_statement", "declaration_command", "subscript", "unset_command", "command"}
)


def constants(root: Node, source: words.Source) -> dict[str, Spelled]:
    """Return the variables that a script assigns once, at its top level and to a value that is known."""
    counts: dict[str, int] = {}
    found: dict[str, Spelled] = {}
    for node in _descendants(root):
        name = source.of(node) if _is_bound(node) else ""
        counts[name] = counts.get(name, 0) + 1
    for statement in root.named_children:
        declared = statement.named_children if statement.type == "declaration_command" else [statement]
        for node in declared:
            target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if node.type != "variable_assignment" or target is None or value is None or value.type == "array":
                continue
            piece, name = words.spell(value, source), source.of(target)
            if counts.get(name) == 1 and piece.is_known and not any(child.type == "+=" for child in node.children):
                found[name] = piece
    return found


def _is_bound(node: Node) -> bool:
    """Tell whether a name may get a value where it stands: by an assignment, a loop, `local`, or `read NAME`."""
    parent = node.parent
    return parent is not None and parent.type in _BINDERS and node.type in {"variable_name", "word"}


def _descendants(root: Node) -> Iterator[Node]:
    """Yield the nodes of a tree, without recursion."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.named_children)
