"""Arithmetic over the constants of a Python file."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator

from pytest_newscreator.sources.python.collect import Found

Scalar = str | int | float | bool

CONVERSIONS = frozenset({"str", "int", "float", "bool"})
PLAIN = frozenset({-1, ord("s")})
"""The conversions of an f-string that leave a text as it is."""

_NUMERIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
}
_LARGEST = 10**15
_CASTS = ("cast", "type")
_NUMBERS = frozenset({"int", "float"})
_NUMBER = re.compile(r"[+-]?\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?")
SEPARATED = re.compile(r"\d_\d")
"""What a file has that writes a number in groups of digits."""


def combined(op: ast.operator, left: Scalar, right: Scalar) -> Scalar | None:
    """Add two strings, or combine two numbers of a reasonable size."""
    if isinstance(left, str) or isinstance(right, str):
        both = isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add)
        return f"{left}{right}" if both else None
    combine = _NUMERIC.get(type(op))
    if combine is None or max(abs(left), abs(right)) > _LARGEST:
        return None
    try:
        return combine(left, right)
    except ZeroDivisionError:
        return None


def numeric(found: Found) -> Iterator[int]:
    """Yield the `id` of each expression that Python makes a number of: in `int(...)`, beside `cast=int`."""
    calls = [call for name in _NUMBERS for call, _ in found.called.get(name, ())]
    casts = (pair for name in _CASTS for pair in found.keywords.get(name, ()))
    calls += [call for call, cast, _ in casts if isinstance(cast, ast.Name) and cast.id in _NUMBERS]
    for call in calls:
        yield from (id(node) for node in ast.walk(call) if isinstance(node, ast.expr))


def digits(text: str) -> str:
    """Return a number as `int()` and `float()` take it, which pass over single underscores between digits."""
    return text.replace("_", "") if _NUMBER.fullmatch(text.strip()) else text
