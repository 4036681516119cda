"""Modelfiles that stand in the strings of a Python file: what they say, of the model that they are for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_newscreator.sources.bodies import embedded_modelfile, is_modelfile
from pytest_newscreator.sources.lines import Spelled
from pytest_newscreator.sources.python.collect import Found
from pytest_newscreator.sources.python.commands import Spelling
from pytest_newscreator.sources.python.requests import Requests
from pytest_newscreator.sources.python.values import Values
from pytest_newscreator.sources.sites import Site

_KEY = "modelfile"
_MAY = re.compile(r"(?<![a-z])parameter[ \t]|modelfile", re.IGNORECASE)


def modelfiles(found: Found, values: Values, requests: Requests) -> Iterator[Site]:
    """Yield what the Modelfiles of a file say: those that requests are given, then every other string that is one."""
    if not _MAY.search(values.text):
        return
    taken: set[int] = set()
    for value, scope, model in _given(found, requests):
        meant = values.names.expression(value)
        taken |= {id(value), id(meant)}
        yield from _read(values, value, scope, model, target=_KEY)
    for node, around in (*found.strings, *found.formatted):
        if id(node) not in taken:
            yield from _read(values, node, around.name, None, target="")


def _given(found: Found, requests: Requests) -> Iterator[tuple[ast.expr, str, str | None]]:
    """Yield the Modelfiles that requests are given, each with its scope and its model."""
    for node, scope in found.dicts:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == _KEY:
                yield value, scope.name, requests.models.get(id(node))
    for call, value, scope in found.keywords.get(_KEY, ()):
        yield value, scope.name, requests.models.get(id(call))


def _read(values: Values, node: ast.expr, scope: str, model: str | None, *, target: str) -> Iterator[Site]:
    """Yield what a text says if it is a Modelfile; the scope names no file, since it goes into a request."""
    if isinstance(node, ast.Constant) and not (isinstance(node.value, str) and is_modelfile(node.value, "", target)):
        return
    spelling = Spelling(values, node)
    if is_modelfile(spelling.text, "", target):
        text = Spelled(spelling.text, range(len(spelling.text)), 0)
        yield from embedded_modelfile(text, spelling.locate, scope, model)
