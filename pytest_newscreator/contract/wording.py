"""How a fault is told: what stands there, and what should stand there."""

from __future__ import annotations

from typing import TypeGuard

from pytest_newscreator.contract import nodes
from pytest_newscreator.contract.faults import either
from pytest_newscreator.contract.scalars import read
from pytest_newscreator.contract.shapes import (
    Amount,
    ByForm,
    Choice,
    Day,
    Keys,
    Many,
    Named,
    Number,
    Parameter,
    Shape,
    Text,
    Value,
    Whole,
)

LONGEST_SHOWN = 60
UNBOUNDED = 1_000_000


def found(node: nodes.Node, shape: Shape) -> str:
    """Say what stands there, in the words of the sentence that follows."""
    if isinstance(node, nodes.Items):
        return "is a list"
    if isinstance(node, nodes.Table):
        return "is a mapping"
    if node.null:
        return "has no value"
    shown = node.text if len(node.text) <= LONGEST_SHOWN else f"{node.text[:LONGEST_SHOWN]}…"
    if lacks_quotes(node, shape):
        return f"is {shown} without quotes"
    return f"is the text {shown!r}" if not node.plain and isinstance(shape, Whole | Number) else f"is {shown!r}"


def lacks_quotes(node: nodes.Node, shape: Shape) -> TypeGuard[nodes.Scalar]:
    """Tell whether the same characters in quotes would be the text that is wanted."""
    if not (isinstance(node, nodes.Scalar) and isinstance(shape, Text) and node.plain and not node.null):
        return False
    return read(nodes.Scalar(node.text, node.place, plain=False), shape) is not None


def expected(shape: Shape) -> str:
    """Say what should stand there."""
    if isinstance(shape, Text):
        return shape.says
    if isinstance(shape, Choice):
        return either(shape.words)
    if isinstance(shape, Whole | Number):
        return _range(shape)
    if isinstance(shape, Amount):
        return shape.quantity.expected
    if isinstance(shape, ByForm):
        return either(expected(form) for form in shape.forms)
    return _EXPECTED[type(shape)]


def _range(shape: Whole | Number) -> str:
    if isinstance(shape, Number):
        return f"a number of {shape.unit} from {shape.low:g} to {shape.high:g}, without a unit"
    if shape.low == shape.high:
        return f"the number {shape.low}"
    high = f"to {shape.high}" if shape.high < UNBOUNDED else "up"
    return f"a whole number from {shape.low} {high}"


_EXPECTED = {
    Day: "a day of the calendar, as YYYY-MM-DD",
    Value: "a value",
    Parameter: "a value or a list of texts",
    Many: "a list",
    Named: "a mapping of names",
    Keys: "a mapping",
}
