"""Strings that a Python file only recognises: what it compares with, what a `case` names, the keys of tables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_newscreator.sources.literals.compared import is_label
from pytest_newscreator.sources.python.collect import Found
from pytest_newscreator.sources.python.names import dotted
from pytest_newscreator.sources.python.values import Values

_TESTS = ("startswith", "endswith", "removeprefix", "removesuffix", "index", "rindex", "count", "remove")
_PATTERNS = frozenset(
    f"{module}.{name}"
    for module in ("re", "regex")
    for name in ("match", "fullmatch", "search", "findall", "finditer", "compile", "split", "sub", "subn")
)
_EITHER = frozenset(
    {
        *("fnmatch", "fnmatchcase", "fnmatch.fnmatch", "fnmatch.fnmatchcase", "fnmatch.filter"),
        *("operator.eq", "operator.ne", "operator.contains", "operator.countOf", "operator.indexOf"),
    }
)
_TAKEN_APART = ("split", "rsplit", "partition", "rpartition", "startswith", "endswith", "__eq__", "__ne__")
_SETS = frozenset({"set", "frozenset", "tuple", "list"})
_CONTAINERS = ast.Tuple | ast.List | ast.Set
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*\Z")


def compared(found: Found, values: Values) -> Iterator[int]:
    """Yield the `id` of each string that is only held against something, so that nothing is asked for by it."""
    for compare in found.compares:
        operands = (compare.left, *compare.comparators)
        yield from (id(one) for operand in operands for one in _strings(operand))
    for branch, _ in found.branches:
        for case in branch.cases if isinstance(branch, ast.Match) else ():
            yield from (id(node) for node in ast.walk(case.pattern) if isinstance(node, ast.Constant))
    yield from (id(one) for given in _given(found, values) for one in _strings(given))
    for table, _ in found.dicts:
        for key, value in zip(table.keys, table.values, strict=True):
            if isinstance(key, ast.Constant) and _is_plain(value, values):
                yield id(key)


def _given(found: Found, values: Values) -> Iterator[ast.expr]:
    """Yield what calls are given, or are made of, that only ask."""
    called = found.called
    for call in (call for name in _TESTS for call, _ in called.get(name, ())):
        yield from call.args[:1]
    for call, _ in called.get("replace", ()):
        if len(call.args) > 1 and _is_text(call.args[1], values):
            yield call.args[0]
    for name in sorted({full.rpartition(".")[2] for full in _PATTERNS | _EITHER}):
        for call, _ in called.get(name, ()):
            full = dotted(call.func)
            yield from call.args[:1] if full in _PATTERNS else call.args if full in _EITHER else ()
    for call in (call for name in _TAKEN_APART for call, _ in called.get(name, ())):
        if isinstance(call.func, ast.Attribute):
            yield call.func.value


def _is_text(node: ast.expr, values: Values) -> bool:
    """Tell whether something is a text that takes the place of another one; a store replaces by objects."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        return True
    known = values.known(node)
    name = dotted(node).rpartition(".")[2]
    return (known is not None and isinstance(known.value, str)) or _CONSTANT.match(name) is not None


def _strings(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the strings of an operand: itself, or the elements of `("d", "e")` and `frozenset({"d"})`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _SETS:
        yield from (one for argument in node.args for one in _strings(argument))
    elif isinstance(node, _CONTAINERS):
        yield from node.elts
    else:
        yield node


def _is_plain(value: ast.expr, values: Values) -> bool:
    """Tell whether a value is a text or a name, which its key stands for; a number is about the key itself.

    So is a label in words, which is shown for a name that is offered.
    """
    known = values.known(value)
    if known is not None:
        return isinstance(known.value, str) and not is_label(known.value)
    meant = values.names.expression(value)
    return isinstance(value, ast.Name | ast.Attribute) and not isinstance(meant, ast.Dict | ast.Call | _CONTAINERS)
