"""Arithmetic over the constants of a Python file."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

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
