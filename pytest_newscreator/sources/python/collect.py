"""One pass over the syntax tree of a Python file, which gathers the nodes that can set or read something."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pytest_newscreator.frozen import frozen

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_LEAVES = frozenset(
    {
        ast.Name,
        ast.Pass,
        ast.alias,
        ast.Nonlocal,
        ast.Break,
        ast.Continue,
        ast.arg,
        str,
        int,
        type(None),
        ast.MatchSingleton,
    }
)
_UNSEEN = frozenset({"annotation", "returns", "ctx", "op", "ops", "type_comment", "type_params"})
_NO_NODES = frozenset({"id", "attr", "arg", "module", "level", "names", "name", "kind", "is_async", "conversion"})


@frozen
class Scope:
    """Where a node stands: its qualified name, the class and the function around it."""

    name: str = ""
    owner: str | None = None
    function: Function | None = None


@dataclass(slots=True)
class Found:
    """The nodes of a file that matter, each with its scope.

    `called` has the calls by the last part of the name, `keywords` by the keywords that they pass; `helpers` are
    functions and lambdas with a name; `augmented` are the `|=` by what they add; `stores` are the names that are
    bound, with the expression where there is one.
    """

    has_tests: bool = False
    calls: list[tuple[ast.Call, Scope]] = field(default_factory=list)
    called: dict[str, list[tuple[ast.Call, Scope]]] = field(default_factory=dict)
    keywords: dict[str, list[tuple[ast.Call, ast.expr, Scope]]] = field(default_factory=dict)
    functions: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, Scope]] = field(default_factory=list)
    lambdas: list[ast.Lambda] = field(default_factory=list)
    helpers: dict[Function, tuple[str, str | None]] = field(default_factory=dict)
    classes: list[tuple[ast.ClassDef, Scope]] = field(default_factory=list)
    dicts: list[tuple[ast.Dict, Scope]] = field(default_factory=list)
    lists: list[tuple[ast.List | ast.Tuple, Scope]] = field(default_factory=list)
    strings: list[tuple[ast.Constant, Scope]] = field(default_factory=list)
    formatted: list[tuple[ast.JoinedStr, Scope]] = field(default_factory=list)
    assigns: list[tuple[ast.Assign, Scope]] = field(default_factory=list)
    subscripts: list[tuple[ast.Subscript, Scope]] = field(default_factory=list)
    choices: list[tuple[ast.BoolOp | ast.IfExp, Scope]] = field(default_factory=list)
    branches: list[tuple[ast.If | ast.Try | ast.Match, Scope]] = field(default_factory=list)
    unions: list[tuple[ast.expr, ast.expr]] = field(default_factory=list)
    loops: list[tuple[ast.expr, ast.expr]] = field(default_factory=list)
    compares: list[ast.Compare] = field(default_factory=list)
    augmented: dict[int, ast.AugAssign] = field(default_factory=dict)
    withs: list[ast.With | ast.AsyncWith] = field(default_factory=list)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    stores: list[tuple[str, ast.expr | None, Scope]] = field(default_factory=list)
    rebound: set[str] = field(default_factory=set)
    tests: set[str] = field(default_factory=set)


def collect(tree: ast.Module, *, has_tests: bool = False) -> Found:
    """Walk a module, without its docstrings, annotations and inline tests.

    `has_tests` says that the file imports a test library. Raises RecursionError where it is nested too deeply.
    """
    found = Found(has_tests)
    _visit(tree, Scope(), found)
    return found


def _visit(node: ast.AST, scope: Scope, found: Found) -> None:
    """Note a node and go on inside it; half of the time of a reading is spent here."""
    note, children = _PLANS[node.__class__]
    if note is not None:
        inner = note(node, scope, found)
        if inner is None:
            return
        scope = inner
    for name in children:
        value: Any = getattr(node, name, None)
        for child in value if value.__class__ is list else (value,):
            kind = child.__class__
            if kind is ast.Constant:
                if child.value.__class__ is str:
                    found.strings.append((child, scope))
            elif kind not in _LEAVES and (kind is not ast.Attribute or child.value.__class__ is not ast.Name):
                _visit(child, scope, found)


def _joined(node: ast.JoinedStr, scope: Scope, found: Found) -> None:
    """Note an f-string; the texts between its holes are no strings of their own."""
    found.formatted.append((node, scope))
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            _visit(part, scope, found)


def _statement(node: ast.Expr, scope: Scope, _: Found) -> Scope | None:
    """Pass over a docstring, and over any other string that is a statement."""
    return None if isinstance(node.value, ast.Constant) else scope


def _dict(node: ast.Dict, scope: Scope, found: Found) -> Scope:
    """Note a dict."""
    found.dicts.append((node, scope))
    return scope


def _list(node: ast.List | ast.Tuple, scope: Scope, found: Found) -> Scope:
    """Note a list of words."""
    found.lists.append((node, scope))
    return scope


def _adds_to(name: str) -> Callable[[ast.AST, Scope, Found], Scope]:
    """Return a note that keeps a node and its scope."""

    def note(node: ast.AST, scope: Scope, found: Found) -> Scope:
        getattr(found, name).append((node, scope))
        return scope

    return note


def _keeps(name: str) -> Callable[[ast.AST, Scope, Found], Scope]:
    """Return a note that keeps a node."""

    def note(node: ast.AST, scope: Scope, found: Found) -> Scope:
        getattr(found, name).append(node)
        return scope

    return note


def _call(node: ast.Call, scope: Scope, found: Found) -> Scope:
    """Note a call, also by the last part of its name and by its keywords."""
    pair = (node, scope)
    found.calls.append(pair)
    function = node.func
    kind = function.__class__
    if kind is ast.Attribute or kind is ast.Name:
        name = function.attr if kind is ast.Attribute else function.id  # type: ignore[attr-defined]
        if name in found.called:
            found.called[name].append(pair)
        else:
            found.called[name] = [pair]
    for keyword in node.keywords:
        if keyword.arg is not None:
            found.keywords.setdefault(keyword.arg, []).append((node, keyword.value, scope))
    return scope


def _assign(node: ast.Assign, scope: Scope, found: Found) -> Scope:
    """Note an assignment; a lambda that is assigned is a function with a name."""
    found.assigns.append((node, scope))
    target = node.targets[0]
    if isinstance(target, ast.Name) and isinstance(node.value, ast.Lambda):
        found.helpers[node.value] = (target.id, None)
    for target in node.targets:
        _bind(target, node.value, scope, found)
    return scope


def _annotated(node: ast.AnnAssign, scope: Scope, found: Found) -> Scope:
    """Note what an annotated assignment binds."""
    if node.value is not None:
        _bind(node.target, node.value, scope, found)
    return scope


def _augmented(node: ast.AugAssign, scope: Scope, found: Found) -> Scope:
    """Note what is added to a name, whose value is then unknown."""
    if isinstance(node.op, ast.BitOr):
        found.unions.append((node.target, node.value))
        found.augmented[id(node.value)] = node
    _bind(node.target, None, scope, found)
    return scope


def _walrus(node: ast.NamedExpr, scope: Scope, found: Found) -> Scope:
    """Note what `:=` binds."""
    _bind(node.target, node.value, scope, found)
    return scope


def _loop(node: ast.For | ast.AsyncFor | ast.comprehension, scope: Scope, found: Found) -> Scope:
    """Note a loop and the names that it binds."""
    found.loops.append((node.target, node.iter))
    _bind(node.target, None, scope, found)
    return scope


def _with(node: ast.With | ast.AsyncWith, scope: Scope, found: Found) -> Scope:
    """Note a `with` and the names that it binds."""
    found.withs.append(node)
    for item in node.items:
        if item.optional_vars is not None:
            _bind(item.optional_vars, None, scope, found)
    return scope


def _captures(node: ast.MatchAs | ast.MatchStar | ast.ExceptHandler, scope: Scope, found: Found) -> Scope:
    """Note the name that a pattern or a handler binds."""
    if node.name is not None:
        found.stores.append((node.name, None, scope))
    return scope


def _bind(target: ast.expr, value: ast.expr | None, scope: Scope, found: Found) -> None:
    """Note the names that a target binds; one attribute of `self` that is set has no one value."""
    if isinstance(target, ast.Name):
        found.stores.append((target.id, value, scope))
    elif isinstance(target, ast.Tuple | ast.List):
        for inner in target.elts:
            _bind(inner, None, scope, found)
    elif isinstance(target, ast.Starred):
        _bind(target.value, None, scope, found)
    elif isinstance(target, ast.Attribute):
        found.rebound.add(f".{target.attr}")


def _global(node: ast.Global, _: Scope, found: Found) -> None:
    """Note the names of the module that a function may bind."""
    found.rebound.update(node.names)


def _union(node: ast.BinOp, scope: Scope, found: Found) -> Scope:
    """Note `a | b`."""
    if isinstance(node.op, ast.BitOr):
        found.unions.append((node.left, node.right))
    return scope


def _branch(node: ast.If, scope: Scope, found: Found) -> Scope | None:
    """Note an `if`; what only a type checker sees is left out."""
    test = node.test
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    if name == "TYPE_CHECKING":
        for statement in node.orelse:
            _visit(statement, scope, found)
        return None
    found.branches.append((node, scope))
    return scope


def _import(node: ast.Import | ast.ImportFrom, _: Scope, found: Found) -> None:
    """Note an import."""
    found.imports.append(node)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope, found: Found) -> Scope | None:
    """Note a function; what stands directly in a class is a method, and a test is left out."""
    if found.has_tests and node.name.startswith("test_"):
        return None
    owner = scope.owner if scope.function is None else None
    inner = Scope(_qualified(scope, node.name), scope.owner, node)
    found.functions.append((node, inner))
    found.helpers[node] = (node.name, owner)
    return inner


def _lambda(node: ast.Lambda, scope: Scope, found: Found) -> Scope:
    """Note a lambda; one with a name has its own scope."""
    found.lambdas.append(node)
    return Scope(scope.name, scope.owner, node) if node in found.helpers else scope


def _class(node: ast.ClassDef, scope: Scope, found: Found) -> Scope | None:
    """Note a class; a test case is left out."""
    for base in node.bases:
        name = base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
        if name.endswith("TestCase") or name in found.tests:
            found.tests.add(node.name)
            return None
    inner = Scope(_qualified(scope, node.name), node.name)
    found.classes.append((node, inner))
    return inner


def _qualified(scope: Scope, name: str) -> str:
    """Return the name of a scope inside another."""
    return f"{scope.name}.{name}" if scope.name else name


_NOTES: dict[type, Callable[..., Scope | None]] = {
    ast.JoinedStr: _joined,
    ast.Expr: _statement,
    ast.Call: _call,
    ast.Dict: _dict,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.NamedExpr: _walrus,
    ast.For: _loop,
    ast.AsyncFor: _loop,
    ast.comprehension: _loop,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.ExceptHandler: _captures,
    ast.MatchAs: _captures,
    ast.MatchStar: _captures,
    ast.Global: _global,
    ast.Lambda: _lambda,
    ast.Subscript: _adds_to("subscripts"),
    ast.BoolOp: _adds_to("choices"),
    ast.IfExp: _adds_to("choices"),
    ast.BinOp: _union,
    ast.If: _branch,
    ast.Try: _adds_to("branches"),
    ast.Match: _adds_to("branches"),
    ast.Compare: _keeps("compares"),
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
}


def _plans() -> Iterator[tuple[type, tuple[Callable[..., Scope | None] | None, tuple[str, ...]]]]:
    """Yield, for each kind of node, how it is noted and the fields in which others may stand."""
    for kind in vars(ast).values():
        if isinstance(kind, type) and issubclass(kind, ast.AST):
            fields = tuple(name for name in kind._fields if name not in _UNSEEN and name not in _NO_NODES)
            yield kind, (_NOTES.get(kind), () if kind is ast.Constant else fields)


_PLANS = dict(_plans())
