"""Where newscreator.yaml names the files that an invocation reads: looked for only once something is wrong with one."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from pytest_newscreator.contract.model import Contract, Invocation
from pytest_newscreator.contract.nodes import Items, Node, Scalar, Table, parse
from pytest_newscreator.places import Place

_KEYS = ("files", "env_files")


def named_at(contract: Contract, invocation: Invocation, path: str) -> Place | None:
    """Return the place of the word by which an invocation names a file, None where it does not name it.

    `path` is relative to the root, as it was made of the word.
    """
    if not any(_clean(contract, word) == path for word in (*invocation.files, *invocation.env_files)):
        return None
    try:
        document = parse(contract.path.read_text(encoding="utf-8").removeprefix("\ufeff"), contract.path.name).document
    except OSError:
        return None
    for name in ("compose", "invocations", invocation.name):
        document = _entry(document, name)
    words = (word for key in _KEYS for word in _scalars(_entry(document, key)))
    return next((_place(word) for word in words if _clean(contract, word.text) == path), None)


def _clean(contract: Contract, word: str) -> str:
    """Return a path as Compose sees it, relative to the root where it lies in it."""
    joined = posixpath.normpath(word)
    return posixpath.relpath(joined, contract.root) if joined.startswith(f"{contract.root.as_posix()}/") else joined


def _entry(node: Node | None, name: str) -> Node | None:
    """Return what stands behind a key."""
    entries = node.entries if isinstance(node, Table) else ()
    return next((entry.value for entry in entries if entry.name == name), None)


def _scalars(node: Node | None) -> Iterator[Scalar]:
    """Yield a text, or the texts of a list."""
    for one in node.items if isinstance(node, Items) else (node,):
        if isinstance(one, Scalar):
            yield one


def _place(word: Scalar) -> Place:
    """Return where a text begins, inside its quotes."""
    return word.place if word.plain else replace(word.place, column=word.place.column + 1)
