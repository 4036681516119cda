"""What a scalar means for the shape it should have: its own text decides, not what YAML 1.1 takes it for."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from pytest_newscreator.contract.shapes import Amount, Choice, Day, Number, Parameter, Shape, Text, Value, Whole
from pytest_newscreator.contract.units import UnitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_newscreator.contract import checked, nodes

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]{0,17})(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BOOLEANS = {"true": True, "false": False}


def read(node: nodes.Scalar, shape: Shape) -> checked.Value | UnitError | None:
    """Return what the scalar means for this shape: `None` says that it means nothing."""
    if isinstance(shape, Amount):
        try:
            return shape.quantity.read(node.text)
        except UnitError as error:
            return error
    return _READERS[type(shape)](node, shape)


def _text(node: nodes.Scalar, shape: Shape) -> str | None:
    # `022`, `yes` and `12:30` stay texts; a bare number or truth value is more likely a mistake.
    bare = node.plain and (_NUMBER.fullmatch(node.text) or node.text.casefold() in _BOOLEANS)
    pattern = shape.pattern if isinstance(shape, Text) else ""
    fits = re.fullmatch(pattern, node.text) if pattern else node.text.strip()
    return node.text if fits and not bare else None


def _choice(node: nodes.Scalar, shape: Shape) -> str | None:
    return node.text if isinstance(shape, Choice) and node.text in shape.words else None


def _whole(node: nodes.Scalar, shape: Shape) -> int | None:
    if not isinstance(shape, Whole) or not node.plain or not _WHOLE.fullmatch(node.text):
        return None
    value = int(node.text)
    return value if shape.low <= value <= shape.high else None


def _number(node: nodes.Scalar, shape: Shape) -> float | None:
    if not isinstance(shape, Number) or not node.plain or not _NUMBER.fullmatch(node.text):
        return None
    value = float(node.text)
    return value if shape.low <= value <= shape.high else None


def _day(node: nodes.Scalar, _shape: Shape) -> date | None:
    if not _DAY.fullmatch(node.text):
        return None
    try:
        return date.fromisoformat(node.text)
    except ValueError:
        return None


def _parameter(node: nodes.Scalar, _shape: Shape) -> int | float | bool | str:
    if node.plain and _WHOLE.fullmatch(node.text):
        return int(node.text)
    if node.plain and _NUMBER.fullmatch(node.text):
        return float(node.text)
    return _BOOLEANS.get(node.text, node.text) if node.plain else node.text


_READERS: dict[type[Shape], Callable[[nodes.Scalar, Shape], checked.Value | None]] = {
    Text: _text,
    Choice: _choice,
    Whole: _whole,
    Number: _number,
    Day: _day,
    Value: lambda node, _shape: node.text,
    Parameter: _parameter,
}
