"""The variables Compose may interpolate: the shell's, then dotenv files', each knowing where it was set."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.values import Hop, HopKind
from pytest_newscreator.sources.bounds import MOST_HOPS, Room, refuse_hops
from pytest_newscreator.sources.compose.interpolation import Outcome, Step, Template
from pytest_newscreator.sources.dotenv import Entry, read_entries
from pytest_newscreator.sources.sites import SourceFile

Locate = Callable[[int, str], Place]


@frozen
class Variable:
    """A variable that is set: its text, where, the hops its own value came by, and who wanted to set it too."""

    name: str
    text: str
    kind: Literal["shell", "dotenv"]
    place: Place | None
    below: tuple[Hop, ...] = ()
    losers: tuple[Hop, ...] = ()

    def hops(self, *, won: bool = True, why: str = "") -> tuple[Hop, ...]:
        """Return the chain from this variable down; with `won` False only what it offered, and why in vain."""
        own = Hop(self.kind, self.name, self.text, self.place, won, why)
        return (own, *self.below, *self.losers) if won else (own,)


@frozen
class Variables:
    """All variables of one project or included file; `unread` are those of dotenv files that Compose ignores."""

    known: Mapping[str, Variable] = field(default_factory=dict)
    unread: Mapping[str, Hop] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return the value of a variable, None where it is unset."""
        variable = self.known.get(name)
        return None if variable is None else variable.text

    def ignored(self, name: str) -> tuple[Hop, ...]:
        """Return what a dotenv file that is not read would have said."""
        return (self.unread[name],) if name in self.unread else ()


def from_shell(environment: Mapping[str, str], place: Place | None) -> Variables:
    """Return the declared shell environment as variables."""
    return Variables({name: Variable(name, text, "shell", place) for name, text in environment.items()})


def with_dotenv(variables: Variables, sources: Sequence[SourceFile], *, lazy: bool) -> Variables:
    """Add dotenv files below what is known already; among them, later files win. Raises SourceError."""
    batch: dict[str, Variable] = {}
    room = Room()
    scope = Variables(ChainMap(dict(variables.known), batch), variables.unread)
    for source in sources:
        known = {name: variable.text for name, variable in batch.items()}
        for entry in read_entries(source, variables.text, known=known, lazy=lazy):
            if not entry.bare and entry.value is not None:
                batch[entry.name] = _from_entry(entry, scope, batch.get(entry.name), room)
    merged = dict(variables.known)
    for name, variable in batch.items():
        earlier = merged.get(name)
        merged[name] = variable if earlier is None else _outranked(earlier, variable)
    return replace(variables, known=merged)


def _from_entry(entry: Entry, scope: Variables, earlier: Variable | None, room: Room) -> Variable:
    losers: tuple[Hop, ...] = ()
    if earlier is not None:
        line = f"line {entry.place.line} sets it again"
        same = earlier.place is not None and earlier.place.path == entry.place.path
        losers = (*earlier.hops(won=False, why=line if same else f"{entry.place.path} is read later"), *earlier.losers)
    below = entry_hops(entry, scope)
    room.take(lambda: entry.place, text=len(entry.value or ""), hops=len(below) + len(losers))
    return Variable(entry.name, entry.value or "", "dotenv", entry.place, below, losers)


def _outranked(winner: Variable, loser: Variable) -> Variable:
    place = winner.place.path if winner.place else ""
    why = "the shell sets it" if winner.kind == "shell" else f"{place} sets it first"
    same = winner.kind == loser.kind and winner.place == loser.place
    return winner if same else replace(winner, losers=(*winner.losers, *loser.hops(won=False, why=why)))


def unread(sources: Mapping[SourceFile, str]) -> Mapping[str, Hop]:
    """Return what dotenv files offer that this invocation does not read, with the reason for each file."""
    offers: dict[str, Hop] = {}
    for source, why in sources.items():
        for entry in read_entries(source, problems=[]):
            if entry.value is not None:
                offers[entry.name] = Hop("dotenv", entry.name, entry.value, entry.place, won=False, why=why)
    return offers


def entry_hops(entry: Entry, variables: Variables) -> tuple[Hop, ...]:
    """Return the hops by which the value of a dotenv entry was expanded."""
    if entry.outcome is None:
        return ()
    return outcome_hops(entry.outcome, variables, lambda offset, _: entry.locate(offset))


def outcome_hops(outcome: Outcome, variables: Variables, locate: Locate) -> tuple[Hop, ...]:
    """Return the hops of every expansion in a text: for each, the winner and below it the losers.

    Raises SourceError where there are too many of them: each variable brings those of its own value.
    """
    if len(outcome.steps) > MOST_HOPS:
        refuse_hops(locate(outcome.steps[0].expansion.start, ""))
    hops: list[Hop] = []
    for step in outcome.steps:
        hops.extend(_step_hops(step, variables, locate))
        if len(hops) > MOST_HOPS:
            refuse_hops(hops[0].place or Place(""))
    return tuple(hops)


def _step_hops(step: Step, variables: Variables, locate: Locate) -> Iterator[Hop]:
    name = step.expansion.name
    variable = variables.known.get(name)
    why = f"{name} is set nowhere" if step.took == "nothing" else ""
    start = locate(step.expansion.start, f"${{{name}")
    yield Hop("interpolation", name, step.text, start, won=True, why=why)
    if step.took == "argument":
        yield from _argument_hops(step, variables, locate)
        if variable is not None:
            yield from variable.hops(won=False, why=_passed_over(step))
    elif variable is not None:
        yield from variable.hops()
        if step.expansion.has_default and step.expansion.argument is not None:
            yield _default_hop(step, step.expansion.argument, locate, won=False, why=_setter(variable))
    if variable is None:
        yield from variables.ignored(name)


def _argument_hops(step: Step, variables: Variables, locate: Locate) -> Iterator[Hop]:
    if step.expansion.argument is not None and step.argument is not None:
        yield _default_hop(step, step.expansion.argument, locate, won=True)
        yield from outcome_hops(step.argument, variables, locate)


def _default_hop(step: Step, argument: Template, locate: Locate, *, won: bool, why: str = "") -> Hop:
    text = argument.source if step.argument is None else step.argument.text
    kind: HopKind = "default"
    return Hop(kind, step.expansion.name, text, argument_place(argument, locate), won, why)


def argument_place(argument: Template, locate: Locate) -> Place:
    """Return the place of a default; the text before it helps to find it in a folded scalar."""
    return locate(argument.start, argument.source)


def _setter(variable: Variable) -> str:
    if variable.kind == "shell":
        return "the shell sets it"
    return f"{variable.place.path if variable.place else 'a dotenv file'} sets it"


def _passed_over(step: Step) -> str:
    if step.expansion.operator.endswith("+"):
        return "it is set, so the alternative is taken"
    return f"it is set but empty, and `{step.expansion.operator}` then takes the default"
