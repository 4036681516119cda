"""Whether a Python file puts a value in the place of what its environment gives, or only where nothing is given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from pytest_newscreator.sources.python.collect import Found
from pytest_newscreator.sources.python.environment import Environment
from pytest_newscreator.sources.python.names import dotted
from pytest_newscreator.sources.sites import Overwrites

_LOOKING = (ast.Call, ast.BoolOp, ast.IfExp, ast.Subscript)
_TAKES = frozenset({"os.environ.pop", "os.unsetenv"})
_HANDED = ("env", "environment")
_RETURNED = re.compile(r"\b(?:return|yield)[ \t]+\(?([A-Za-z_]\w*)")


class Overwriting:
    """The statements of one file that change the environment; what is kept are nodes, so that numbers stay theirs."""

    def __init__(self, tree: ast.Module, found: Found, environment: Environment) -> None:
        """Note what runs whenever the file is loaded."""
        self._found = found
        self._environment = environment
        self._values = environment.values
        self._top = {id(one): one for one in map(_meant, _always(tree.body))}
        self._asked: dict[int, set[str]] | None = None
        self._passed: set[str] | None = None

    def how(self, statement: ast.AST, value: ast.expr, name: str, target: ast.expr | None = None) -> Overwrites:
        """Return whether what a statement gives a variable hides what is given.

        A value that is looked up does not, and neither does one that is given behind a look at the variable.
        """
        looks = any(isinstance(node, _LOOKING) for node in ast.walk(value))
        if (looks and self._values.known(value) is None) or name in self.asked(statement):
            return ""
        is_copy = isinstance(target, ast.Name) and target.id in self._environment.copies
        return "always" if id(statement) in self._top and not is_copy else "sometimes"

    def asked(self, statement: ast.AST) -> set[str]:
        """Return what the test around a statement asks for."""
        return self._guards().get(id(statement), set())

    def _guards(self) -> dict[int, set[str]]:
        """Return what the test around a statement asks for, by the statement: `if "X" not in environ`, `except`."""
        if self._asked is None:
            self._asked = {}
            for branch, _ in self._found.branches:
                if isinstance(branch, ast.If):
                    told = set(self._told(branch.test))
                    inner = [*branch.body, *branch.orelse]
                elif isinstance(branch, ast.Try):
                    told = {one for statement in branch.body for one in self._told(statement)}
                    inner = [statement for handler in branch.handlers for statement in handler.body]
                else:
                    continue
                for statement in inner:
                    self._asked.setdefault(id(_meant(statement)), set()).update(told)
        return self._asked

    def _told(self, node: ast.AST) -> Iterator[str]:
        """Yield the texts and the names that stand in a test, and the texts in what its names stand for."""
        for one in ast.walk(node):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield one.value
            elif isinstance(one, ast.Name):
                yield one.id
                meant = self._values.names.expression(one)
                if isinstance(meant, ast.Constant | ast.Call | ast.Subscript):
                    yield from (str(each.value) for each in ast.walk(meant) if isinstance(each, ast.Constant))

    def removed(self) -> Iterator[tuple[str, ast.expr]]:
        """Yield each variable that the file takes away whenever it is loaded, before it looks at it, and its name."""
        for key, line in self._taken():
            known = self._values.known(key)
            name = known.text if known is not None else ""
            earlier = (node for node, _ in self._found.strings if node.value == name and node.lineno < line)
            if name and next(earlier, None) is None and name not in self._given():
                yield name, key

    def _taken(self) -> Iterator[tuple[ast.expr, int]]:
        """Yield what `del environ["X"]` and `environ.pop("X")` take, where nobody asks what it was."""
        for statement in self._top.values():
            if isinstance(statement, ast.Delete):
                for target in statement.targets:
                    if isinstance(target, ast.Subscript) and self._is_environment(target.value):
                        yield target.slice, statement.lineno
            elif isinstance(statement, ast.Call) and statement.args and isinstance(statement.func, ast.Attribute):
                owner = statement.func.value
                is_own = statement.func.attr == "unsetenv" or self._is_environment(owner)
                if is_own and self._environment.dotted(statement.func) in _TAKES:
                    yield statement.args[0], statement.lineno

    def _is_environment(self, node: ast.expr) -> bool:
        """Tell whether an expression is the environment itself and no copy of it."""
        is_copy = isinstance(node, ast.Name) and node.id in self._environment.copies
        return self._environment.is_environ(node) and not is_copy

    def _given(self) -> set[str]:
        """Return the variables that the file gives a value of its own."""
        targets = (target for assign, _ in self._found.assigns for target in assign.targets)
        known = (self._values.known(one.slice) for one in targets if isinstance(one, ast.Subscript))
        return {one.text for one in known if one is not None}

    def is_handed(self, table: ast.expr) -> bool:
        """Tell whether a dict goes to a child process: `run(…, env=table)`."""
        name = dotted(table)
        handed = (value for key in _HANDED for _, value, _ in self._found.keywords.get(key, ()))
        return any(dotted(node) == name for value in handed for node in ast.walk(value) if isinstance(node, ast.expr))

    def is_kept(self, table: ast.expr) -> bool:
        """Tell whether a dict is a name that nothing is given: no call, no other dict, no caller."""
        if not isinstance(table, ast.Name):
            return False
        if self._passed is None:
            self._passed = {name for value in self._uses() for name in _names(value)}
            self._passed |= set(_RETURNED.findall(self._values.text))
        return table.id not in self._passed

    def _uses(self) -> Iterator[ast.expr]:
        """Yield what is given away: to calls, into dicts and unions, to other names."""
        for call, _ in self._found.calls:
            yield from call.args
            yield from (keyword.value for keyword in call.keywords)
        for node, _ in self._found.dicts:
            yield from node.values
        for pair in self._found.unions:
            yield from pair
        yield from (value for _, value, _ in self._found.stores if value is not None)


def _names(value: ast.expr) -> Iterator[str]:
    """Yield the name that an expression is, or is taken out of with a star."""
    inner = value.value if isinstance(value, ast.Starred) else value
    if isinstance(inner, ast.Name):
        yield inner.id


def _always(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a file is loaded, also those in a loop or a `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.For | ast.With):
            yield from statement.body


def _meant(statement: ast.stmt) -> ast.AST:
    """Return the call that a statement is, or the statement itself."""
    return statement.value if isinstance(statement, ast.Expr) else statement
