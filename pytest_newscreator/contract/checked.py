"""A contract whose shapes have been checked: typed values that still know their places.

What was malformed is missing here, but its name stays in `keys`, so that one fault is not reported twice.
"""

from __future__ import annotations

from dataclasses import field
from datetime import date
from typing import TYPE_CHECKING

from pytest_newscreator.contract.model import Parameter
from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_newscreator.places import Place

Value = Parameter | date


@frozen
class Leaf:
    """A single value: what it means, how it is written and where."""

    value: Value
    text: str
    place: Place


@frozen
class Items:
    """A list of checked parts."""

    items: tuple[Checked, ...]
    place: Place


@frozen
class Section:
    """A mapping of checked parts; `where` is its dotted path, `place` that of the key it stands behind."""

    where: str
    place: Place
    entries: Mapping[str, Checked] = field(default_factory=dict)
    keys: Mapping[str, Place] = field(default_factory=dict)

    def leaf(self, key: str) -> Leaf | None:
        """Return the single value behind `key`, if there is a sound one."""
        part = self.entries.get(key)
        return part if isinstance(part, Leaf) else None

    def text(self, key: str) -> str | None:
        """Return the text behind `key`, as it is written."""
        leaf = self.leaf(key)
        return None if leaf is None else leaf.text

    def number(self, key: str) -> float | None:
        """Return the number behind `key`, in its base unit."""
        leaf = self.leaf(key)
        value = leaf.value if leaf is not None else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def whole(self, key: str) -> int | None:
        """Return the number behind `key`, rounded to a whole one."""
        number = self.number(key)
        return None if number is None else round(number)

    def leaves(self, key: str) -> tuple[Leaf, ...]:
        """Return the values of the list behind `key`; one value alone counts as a list of one."""
        part = self.entries.get(key)
        if isinstance(part, Items):
            return tuple(item for item in part.items if isinstance(item, Leaf))
        return (part,) if isinstance(part, Leaf) else ()

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of the list behind `key`."""
        return tuple(leaf.text for leaf in self.leaves(key))

    def section(self, key: str) -> Section:
        """Return the mapping behind `key`, an empty one where there is none."""
        part = self.entries.get(key)
        return part if isinstance(part, Section) else Section(f"{self.where}.{key}", self.place)

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Yield every mapping in this one, with its name."""
        for name, part in self.entries.items():
            if isinstance(part, Section):
                yield name, part

    def values(self) -> Iterator[tuple[str, Leaf]]:
        """Yield every single value in this mapping, with its name."""
        for name, part in self.entries.items():
            if isinstance(part, Leaf):
                yield name, part

    def is_broken(self, key: str) -> bool:
        """Tell whether `key` is written but holds nothing sound."""
        return key in self.keys and key not in self.entries


Checked = Leaf | Items | Section
