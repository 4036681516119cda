"""Strings that a Python file only recognises: what it compares with, what a `case` names, the keys of tables."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_newscreator.sources.python.collect import Found
from pytest_newscreator.sources.python.values import Values

_TESTS = ("startswith", "endswith", "removeprefix", "removesuffix", "replace")
_SETS = frozenset({"set", "frozenset", "tuple", "list"})
_CONTAINERS = ast.Tuple | ast.List | ast.Set


def compared(found: Found, values: Values) -> Iterator[int]:
    """Yield the `id` of each string that is only held against something, so that nothing is asked for by it."""
    for compare in found.compares:
        operands = (compare.left, *compare.comparators)
        yield from (id(one) for operand in operands for one in _strings(operand))
    for branch, _ in found.branches:
        for case in branch.cases if isinstance(branch, ast.Match) else ():
            yield from (id(node) for node in ast.walk(case.pattern) if isinstance(node, ast.Constant))
    for call in (call for name in _TESTS for call, _ in found.called.get(name, ())):
        yield from (id(one) for argument in call.args[:1] for one in _strings(argument))
    for table, _ in found.dicts:
        for key, value in zip(table.keys, table.values, strict=True):
            if isinstance(key, ast.Constant) and _is_plain(value, values):
                yield id(key)


def _strings(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the strings of an operand: itself, or the elements of `("d", "e")` and `frozenset({"d"})`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SETS:
        yield from (one for argument in node.args for one in _strings(argument))
    elif isinstance(node, _CONTAINERS):
        yield from node.elts
    else:
        yield node


def _is_plain(value: ast.expr, values: Values) -> bool:
    """Tell whether a value is a text or a name, which its key stands for; a number is about the key itself."""
    known = values.known(value)
    if known is not None:
        return isinstance(known.value, str)
    meant = values.names.expression(value)
    return isinstance(value, ast.Name | ast.Attribute) and not isinstance(meant, ast.Dict | ast.Call | _CONTAINERS)
