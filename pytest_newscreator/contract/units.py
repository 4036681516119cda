"""Quantities with their units: durations, memory, token rates, frequencies and shares.

A contract never holds a bare number where a unit could be mistaken, so every quantity is read from a text
such as `10 min`. Values are exact fractions until the end: `500 ms` is 0.5 and `5 %` is 0.05, not nearly so.
"""

from __future__ import annotations

import re
from dataclasses import field
from fractions import Fraction
from typing import TYPE_CHECKING

from pytest_newscreator.contract.faults import either
from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_SPLIT = re.compile(rf"(?P<sign>[-+]?)(?P<number>{_NUMBER})\s*(?P<unit>[^\s0-9.][^0-9]*)?")


class UnitError(ValueError):
    """A text is not the quantity that is wanted; reads as the clause that follows the text in a sentence."""

    def __init__(self, quantity: Quantity, what: str, more: str = "") -> None:
        """Say what is wrong and what would be right."""
        super().__init__(f"which {what}, should be {quantity.expected}{more}")


@frozen
class Quantity:
    """A kind of quantity: its units as multiples of the base unit, and the limits of what makes sense.

    `near_misses` maps what people write to the unit they mean, for the "did you mean" of an error.
    """

    noun: str
    units: Mapping[str, Fraction]
    example: str
    near_misses: Mapping[str, str] = field(default_factory=dict)
    zero: bool = False
    highest: Fraction | None = None

    def read(self, text: str) -> float:
        """Return `text` in the base unit; raises `UnitError` with what is wrong about it."""
        found = _SPLIT.fullmatch(text.strip())
        if found is None:
            raise UnitError(self, "is not a number and a unit")
        factor = self._factor((found["unit"] or "").strip())
        value = Fraction(found["number"]) * factor
        self._hold_limits(value, negative=found["sign"] == "-")
        return float(value)

    @property
    def pattern(self) -> str:
        """The quantity as a regular expression that JSON Schema and Python both understand."""
        units = "|".join(self.units)
        return rf"^\s*\+?{_NUMBER}\s*(?:{units})\s*$"

    @property
    def expected(self) -> str:
        """What is accepted, as in `a duration in ms, s, min or h`."""
        return f"{self.noun} in {either(self.units)}"

    def _factor(self, unit: str) -> Fraction:
        if unit in self.units:
            return self.units[unit]
        if not unit:
            raise UnitError(self, "has no unit")
        names = {known.casefold(): known for known in self.units} | dict(self.near_misses)
        meant = names.get(unit.casefold())
        hint = f", did you mean {meant!r}?" if meant else ""
        raise UnitError(self, f"has the unit {unit!r}", hint)

    def _hold_limits(self, value: Fraction, *, negative: bool) -> None:
        if negative and value:
            raise UnitError(self, "is negative")
        if value == 0 and not self.zero:
            raise UnitError(self, "is nothing at all", " above zero")
        if self.highest is not None and value > self.highest:
            raise UnitError(self, "is more than the whole", " up to 100 %")


DURATION = Quantity(
    "a duration",
    {"ms": Fraction(1, 1000), "s": Fraction(1), "min": Fraction(60), "h": Fraction(3600)},
    "10 min",
    {"m": "min", "mins": "min", "minute": "min", "minutes": "min", "sec": "s", "secs": "s", "second": "s"}
    | {"seconds": "s", "msec": "ms", "millis": "ms", "hour": "h", "hours": "h", "hr": "h"},
)
MEMORY = Quantity(
    "a memory size",
    {"MiB": Fraction(1), "GiB": Fraction(1024)},
    "8188 MiB",
    {"mb": "MiB", "m": "MiB", "mi": "MiB", "gb": "GiB", "g": "GiB", "gi": "GiB"},
)
TOKEN_RATE = Quantity(
    "a token rate",
    {"tok/s": Fraction(1)},
    "40 tok/s",
    {"tokens/s": "tok/s", "token/s": "tok/s", "t/s": "tok/s", "tps": "tok/s", "tok": "tok/s", "/s": "tok/s"},
)
FREQUENCY = Quantity(
    "a request rate",
    {"/s": Fraction(1), "/min": Fraction(1, 60)},
    "0.5/s",
    {"req/s": "/s", "rps": "/s", "hz": "/s", "s": "/s", "per second": "/s", "/m": "/min", "rpm": "/min", "min": "/min"},
)
SHARE = Quantity(
    "a share", {"%": Fraction(1, 100)}, "5 %", {"percent": "%", "pct": "%"}, zero=True, highest=Fraction(1)
)
