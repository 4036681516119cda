"""What a variable of Compose's interpolation comes to under each invocation, and which values it has a say in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Invocation, Service, Setting
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Node
from pytest_newscreator.resolve.compose.services import ordered
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Hop
from pytest_newscreator.sources.yamlnodes import render

Word = Literal["right", "wrong", "computed", ""]
"""What the contract says to a value; "" where it says nothing."""

_SAYING = ("interpolation", "default", "dotenv", "shell")


@frozen
class Settled:
    """One value that a variable has a say in: a setting of a service, or an attribute by its dotted path."""

    service: str
    setting: str
    text: str | None
    word: Word
    place: Place | None


@frozen
class Decided:
    """What a variable comes to under one invocation; `text` None is unset. `settles` is what it decides."""

    invocation: str
    text: str | None
    place: Place | None
    chain: tuple[str, ...]
    settles: tuple[Settled, ...]


def decided(repository: Repository, name: str) -> Iterator[Decided]:
    """Yield what a variable comes to under each invocation; several where its defaults differ.

    A setting of the variable's own name is not named: it is told as what its service gets.
    """
    for invocation in repository.contract.invocations.values():
        if invocation.name not in repository.resolved:
            continue
        found: dict[tuple[str | None, Place | None], tuple[list[Hop], list[Settled]]] = {}
        for hops, settled in _settled(repository, invocation, name):
            winner = next((hop for hop in reversed(hops) if hop.won and hop.value is not None), None)
            had, settles = found.setdefault((winner.value, winner.place) if winner else (None, None), ([], []))
            had += hops
            settles.append(settled)
        for (text, place), (had, settles) in found.items():
            yield Decided(invocation.name, text, place, chain(ordered(tuple(dict.fromkeys(had)))), tuple(settles))


def _settled(repository: Repository, invocation: Invocation, name: str) -> Iterator[tuple[list[Hop], Settled]]:
    """Yield every value that a variable has a say in, with the hops that are its own; the contract's services first."""
    keys = {service.compose: service for service in repository.contract.services.values() if service.compose}
    project = repository.resolved[invocation.name]
    for compose in sorted(project.services.values(), key=lambda one: one.name not in keys):
        service = keys.get(compose.name)
        who = service.key if service else f"({compose.name})"
        for setting, text, hops in _values(compose):
            named = [hop for hop in hops if hop.name == name and hop.kind in _SAYING]
            own = [hop for hop in named if hop.kind != "interpolation"] or named
            if own and setting != name:
                word = word_of(repository, _declared(service, setting), invocation, text)
                here = next((hop.place for hop in hops if hop.place is not None), None)
                yield own, Settled(who, setting, text, word, here)


def _declared(service: Service | None, setting: str) -> Setting | None:
    """Return what the contract declares of a setting."""
    return service.settings.get(setting) if service else None


def _values(compose: ComposeService) -> Iterator[tuple[str, str | None, Sequence[Hop]]]:
    """Yield the environment of a service, then its other values, each with the hops that led to it."""
    for value in compose.environment.values():
        yield value.name, value.text, value.chain
    below: Mapping[str, Node] = {key: node for key, node in compose.tree.children.items() if key != "environment"}
    for key, node in below.items():
        yield from _nodes(node, key)


def _nodes(node: Node, path: str) -> Iterator[tuple[str, str | None, Sequence[Hop]]]:
    """Yield each scalar of a tree that is interpolated."""
    if isinstance(node.content, dict | tuple):
        children = node.children or {str(index): element for index, element in enumerate(node.elements)}
        for name, child in children.items():
            yield from _nodes(child, f"{path}.{name}")
    elif node.hops:
        where = Hop("interpolation", path, None, node.place, won=True)
        yield path, render(node.content), (where, *node.hops)


def word_of(repository: Repository, setting: Setting | None, invocation: Invocation | None, text: str | None) -> Word:
    """Return what the contract says of a resolved value."""
    if setting is None:
        return ""
    allowed = repository.contract.allowed(setting, invocation)
    return "right" if text is not None and any(agrees(text, one) for one in allowed) else "wrong"
