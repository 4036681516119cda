"""The variables of a shell script that have one value, known without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.sources.shell import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tree_sitter import Node

    from pytest_newscreator.sources.lines import Spelled

_BINDERS = frozenset(
    {"variable_assignment", "for_statement", "declaration_command", "subscript", "unset_command", "command"}
)


def constants(root: Node, nodes: Iterable[Node], source: words.Source) -> dict[str, Spelled]:
    """Return the variables that a script assigns once, at its top level and to a value that is known."""
    counts: dict[str, int] = {}
    found: dict[str, Spelled] = {}
    for node in nodes:
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


def carriers(nodes: Iterable[Node], source: words.Source) -> frozenset[str]:
    """Return the functions that run the command they are given: `"$@"` stands in them as a command."""
    found: set[str] = set()
    for node in nodes if "$@" in source.text or "$*" in source.text else ():
        if node.type == "command_name" and source.of(node) in {'"$@"', "$@", '"$*"', "$*"}:
            around = node.parent
            while around is not None and around.type != "function_definition":
                around = around.parent
            name = around.child_by_field_name("name") if around is not None else None
            found.update({source.of(name)} if name is not None else ())
    return frozenset(found)


def commands(nodes: Iterable[Node], source: words.Source, word: str) -> Iterator[Node]:
    """Yield the simple commands of a script that a word stands in."""
    waiting = nodes if word in source.text else ()
    return (node for node in waiting if node.type == "command" and word in source.of(node))


def _is_bound(node: Node) -> bool:
    """Tell whether a name may get a value where it stands: by an assignment, a loop, `local`, or `read NAME`."""
    parent = node.parent
    return parent is not None and parent.type in _BINDERS and node.type in {"variable_name", "word"}


def descendants(root: Node) -> Iterator[Node]:
    """Yield the nodes of a tree, without recursion."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.named_children)
