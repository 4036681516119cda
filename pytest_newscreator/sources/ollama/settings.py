"""What Ollama makes of its environment variables, per version: which it reads, what it takes a text for, what is dead.

The rules are those of `envconfig` and of every other read of the environment in the Go modules 0.14.3, 0.24.0 and
0.30.0; `data/ollama.json` holds the facts, `scripts/ollama-settings.py` checks them against a module's sources. A
version between two of these is answered from the lower one, an older one from the oldest, None from the newest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from pytest_newscreator.data import FOLDER
from pytest_newscreator.sources.ollama.gpu import LIBRARY_VARIABLES, gpu_trouble
from pytest_newscreator.sources.ollama.readings import NO_LOAD, NO_START, Reading, Variable, read

__all__ = (
    "LIBRARY_VARIABLES",
    "NO_LOAD",
    "NO_START",
    "Reading",
    "Variable",
    "dead",
    "gpu_trouble",
    "known",
    "misread",
    "reads_as",
    "table_for",
    "version_of_image",
)

FILE: Final = FOLDER / "ollama.json"
PREFIX: Final = "OLLAMA_"

_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)(?:[-+].*)?")
_NEAR = 0.8  # below it OLLAMA_MAX_MODELS would be near OLLAMA_MAX_QUEUE


def known(version: str | None) -> Mapping[str, Variable]:
    """Return the variables that a version reads, by name."""
    return _table(table_for(version))


def table_for(version: str | None) -> str:
    """Return the version whose table answers for a version: the nearest lower one that is known."""
    tables: list[str] = _facts()["tables"]
    release = _release(version)
    if release is None:
        return tables[-1]
    return next((table for table in reversed(tables) if _order(table) <= release), tables[0])


def reads_as(name: str, text: str, version: str | None) -> Reading:
    """Return what the server makes of a variable's text, and what a person would make of it."""
    variable = known(version).get(name)
    if variable is None:
        return Reading(text, text, f"nothing in Ollama {table_for(version)} reads it")
    return read(variable, text)


def misread(name: str, text: str, version: str | None) -> str | None:
    """Return how a person who reads the text would be wrong about what the server does, None where it is as it looks.

    The text must be what the process gets: in a shell's source a tilde or a `$NAME` still stands for something else.
    """
    reading = reads_as(name, text, version)
    if reading.value == reading.looks_like:
        return None
    if reading.value == NO_START:
        return f"keeps the server from starting: {reading.why}"
    if reading.value == NO_LOAD:
        return f"keeps every model from loading: {reading.why}"
    if reading.value == "true":
        return f"turns it on: {reading.why}"
    return f"becomes {reading.value}: {reading.why}"


def dead(name: str, version: str | None) -> str | None:
    """Return what to do instead of setting an OLLAMA_* name that the version does not read, None for any other name.

    A start script may still read it. A version between two tables may read what either of them has; of one older than
    every table only what no version is known to read is said.
    """
    if not name.startswith(PREFIX) or any(name in _table(table) for table in _tables_around(version)):
        return None
    if advice := _facts()["instead"].get(name):
        return str(advice)
    near = get_close_matches(name.removeprefix(PREFIX), _own_names(version), 1, _NEAR)
    if near and name not in _facts()["once"] and name not in _facts()["variables"]:
        return f"did you mean {PREFIX}{near[0]}?"
    return None if _is_older(version) else _unread(name, version)


def version_of_image(reference: str) -> str | None:
    """Return the version that the tag of an `ollama/ollama` image names, None for `latest` and any other image."""
    name = reference.partition("@")[0]
    folder, _, last = name.rpartition("/")
    repository, _, tag = last.partition(":")
    found = _VERSION.fullmatch(tag)
    if repository != "ollama" or folder.rpartition("/")[2] != "ollama" or not found:
        return None
    return ".".join(found.groups())


@cache
def _facts() -> Mapping[str, Any]:
    """Return the data file."""
    facts: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return facts


@cache
def _table(table: str) -> Mapping[str, Variable]:
    """Return the variables of one known version."""
    tables: list[str] = _facts()["tables"]
    found = {}
    for name, fact in _facts()["variables"].items():
        since, last = fact.get("since", tables[0]), fact.get("last", tables[-1])
        if not _order(since) <= _order(table) <= _order(last):
            continue
        then = [changed for at, changed in fact.get("then", {}).items() if _order(at) <= _order(table)]
        now = {**fact, **{key: value for changed in then for key, value in changed.items()}}
        found[name] = Variable(
            name,
            now["kind"],
            now["default"],
            now["effect"],
            since,
            now.get("reader", "server"),
            tuple(now.get("values", ())),
        )
    return MappingProxyType(found)


def _order(version: str) -> tuple[int, ...]:
    """Return a version's numbers."""
    return tuple(int(part) for part in version.split("."))


def _release(version: str | None) -> tuple[int, ...] | None:
    """Return the numbers of a version as it may be written, `v0.24.0-rc1`; None for what is none."""
    found = _VERSION.fullmatch(version) if version else None
    return tuple(int(part) for part in found.groups()) if found else None


def _tables_around(version: str | None) -> tuple[str, ...]:
    """Return the tables that a version lies between, one where it is known itself."""
    lower, release = table_for(version), _release(version)
    tables: list[str] = _facts()["tables"]
    if release is None or release <= _order(lower):
        return (lower,)
    return (lower, *tables[tables.index(lower) + 1 :][:1])


def _is_older(version: str | None) -> bool:
    """Tell whether a version is older than every table, so that what it reads beside them is not known."""
    release = _release(version)
    return release is not None and release < _order(_facts()["tables"][0])


def _unread(name: str, version: str | None) -> str:
    """Say that a version does not read a name, and which one does or did."""
    table, fact = table_for(version), _facts()["variables"].get(name)
    if advice := _facts()["once"].get(name):
        return f"only releases older than {_facts()['tables'][0]} read it; {advice}"
    if fact is None:
        return f"nothing in Ollama {_reach(version)} reads it"
    if _order(fact.get("since", table)) > _order(table):
        return f"Ollama {table} does not read it yet, {fact['since']} does"
    return f"Ollama {table} reads it no more, {fact['last']} did"


def _own_names(version: str | None) -> list[str]:
    """Return the OLLAMA_* names that a version's server and command read, without their prefix."""
    return [
        variable.name.removeprefix(PREFIX)
        for variable in known(version).values()
        if variable.name.startswith(PREFIX) and variable.reader in {"server", "cli"}
    ]


def _reach(version: str | None) -> str:
    """Say how far the knowledge goes: a version newer than every table may read a name that none of them has."""
    table, release = table_for(version), _release(version)
    newest = table == _facts()["tables"][-1] and release != _order(table)
    return f"up to {table}" if newest else table
