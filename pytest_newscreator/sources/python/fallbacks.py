"""Fallbacks of reads: `read or d`, `read if ... else d`, and the statements that say the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from pytest_newscreator.sources.python.collect import Found, Function, Scope
from pytest_newscreator.sources.python.names import dotted
from pytest_newscreator.sources.python.values import Values

_CONVERSIONS = frozenset({"str", "int", "float", "bool"})
_CLEANERS = frozenset({"strip", "lower", "upper", "rstrip", "lstrip"})


class Fallbacks:
    """What holds where a read finds nothing: the fallback's expression, by the `id` of the read."""

    def __init__(self, values: Values, found: Found) -> None:
        """Go through every choice and branch of a file."""
        self._values = values
        self._found: dict[int, ast.expr] = {}
        self._assigned: dict[tuple[Function | None, str], list[ast.expr]] = {}
        for name, value, scope in found.stores:
            inner = _innermost(value) if value is not None else None
            if isinstance(inner, ast.Call | ast.Subscript):
                self._assigned.setdefault((scope.function, name), []).append(inner)
        for choice, scope in found.choices:
            self._choice(choice, scope)
        for branch, scope in found.branches:
            self._branch(branch, scope)

    def of(self, read: ast.expr) -> ast.expr | None:
        """Return the fallback of a read, if it has one."""
        return self._found.get(id(read))

    def _note(self, value: ast.expr, fallback: ast.expr, scope: Scope) -> None:
        """Note the fallback of a read, given itself or by the name that it was assigned to."""
        read = _innermost(value)
        if isinstance(read, ast.Name):
            reads = self._assigned.get((scope.function, read.id), [])
            meant = self._values.names.expression(read) if not reads else None
            reads = [_innermost(meant)] if meant is not None else reads
            read = reads[0] if len(reads) == 1 else read
        if isinstance(read, ast.Call | ast.Subscript) and read is not _innermost(fallback):
            self._found.setdefault(id(read), fallback)

    def _choice(self, node: ast.BoolOp | ast.IfExp, scope: Scope) -> None:
        """Note `read or d` and `read if ... else d`."""
        if isinstance(node, ast.IfExp):
            self._either(node.test, node.body, node.orelse, scope)
        elif isinstance(node.op, ast.Or):
            later = node.values[-1]
            for before, value in zip(reversed(node.values[:-1]), reversed(node.values[1:]), strict=True):
                later = value if self._values.known(value) else later
                self._note(before, later, scope)

    def _either(self, test: ast.expr, body: ast.expr, orelse: ast.expr, scope: Scope) -> None:
        """Note the value that is chosen where the other one is absent."""
        chosen, other = (body, orelse) if _is_negative(test) else (orelse, body)
        self._note(other, chosen, scope)

    def _branch(self, node: ast.If | ast.Try | ast.Match, scope: Scope) -> None:
        """Note `if not v: v = d`, and one target that both branches assign."""
        if isinstance(node, ast.Match):
            self._match(node, scope)
            return
        first = _outcome(node.body)
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                second = _outcome(handler.body)
                if first and second and first[0] == second[0]:
                    self._note(first[1], second[1], scope)
            return
        second = _outcome(node.orelse)
        if first and second and first[0] == second[0]:
            self._either(node.test, first[1], second[1], scope)
        elif first and not node.orelse and _is_negative(node.test):
            tested = _tested(node.test)
            if isinstance(tested, ast.Name) and first[0] in {tested.id, ""}:
                self._note(tested, first[1], scope)

    def _match(self, node: ast.Match, scope: Scope) -> None:
        """Note what `case None:` assigns where a read is matched."""
        for case in node.cases:
            outcome = _outcome(case.body)
            patterns = case.pattern.patterns if isinstance(case.pattern, ast.MatchOr) else [case.pattern]
            absent = any(isinstance(one, ast.MatchSingleton) and one.value is None for one in patterns)
            if absent and outcome:
                self._note(node.subject, outcome[1], scope)


def _outcome(body: Sequence[ast.stmt]) -> tuple[str, ast.expr] | None:
    """Return the target and the value of a body that does one thing: assign, or return (an empty target)."""
    if len(body) != 1:
        return None
    only = body[0]
    if isinstance(only, ast.Return) and only.value is not None:
        return "", only.value
    if isinstance(only, ast.Assign) and len(only.targets) == 1:
        return _target(only.targets[0]), only.value
    return (_target(only.target), only.value) if isinstance(only, ast.AnnAssign) and only.value else None


def _target(node: ast.expr) -> str:
    """Return a target as it is written, so that two can be compared."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return f"{dotted(node.value)}[{node.slice.value!r}]"
    return dotted(node) or f"<{id(node)}>"


def _is_negative(test: ast.expr) -> bool:
    """Tell whether a test holds where something is absent: `not v`, `v is None`, `v == ""`, `"X" not in ...`."""
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not) and not _is_negative(test.operand)
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    right = test.comparators[0]
    nothing = isinstance(right, ast.Constant) and not right.value
    return isinstance(test.ops[0], ast.NotIn) or (nothing and isinstance(test.ops[0], ast.Is | ast.Eq))


def _tested(test: ast.expr) -> ast.expr:
    """Return what a test is about."""
    while isinstance(test, ast.UnaryOp | ast.Compare):
        test = test.operand if isinstance(test, ast.UnaryOp) else test.left
    return test.target if isinstance(test, ast.NamedExpr) else test


def _innermost(node: ast.expr) -> ast.expr:
    """Return the call inside conversions: `int(read)`, `read.strip()`, `(v := read)`."""
    *_, last = _unwrapped(node)
    return last


def _unwrapped(node: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression, then what stands inside its conversions."""
    yield node
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(node, ast.NamedExpr):
        yield from _unwrapped(node.value)
    elif isinstance(node, ast.Call) and isinstance(function, ast.Name) and function.id in _CONVERSIONS:
        yield from (inner for given in node.args for inner in _unwrapped(given))
    elif isinstance(node, ast.Call) and isinstance(function, ast.Attribute) and function.attr in _CLEANERS:
        yield from _unwrapped(function.value)
