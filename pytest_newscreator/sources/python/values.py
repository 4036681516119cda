"""Constants of a Python file: what an expression is worth without running it, and where that is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.python.bound import NOTHING, Bound
from pytest_newscreator.sources.python.collect import Found
from pytest_newscreator.sources.python.compute import CONVERSIONS, PLAIN, Scalar, combined
from pytest_newscreator.sources.python.names import Names
from pytest_newscreator.sources.sites import SourceFile

_OPENING = re.compile(r"[A-Za-z]{0,2}(?:\"\"\"|'''|\"|')")


@frozen
class Known:
    """A value and the expression to point at: the literal itself, or what it is computed by."""

    value: Scalar
    node: ast.expr

    @property
    def text(self) -> str:
        """Return the value as an environment variable would carry it."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


class Elsewhere(ast.expr):
    """An expression of another file: what it is worth there, `None` where that is unknown, and its place."""

    def __init__(self, value: Scalar | None, place: Place) -> None:
        """Take the value and the place, which is all that crosses from file to file."""
        super().__init__()
        self.value = value
        self.place = place


class Values:
    """The constants of one module, and the places of its expressions."""

    def __init__(self, tree: ast.Module, source: SourceFile, found: Found, bound: Bound = NOTHING) -> None:
        """Note what the module, its classes and its functions assign once; `bound` is what other files do."""
        self.path = source.path
        self.text = source.text
        self.names = Names(tree, found, bound)
        self._ascii = source.text.isascii()
        self._lines: Lines | None = None

    @property
    def lines(self) -> Lines:
        """Return the line starts, found when they are first asked for."""
        if self._lines is None:
            self._lines = Lines(self.path, self.text)
        return self._lines

    def offset(self, node: ast.expr) -> int:
        """Return the character offset at which an expression of this file begins; for a string, its text."""
        line, column = self.position(node)
        return self.lines.offset(line) + column - 1

    def position(self, node: ast.expr) -> tuple[int, int]:
        """Return the line and the column at which an expression of this file begins; for a string, its text."""
        start = self.lines.offset(node.lineno)
        column = node.col_offset
        if not self._ascii:
            line = self.text[start : start + column + 1]
            column = len(line.encode()[:column].decode(errors="ignore"))
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            opening = _OPENING.match(self.text, start + column)
            column += opening.end() - opening.start() if opening else 0
        return node.lineno, column + 1

    def place(self, node: ast.expr) -> Place:
        """Return where an expression begins; for a string, where its text does."""
        if isinstance(node, Elsewhere):
            return node.place
        return Place(self.path, *self.position(node))

    def known(self, node: ast.expr | None, depth: int = 0) -> Known | None:
        """Return what an expression is worth, or `None` where only running the program can tell."""
        if node is None or depth > len("constants"):
            return None
        if isinstance(node, ast.Constant):
            return Known(node.value, node) if isinstance(node.value, str | int | float) else None
        if isinstance(node, Elsewhere):
            return Known(node.value, node) if node.value is not None else None
        if isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.NamedExpr):
            return self.known(self._meant(node), depth + 1)
        value = self._computed(node, depth)
        return Known(value, node) if value is not None else None

    def _meant(self, node: ast.expr) -> ast.expr | None:
        """Return the expression that a name, an entry of a table, a walrus or `str(...)` and its like stand for."""
        if isinstance(node, ast.NamedExpr):
            return node.value
        if isinstance(node, ast.Subscript):
            return self._member(node.value, node.slice)
        if not isinstance(node, ast.Call):
            return self.names.expression(node)
        function, arguments = node.func, node.args
        if isinstance(function, ast.Attribute) and function.attr == "get" and arguments:
            return self._member(function.value, arguments[0])
        converts = isinstance(function, ast.Name) and function.id in CONVERSIONS
        return arguments[0] if converts and len(arguments) == 1 and not node.keywords else None

    def _member(self, table: ast.expr, key: ast.expr) -> ast.expr | None:
        """Return the entry of a dict of constants."""
        known = self.known(key) if isinstance(table, ast.Name | ast.Attribute) else None
        return dict(self.names.members(table)).get(known.value) if known and isinstance(known.value, str) else None

    def _computed(self, node: ast.expr, depth: int) -> Scalar | None:
        """Compute a negation, an f-string, a sum of strings or an arithmetic expression."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.known(node.operand, depth + 1)
            return -inner.value if inner and isinstance(inner.value, int | float) else None
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, depth)
        if isinstance(node, ast.BinOp):
            left, right = self.known(node.left, depth + 1), self.known(node.right, depth + 1)
            return combined(node.op, left.value, right.value) if left and right else None
        return None

    def _joined(self, node: ast.JoinedStr, depth: int) -> str | None:
        """Return an f-string of constants without format specifications."""
        texts: list[str] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and (part.format_spec is not None or part.conversion not in PLAIN):
                return None
            inner = self.known(part.value if isinstance(part, ast.FormattedValue) else part, depth + 1)
            if inner is None:
                return None
            texts.append(str(inner.value))
        return "".join(texts)

    def exported(self) -> Iterator[tuple[str, Elsewhere]]:
        """Yield the constants that another file can import, under `NAME`, `Class.NAME` and `TABLE.[key]`."""
        for name, expression in self.names.constants():
            known = self.known(expression)
            if known is not None:
                yield name, Elsewhere(known.value, self.place(known.node))
