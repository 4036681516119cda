"""What a value of the contract can look like; validation and the JSON Schema are both made from these."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_newscreator.contract.units import Quantity


@frozen(kw_only=True)
class Shape:
    """What every part of the contract has: a title, one or two sentences, and an example in YAML."""

    title: str
    about: str
    example: str = ""


@frozen(kw_only=True)
class Text(Shape):
    """A word or a sentence; `pattern` must match from end to end, and `says` is that pattern in words."""

    pattern: str = ""
    says: str = "a text"


@frozen(kw_only=True)
class Choice(Shape):
    """One of a few words."""

    words: tuple[str, ...]


@frozen(kw_only=True)
class Whole(Shape):
    """A whole number within its limits, both included."""

    low: int
    high: int


@frozen(kw_only=True)
class Number(Shape):
    """A number within its limits, both included; `unit` names what it counts, and is not written."""

    low: float
    high: float
    unit: str


@frozen(kw_only=True)
class Amount(Shape):
    """A number with its unit."""

    quantity: Quantity


@frozen(kw_only=True)
class Day(Shape):
    """A day of the calendar, as `2027-01-31`."""


@frozen(kw_only=True)
class Value(Shape):
    """What an environment variable holds: the text as it is written, whatever YAML takes it for."""


@frozen(kw_only=True)
class Parameter(Shape):
    """What a Modelfile's PARAMETER holds: a number, true or false, or a text."""


@frozen(kw_only=True)
class Many(Shape):
    """A list with at least `least` items of one shape."""

    of: Shape
    least: int = 0


@frozen(kw_only=True)
class Named(Shape):
    """A mapping whose names the user chooses.

    `name` is what such a name must look like. A name that is none of `known` but nearly one of them is taken
    for a slip of the pen; any other unknown name is accepted, since newer servers know more names.
    """

    of: Shape
    name: Text
    least: int = 0
    known: tuple[str, ...] = ()


@frozen(kw_only=True)
class Keys(Shape):
    """A mapping whose keys are given; of each group in `one_of` exactly one key is written."""

    keys: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()


@frozen(kw_only=True)
class ByForm(Shape):
    """Another shape for each form in which YAML can write it: one value, a list, a mapping."""

    forms: tuple[Shape, ...] = field(default=())
