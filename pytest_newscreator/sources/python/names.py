"""Names of a Python file: the one expression that each stands for, by the scope in which it is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_newscreator.sources.python.bound import Bound
from pytest_newscreator.sources.python.collect import Found, Function

Interval = tuple[tuple[int, int], tuple[int, int]]


class Names:
    """What the names of one module are assigned: in its functions, in its classes, in itself, in other files."""

    def __init__(self, tree: ast.Module, found: Found, bound: Bound) -> None:
        """Note every name that is assigned once; one that is assigned twice has no one value."""
        self._bound = bound
        self._own: dict[str, ast.expr | None] = {}
        self._attributes: dict[str, ast.expr | None] = {}
        self._locals: dict[str, list[tuple[Interval, ast.expr | None]]] = {}
        for name, value in _assigned(tree.body):
            self._own[name] = None if name in self._own else value
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self._note_class(node)
        self._own.update(dict.fromkeys(found.rebound & self._own.keys()))
        self._attributes.update((name, None) for name in self._attributes if f".{name}" in found.rebound)
        self._note_locals(found)

    def _note_class(self, node: ast.ClassDef) -> None:
        """Note the constants of a class under `Class.NAME`, and under NAME alone for `self.NAME`."""
        for name, value in _assigned(node.body):
            self._own[f"{node.name}.{name}"] = value
            self._attributes[name] = None if name in self._attributes else value

    def _note_locals(self, found: Found) -> None:
        """Note what functions bind, from the beginning of their bodies to their ends."""
        bound: dict[tuple[Function, str], ast.expr | None] = {}
        functions: list[Function] = [*(function for function, _ in found.functions), *found.lambdas]
        for function in functions:
            bound.update(((function, name), None) for name in _parameters(function.args))
        for name, value, scope in found.stores:
            if scope.function is not None:
                key = (scope.function, name)
                bound[key] = None if key in bound or name in found.rebound else value
        for (function, name), value in bound.items():
            self._locals.setdefault(name, []).append((_interval(function), value))

    def expression(self, node: ast.expr) -> ast.expr | None:
        """Return the expression that a name or an attribute stands for."""
        if isinstance(node, ast.Name):
            around = self._around(node) if node.id in self._locals else []
            if around:
                return max(around, key=lambda here: here[0][0])[1]
            return self._own[node.id] if node.id in self._own else self._imported(node.id)
        if not isinstance(node, ast.Attribute):
            return None
        if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
            return self._attributes.get(node.attr)
        name = dotted(node)
        found = self._own[name] if name in self._own else self._imported(name)
        # A member of an enumeration: `Model.SMALL.value`.
        return self.expression(node.value) if found is None and node.attr == "value" else found

    def _imported(self, name: str) -> ast.expr | None:
        """Return the constant of another file that a name stands for."""
        found = self._bound.ask(name)
        return found if isinstance(found, ast.expr) else None

    @property
    def assigned(self) -> frozenset[str]:
        """Return the names that this module and its classes assign."""
        return frozenset(self._own)

    def _around(self, node: ast.Name) -> list[tuple[Interval, ast.expr | None]]:
        """Return the functions around a name that bind it, with what they bind it to."""
        position = (node.lineno, node.col_offset)
        return [here for here in self._locals[node.id] if here[0][0] <= position < here[0][1]]

    def members(self, table: ast.expr) -> Iterator[tuple[str, ast.expr]]:
        """Yield the entries of a dict of constants, given itself or by its name."""
        name = dotted(table)
        value = table if isinstance(table, ast.Dict) else self.expression(table)
        if isinstance(value, ast.Dict):
            yield from entries(value)
        elif value is None and name and name not in self._own:
            for key, expression in self._bound.table(name).items():
                if isinstance(expression, ast.expr):
                    yield key, expression

    def constants(self) -> Iterator[tuple[str, ast.expr]]:
        """Yield what another file can import of this one's own; entries of a dict under `TABLE.[key]`."""
        for name, value in self._own.items():
            if isinstance(value, ast.Dict):
                yield from ((f"{name}.[{key}]", entry) for key, entry in entries(value))
            elif value is not None:
                yield name, value


def last(node: ast.expr) -> str:
    """Return the last part of a dotted name, empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def entries(node: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    """Yield the entries of a dict whose keys are string literals."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value, value


def dotted(node: ast.expr) -> str:
    """Return a dotted name as it is written, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else ""


def _interval(function: Function) -> Interval:
    """Return where the body of a function begins and ends; its defaults belong to the scope around it."""
    first: ast.stmt | ast.expr = function.body if isinstance(function, ast.Lambda) else function.body[0]
    return (first.lineno, first.col_offset), (function.end_lineno or 0, function.end_col_offset or 0)


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    """Yield the names of all parameters."""
    extra = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    for parameter in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra):
        yield parameter.arg


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names a body assigns; those below an `if` or `try` have no one value."""
    for node in body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, None
            yield node.target.id, None
        elif isinstance(node, ast.If | ast.Try | ast.For | ast.While | ast.With | ast.Match):
            for name in _touched(node):
                yield name, None
                yield name, None


def _touched(node: ast.stmt) -> set[str]:
    """Return every name that a compound statement may assign."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
