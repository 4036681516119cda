"""One pass over the syntax tree of a Python file, which gathers the nodes that can set or read something."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_newscreator.sources._python_environment import Function

_UNSEEN = frozenset({"annotation", "returns", "ctx", "op", "ops", "type_comment", "type_params"})
_LEAVES = frozenset(
    {ast.Name, ast.Pass, ast.alias, ast.Global, ast.Nonlocal, ast.Break, ast.Continue, str, int, type(None)}
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a node stands: its qualified name, the class and the function around it."""

    name: str = ""
    owner: str | None = None
    function: Function | None = None


@dataclass(slots=True)
class Found:
    """The nodes of a file that matter, each with its scope; `helpers` are functions and lambdas with a name."""

    calls: list[tuple[ast.Call, Scope]] = field(default_factory=list)
    functions: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope]] = field(default_factory=list)
    helpers: dict[Function, tuple[str, str | None]] = field(default_factory=dict)
    classes: list[tuple[ast.ClassDef, Scope]] = field(default_factory=list)
    dicts: list[tuple[ast.Dict, Scope]] = field(default_factory=list)
    strings: list[tuple[ast.Constant, Scope]] = field(default_factory=list)
    assigns: list[tuple[ast.Assign, Scope]] = field(default_factory=list)
    subscripts: list[tuple[ast.Subscript, Scope]] = field(default_factory=list)
    choices: list[ast.BoolOp | ast.IfExp] = field(default_factory=list)
    compares: list[ast.Compare] = field(default_factory=list)
    imports: list[ast.stmt] = field(default_factory=list)


def collect(tree: ast.Module) -> Found:
    """Walk a module, without its docstrings and annotations. Raises RecursionError where it is nested too deeply."""
    found = Found()
    _inside(tree, Scope(), found)
    return found


def _inside(node: ast.AST, scope: Scope, found: Found) -> None:
    """Visit the children of a node; half of the time of a reading is spent here."""
    for name in node._fields:
        if name in _UNSEEN:
            continue
        value = getattr(node, name, None)
        if value.__class__ is list:
            for child in value:
                if child.__class__ not in _LEAVES:
                    _visit(child, scope, found)
        elif value.__class__ not in _LEAVES:
            _visit(value, scope, found)


def _visit(node: object, scope: Scope, found: Found) -> None:
    """Note a node and go on inside it."""
    note = _NOTES.get(node.__class__)
    if note is not None:
        inner = note(node, scope, found)
        if inner is None:
            return
        scope = inner
    if isinstance(node, ast.AST):
        _inside(node, scope, found)


def _constant(node: ast.Constant, scope: Scope, found: Found) -> None:
    """Note a string."""
    if node.value.__class__ is str:
        found.strings.append((node, scope))


def _statement(node: ast.Expr, scope: Scope, _: Found) -> Scope | None:
    """Pass over a docstring, and over any other string that is a statement."""
    return None if isinstance(node.value, ast.Constant) else scope


def _call(node: ast.Call, scope: Scope, found: Found) -> Scope:
    """Note a call."""
    found.calls.append((node, scope))
    return scope


def _dict(node: ast.Dict, scope: Scope, found: Found) -> Scope:
    """Note a dict."""
    found.dicts.append((node, scope))
    return scope


def _assign(node: ast.Assign, scope: Scope, found: Found) -> Scope:
    """Note an assignment; a lambda that is assigned is a function with a name."""
    found.assigns.append((node, scope))
    if isinstance(node.value, ast.Lambda) and isinstance(node.targets[0], ast.Name):
        found.helpers[node.value] = (node.targets[0].id, None)
    return scope


def _lambda(node: ast.Lambda, scope: Scope, found: Found) -> Scope:
    """Give a lambda with a name its own scope."""
    return Scope(scope.name, scope.owner, node) if node in found.helpers else scope


def _subscript(node: ast.Subscript, scope: Scope, found: Found) -> Scope:
    """Note a subscript."""
    found.subscripts.append((node, scope))
    return scope


def _choice(node: ast.BoolOp | ast.IfExp, scope: Scope, found: Found) -> Scope:
    """Note `a or b` and `a if b else c`."""
    found.choices.append(node)
    return scope


def _compare(node: ast.Compare, scope: Scope, found: Found) -> Scope:
    """Note a comparison."""
    found.compares.append(node)
    return scope


def _import(node: ast.stmt, _: Scope, found: Found) -> None:
    """Note an import."""
    found.imports.append(node)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, found: Found) -> Scope:
    """Note a function; what stands directly in a class is a method."""
    owner = scope.owner if scope.function is None else None
    inner = Scope(_qualified(scope, node.name), scope.owner, node)
    found.functions.append((node, inner))
    found.helpers[node] = (node.name, owner)
    return inner


def _class(node: ast.ClassDef, scope: Scope, found: Found) -> Scope:
    """Note a class."""
    inner = Scope(_qualified(scope, node.name), node.name)
    found.classes.append((node, inner))
    return inner


def _qualified(scope: Scope, name: str) -> str:
    """Return the name of a scope inside another."""
    return f"{scope.name}.{name}" if scope.name else name


_NOTES: dict[type, Callable[..., Scope | None]] = {
    ast.Constant: _constant,
    ast.Expr: _statement,
    ast.Call: _call,
    ast.Dict: _dict,
    ast.Assign: _assign,
    ast.Lambda: _lambda,
    ast.Subscript: _subscript,
    ast.BoolOp: _choice,
    ast.IfExp: _choice,
    ast.Compare: _compare,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
}
