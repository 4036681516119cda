"""Does every part of the contract have the shape it should have? Answers with typed parts and all the faults."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pytest_newscreator.contract import checked, nodes
from pytest_newscreator.contract.faults import did_you_mean, either, nearest
from pytest_newscreator.contract.scalars import read
from pytest_newscreator.contract.shapes import ByForm, Choice, Keys, Many, Named, Parameter, Shape, Text
from pytest_newscreator.contract.units import UnitError
from pytest_newscreator.contract.wording import expected, found, lacks_quotes
from pytest_newscreator.errors import ContractError
from pytest_newscreator.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_newscreator.places import Place

SLIP = 0.85

Outcome: TypeAlias = "checked.Checked | None"


@frozen
class Spot:
    """Where the walk stands: the dotted path, the key alone, and the place of that key."""

    where: str
    key: str
    place: Place

    def below(self, key: str, place: Place) -> Spot:
        """Step down to a key of this mapping."""
        return Spot(f"{self.where}.{key}" if self.key else key, key, place)

    @property
    def name(self) -> str:
        """Name the spot in a sentence."""
        return self.where if self.key else "the contract"


@dataclass(slots=True)
class Validator:
    """Walks a document along its shape and notes every fault on the way."""

    top: Keys
    faults: list[ContractError] = field(default_factory=list)

    def check(self, node: nodes.Node, shape: Shape, spot: Spot) -> Outcome:
        """Return the checked part, or `None` after noting what is wrong with it."""
        if isinstance(shape, ByForm):
            return self._by_form(node, shape, spot)
        if isinstance(shape, Keys | Named):
            return self._mapping(node, shape, spot)
        if isinstance(shape, Many):
            return self._many(node, shape, spot)
        if isinstance(shape, Parameter) and isinstance(node, nodes.Items):
            return self._many(node, Many(title=shape.title, about=shape.about, of=TEXT), spot)
        return self._leaf(node, shape, spot)

    def _by_form(self, node: nodes.Node, shape: ByForm, spot: Spot) -> Outcome:
        for form in shape.forms:
            if isinstance(node, _form(form)) and not _is_null(node):
                return self.check(node, form, spot)
        return self._refuse(node, shape, spot)

    def _mapping(self, node: nodes.Node, shape: Keys | Named, spot: Spot) -> Outcome:
        if not isinstance(node, nodes.Table):
            return self._refuse(node, shape, spot)
        inside = self._known(node, shape, spot) if isinstance(shape, Keys) else self._chosen(node, shape, spot)
        entries = {}
        for entry, below in inside:
            part = self.check(entry.value, below, spot.below(entry.name, entry.place))
            if part is not None:
                entries[entry.name] = part
        return checked.Section(spot.where, spot.place, entries, {entry.name: entry.place for entry in node.entries})

    def _known(self, node: nodes.Table, shape: Keys, spot: Spot) -> Iterator[tuple[nodes.Entry, Shape]]:
        written = [entry.name for entry in node.entries]
        unknown = [entry for entry in node.entries if entry.name not in shape.keys]
        meant = {nearest(entry.name, shape.keys) for entry in unknown}
        for entry in unknown:
            self._unknown(entry, shape, spot)
        # A misspelt key is one fault: it is not missing as well.
        for key in shape.required:
            if key not in written and key not in meant:
                self._missing(shape, spot, (key,))
        for group in shape.one_of:
            self._one_of(node, shape, spot, group, meant)
        yield from ((entry, shape.keys[entry.name]) for entry in node.entries if entry.name in shape.keys)

    def _unknown(self, entry: nodes.Entry, shape: Keys, spot: Spot) -> None:
        hint = did_you_mean(entry.name, shape.keys)
        place_in = "" if hint else _elsewhere(self.top, entry.name)
        message = f"unknown key {entry.name!r} {_inside(spot)}{hint or place_in}"
        meant = nearest(entry.name, shape.keys)
        self._fault(message, entry.place, f"write {meant}" if meant else f"{spot.name} knows {', '.join(shape.keys)}")

    def _missing(self, shape: Keys, spot: Spot, keys: tuple[str, ...]) -> None:
        first, *others = keys
        should = "have one of them" if others else f"say {_inline(shape.keys[first].title)}"
        message = f"{spot.name} has no {either(keys)}, should {should}"
        self._fault(message, spot.place, f"add '{first}: {shape.keys[first].example}'")

    def _one_of(
        self, node: nodes.Table, shape: Keys, spot: Spot, group: tuple[str, ...], meant: set[str | None]
    ) -> None:
        written = [entry for entry in node.entries if entry.name in group]
        if not written and not meant.intersection(group):
            self._missing(shape, spot, group)
        for extra in written[1:]:
            message = f"{spot.name} has both {written[0].name} and {extra.name}, should have one of {either(group)}"
            self._fault(message, extra.place, f"keep {written[0].name} or {extra.name}")

    def _chosen(self, node: nodes.Table, shape: Named, spot: Spot) -> Iterator[tuple[nodes.Entry, Shape]]:
        if len(node.entries) < shape.least:
            self._fault(f"{spot.name} is empty, should hold at least one entry", spot.place, f"write {shape.example}")
        for entry in node.entries:
            if not re.fullmatch(shape.name.pattern, entry.name):
                message = f"{entry.name!r} {_inside(spot)} is no {shape.name.title}, should be {shape.name.says}"
                self._fault(message, entry.place, f"write it like {shape.name.example}")
            slip = None if entry.name in shape.known else nearest(entry.name, shape.known, cutoff=SLIP)
            if slip is not None:
                message = f"unknown {shape.name.title} {entry.name!r} {_inside(spot)}, did you mean {slip!r}?"
                self._fault(message, entry.place, f"write {slip}")
            else:
                yield entry, shape.of

    def _many(self, node: nodes.Node, shape: Many, spot: Spot) -> Outcome:
        if not isinstance(node, nodes.Items):
            return self._refuse(node, shape, spot)
        if len(node.items) < shape.least:
            self._fault(
                f"{spot.name} is an empty list, should hold at least one value", node.place, _example(shape, spot)
            )
        parts = []
        for index, item in enumerate(node.items):
            part = self.check(item, shape.of, Spot(f"{spot.where}[{index}]", spot.key, item.place))
            if part is not None:
                parts.append(part)
        return checked.Items(tuple(parts), node.place)

    def _leaf(self, node: nodes.Node, shape: Shape, spot: Spot) -> Outcome:
        if not isinstance(node, nodes.Scalar) or node.null:
            return self._refuse(node, shape, spot)
        value = read(node, shape)
        if isinstance(value, UnitError):
            return self._fault(f"{spot.name} is {node.text!r}, {value}", node.place, _example(shape, spot))
        return self._refuse(node, shape, spot) if value is None else checked.Leaf(value, node.text, node.place)

    def _refuse(self, node: nodes.Node, shape: Shape, spot: Spot) -> Outcome:
        place = spot.place if _is_null(node) else node.place
        words = shape.words if isinstance(shape, Choice) else ()
        hint = did_you_mean(node.text, words) if isinstance(node, nodes.Scalar) else ""
        message = f"{spot.name} {found(node, shape)}, should be {expected(shape)}{hint}"
        fix = f'quote it: "{node.text}"' if lacks_quotes(node, shape) else _example(shape, spot)
        return self._fault(message, place, fix)

    def _fault(self, message: str, place: Place, fix: str) -> Outcome:
        fault = ContractError(message, place=place, fix=fix)
        if str(fault) not in map(str, self.faults):  # an alias shows one fault several times
            self.faults.append(fault)
        return None


TEXT = Text(title="text", about="A text.")


def _form(shape: Shape) -> type[nodes.Scalar | nodes.Items | nodes.Table]:
    if isinstance(shape, Keys | Named):
        return nodes.Table
    return nodes.Items if isinstance(shape, Many) else nodes.Scalar


def _is_null(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Scalar) and node.null


def _example(shape: Shape, spot: Spot) -> str:
    example = shape.example or "…"
    return f"write for example '{spot.key}: {example}'" if spot.key else f"write for example '{example}'"


def _inside(spot: Spot) -> str:
    return f"in {spot.where}" if spot.key else "at the top level"


def _inline(title: str) -> str:
    return title[:1].lower() + title[1:]


def _elsewhere(top: Keys, key: str) -> str:
    """Say where a key that is unknown here would be at home."""
    homes = sorted(_homes(top, key, ""), key=lambda home: (home.startswith("model."), len(home)))
    return f", it belongs in {homes[0]}" if homes else ""


def _homes(shape: Shape, key: str, where: str) -> Iterator[str]:
    if isinstance(shape, Keys):
        if key in shape.keys:
            yield where or "the top level"
        for name, below in shape.keys.items():
            yield from _homes(below, key, f"{where}.{name}" if where else name)
    elif isinstance(shape, Named):
        yield from _homes(shape.of, key, f"{where}.*")
    elif isinstance(shape, Many):
        yield from _homes(shape.of, key, f"{where}[]")
