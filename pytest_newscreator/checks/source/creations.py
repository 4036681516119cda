"""Requests that create a model, `/api/create`: what they say of it stays with the model, whoever asks for it later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from pytest_newscreator.checks.facts.asking import models_on, servers_asked_from
from pytest_newscreator.contract.model import Model, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.sites import Site

# Only a request that creates a model has the options of one in an object of this name; others have `options`.
_PARAMETERS = re.compile(r"""\bparameters[\\"']*\s*(?:=>|[:=])\s*[\w.\[\]{}<>, ]*\Z""")
_ENOUGH, _FAR = 200, 20_000
_BASES = ("from", "from_")
_CREATES = re.compile(r"/api/create\b|\.create\(")


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
    if source is None or not _CREATES.search(source.text):
        return False
    if site.setting in _BASES:
        return site.model is not None
    return _is_in_parameters(source.text, site.place)


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


def _is_in_parameters(text: str, place: Place) -> bool:
    """Return whether a place is inside of an object called `parameters`."""
    lines = text.split("\n")
    before = "\n".join((*lines[: place.line - 1], lines[place.line - 1][: place.column - 1]))[-_FAR:]
    depth = 0
    for index in range(len(before) - 1, -1, -1):
        depth += (before[index] == "}") - (before[index] == "{")
        if depth < 0:
            return _PARAMETERS.search(before[max(0, index - _ENOUGH) : index]) is not None
    return False
