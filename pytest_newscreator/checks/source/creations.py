"""Requests that create a model, `/api/create`: what they say of it stays with the model, whoever asks for it later."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

from pytest_newscreator.checks.facts.asking import models_on, servers_asked_from
from pytest_newscreator.contract.model import Model, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.sites import Site, SourceFile

# Only a request that creates a model has the options of one in an object of this name; others have `options`.
_PARAMETERS = re.compile(r"""\bparameters[\\"']*\s*(?:=>|[:=])\s*[\w.\[\]{}<>, ]*\Z""")
_ENOUGH = 200
_BASES = ("from", "from_")
_CREATES = re.compile(r"/api/create\b|\.create\(")
_BRACKET = re.compile(r"(?<![\w.])dict\(|[(){}]")


@frozen
class Creating:
    """One statement of a request that creates a model, "" where its name is computed, and what it should say.

    `declared` says where the contract has that from, where it is one model's.
    """

    site: Site
    name: str
    key: str
    expected: tuple[str, ...]
    declared: str


def creating(repository: Repository) -> Iterator[Creating]:
    """Yield FROM and the parameters of each request that creates a variant of the contract.

    One whose model is computed may create any of them, where it is written in the sources of a service.
    """
    for site in repository.sites:
        if site.kind == "json-body" and site.setting and site.value is not None and states(repository, site):
            key = "FROM" if site.setting in _BASES else site.setting
            meant = list(_meant(repository, site))
            stated = (_stated(model, variant).get(key, ()) for model, variant in meant)
            expected = tuple(dict.fromkeys(chain.from_iterable(stated)))
            if expected:
                declared = f"{meant[0][1].place}: declares {meant[0][1].name}" if site.model else ""
                yield Creating(site, site.model or "", key, expected, declared)


def states(repository: Repository, site: Site) -> bool:
    """Return whether a member of a request becomes a part of the model that the request creates."""
    source = repository.source(site.place.path)
    objects = _objects(source) if source is not None else None
    if objects is None:
        return False
    if site.setting in _BASES:
        return site.model is not None
    return objects.is_in_parameters(site.place)


def _meant(repository: Repository, site: Site) -> Iterator[tuple[Model, Variant]]:
    """Yield the variants that a request may create: the one it names, or any of its servers'."""
    if site.model is None and not repository.services_of(site.place.path):
        return
    for model in models_on(repository, servers_asked_from(repository, site.place.path)):
        for variant in model.variants.values():
            if site.model is None or names.same(site.model, variant.name):
                yield model, variant


def _stated(model: Model, variant: Variant) -> dict[str, tuple[str, ...]]:
    """Return what a variant must be made of."""
    return {"FROM": (model.base,), **model.stated(variant)}


@frozen
class _Objects:
    """The objects of one text: `around[n]` is where the innermost one begins from the offset `at[n]` on, -1 for none.

    `begins` are the offsets at which an object called `parameters` begins.
    """

    lines: Lines
    at: tuple[int, ...]
    around: tuple[int, ...]
    begins: frozenset[int]

    def is_in_parameters(self, place: Place) -> bool:
        """Return whether a place is inside of an object called `parameters`."""
        offset = self.lines.offset(place.line) + place.column - 1
        before = bisect_left(self.at, offset)
        return before > 0 and self.around[before - 1] in self.begins


@lru_cache(maxsize=8)
def _objects(source: SourceFile) -> _Objects | None:
    """Return the objects of a text in which some request creates a model, None of any other; told once a file."""
    text = source.text
    if not _CREATES.search(text):
        return None
    brackets = list(_BRACKET.finditer(text))
    around = tuple(_innermost(brackets))
    named = (at for at in set(around) if at >= 0 and _PARAMETERS.search(text[max(0, at - _ENOUGH) : at]))
    return _Objects(Lines(source.path, text), tuple(one.start() for one in brackets), around, frozenset(named))


def _innermost(brackets: Iterable[re.Match[str]]) -> Iterator[int]:
    """Yield, behind each bracket, where the innermost open object begins; `dict(` opens one as `{` does.

    A brace closes what is left open inside of its object: parentheses may stand in texts, too.
    """
    opened: list[tuple[str, int]] = []
    objects: list[int] = [-1]
    braces = 0
    for bracket in brackets:
        kind = bracket[0]
        if kind[-1] in "({":
            opened.append((kind, len(objects)))
            objects += [] if kind == "(" else [bracket.start()]
            braces += kind == "{"
        elif kind == ")" and opened and opened[-1][0] != "{":
            del objects[opened.pop()[1] :]
        elif kind == "}" and braces:
            while opened[-1][0] != "{":
                opened.pop()
            del objects[opened.pop()[1] :]
            braces -= 1
        yield objects[-1]
