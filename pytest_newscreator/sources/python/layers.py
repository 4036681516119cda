"""Dicts over or under the environment of a Python file: tables of defaults, and what a child process is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain

from pytest_newscreator.sources.python.collect import Found, Scope
from pytest_newscreator.sources.python.environment import Environment
from pytest_newscreator.sources.python.helpers import EnvironmentRead, looked_up

Default = tuple[str, ast.expr, Scope]
_JOINING = frozenset({"dict", "ChainMap", "collections.ChainMap", "os.environ.update"})
_PUTTING = frozenset({"os.putenv", "os.environ.update"})
_HANDED = frozenset({"env", "environment"})


class Layers:
    """The dicts of one file that stand beside its environment; `dicts` are their ids.

    `putting` are the statements that put a value into the environment whatever stands there, by the value's id.
    """

    def __init__(self, found: Found, environment: Environment) -> None:
        """Take the nodes of the file and what its names mean."""
        self._found = found
        self._environment = environment
        self._values = environment.values
        self.dicts: set[int] = set()
        self.putting: dict[int, ast.AST] = {}

    def defaults(self) -> Iterator[Default]:
        """Yield each variable that such a dict gives a value, with the value."""
        is_environ = self._environment.is_environ
        for node, scope in self._found.dicts:
            if self._environment.is_layered(node):
                yield from self._table(node, scope)
                spread = [value for key, value in zip(node.keys, node.values, strict=True) if key is None]
                yield from chain.from_iterable(self._table(value, scope) for value in spread)
        for left, right in self._found.unions:
            for one, other in ((left, right), (right, left)):
                if is_environ(one):
                    yield from self._united(other)
        for name in sorted(_HANDED.intersection(self._found.keywords)):
            for _, value, scope in self._found.keywords[name]:
                yield from self._table(value, scope)
        for name in sorted(self._environment.names_of(_JOINING | {"os.putenv"}).intersection(self._found.called)):
            for call, scope in self._found.called[name]:
                yield from self._noted(call, scope)

    def _united(self, table: ast.expr) -> Iterator[Default]:
        """Yield what is joined to the environment by `|`; what is joined by `|=` stays there."""
        statement = self._found.augmented.get(id(table))
        for default in self._table(table, Scope()):
            if statement is not None and self._environment.is_environ(statement.target):
                self.putting[id(default[1])] = statement
            yield default

    def _noted(self, call: ast.Call, scope: Scope) -> Iterator[Default]:
        """Yield what a call joins to the environment, and note what it puts in the place of what stands there."""
        puts = self._environment.dotted(call.func) in _PUTTING
        for default in self._joined(call, scope):
            if puts:
                self.putting[id(default[1])] = call
            yield default

    def _joined(self, call: ast.Call, scope: Scope) -> Iterator[Default]:
        """Yield what a call joins to the environment."""
        dotted = self._environment.dotted(call.func)
        if dotted == "os.putenv":
            known = self._values.known(call.args[0]) if len(call.args) > 1 else None
            if known is not None:
                yield known.text, call.args[1], scope
        if dotted in _JOINING and (dotted == "os.environ.update" or self._environment.is_layered(call)):
            for given in call.args:
                yield from self._table(given, scope)
            for keyword in call.keywords:
                if keyword.arg is not None:
                    yield keyword.arg, keyword.value, scope
                else:
                    yield from self._table(keyword.value, scope)

    def _table(self, node: ast.expr, scope: Scope) -> Iterator[Default]:
        """Yield the entries of a dict, given itself or by its name, whose keys can be variables."""
        if self._environment.is_environ(node) or not isinstance(node, ast.Dict | ast.Name | ast.Attribute):
            return
        table = node if isinstance(node, ast.Dict) else self._values.names.expression(node)
        if isinstance(table, ast.Dict):
            self.dicts.add(id(table))
        for name, value in self._values.names.members(node):
            yield name, value, scope

    def looked_up(self, read: EnvironmentRead, scope: Scope) -> Iterator[Default]:
        """Yield the whole table in which a read looks up its default: `getenv(k, TABLE[k])`, `for k, d in TABLE`."""
        found = looked_up(read.default)
        if found is not None:
            yield from self._table(found[0], scope)
        if isinstance(read.name, ast.Name):
            yield from self._looped(read.name.id, read.default, scope)

    def _looped(self, name: str, default: ast.expr | None, scope: Scope) -> Iterator[Default]:
        """Yield what a loop over a dict's items or over pairs gives the names that it reads."""
        loops = [(target, over) for target, over in self._found.loops if name in _names(target)]
        if default is not None and len(loops) > 1:
            # Several loops may have the same names: the last one before the read is around it.
            loops = [one for one in loops if one[0].lineno <= default.lineno][-1:]
        if len(loops) != 1 or not isinstance(default, ast.Name) or default.id not in _names(loops[0][0]):
            return
        over = loops[0][1]
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr == "items":
            yield from self._table(over.func.value, scope)
        pairs = over.elts if isinstance(over, ast.Tuple | ast.List) else []
        for pair in pairs:
            known = self._values.known(pair.elts[0]) if isinstance(pair, ast.Tuple) and pair.elts else None
            if known is not None and isinstance(pair, ast.Tuple) and len(pair.elts) > 1:
                yield known.text, pair.elts[1], scope


def _names(target: ast.expr) -> list[str]:
    """Return the names of a loop's target."""
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]
