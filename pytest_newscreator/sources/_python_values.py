"""Constants of a Python file: what an expression is worth without running it, and where that is written."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_newscreator.places import Place
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.sites import SourceFile

Scalar = str | int | float | bool

_OPENING = re.compile(r"[A-Za-z]{0,2}(?:\"\"\"|'''|\"|')")
_NUMERIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
}
_LARGEST = 10**15
_PLAIN = frozenset({-1, ord("s")})
_CONVERSIONS = frozenset({"str", "int", "float", "bool"})


@dataclass(frozen=True, slots=True)
class Known:
    """A value and the expression to point at: the literal itself, or what it is computed by."""

    value: Scalar
    node: ast.expr

    @property
    def text(self) -> str:
        """Return the value as an environment variable would carry it."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


class Values:
    """The constants of one module, and the places of its expressions."""

    def __init__(self, tree: ast.Module, source: SourceFile) -> None:
        """Note what the module and its classes assign once."""
        self._lines = Lines(source.path, source.text)
        self._text = source.text
        self._ascii = source.text.isascii()
        self._constants: dict[str, ast.expr | None] = {}
        self._attributes: dict[str, ast.expr | None] = {}
        for name, value in _assigned(tree.body):
            self._constants[name] = None if name in self._constants else value
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                self._note_class(node)

    def _note_class(self, node: ast.ClassDef) -> None:
        """Note the constants of a class under `Class.NAME`, and under NAME alone for `self.NAME`."""
        for name, value in _assigned(node.body):
            self._constants[f"{node.name}.{name}"] = value
            self._attributes[name] = None if name in self._attributes else value

    def place(self, node: ast.expr) -> Place:
        """Return where an expression begins; for a string, where its text does."""
        start = self._lines.offset(node.lineno)
        column = node.col_offset
        if not self._ascii:
            line = self._text[start : start + column + 1]
            column = len(line.encode()[:column].decode(errors="ignore"))
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            opening = _OPENING.match(self._text, start + column)
            column += len(opening[0]) if opening else 0
        return self._lines.place(start + column)

    def known(self, node: ast.expr | None, depth: int = 0) -> Known | None:
        """Return what an expression is worth, or `None` where only running the program can tell."""
        if node is None or depth > len("constants"):
            return None
        if isinstance(node, ast.Constant):
            return Known(node.value, node) if isinstance(node.value, str | int | float) else None
        if isinstance(node, ast.Name | ast.Attribute):
            return self.known(self._constant(node), depth + 1)
        if isinstance(node, ast.Call):
            return self._converted(node, depth)
        value = self._computed(node, depth)
        return Known(value, node) if value is not None else None

    def _constant(self, node: ast.Name | ast.Attribute) -> ast.expr | None:
        """Return the expression that a name stands for."""
        if isinstance(node, ast.Name):
            return self._constants.get(node.id)
        if not isinstance(node.value, ast.Name):
            return None
        if node.value.id in {"self", "cls"}:
            return self._attributes.get(node.attr)
        return self._constants.get(f"{node.value.id}.{node.attr}")

    def _converted(self, node: ast.Call, depth: int) -> Known | None:
        """Return the argument of `str(...)` and its like, whose text is what counts."""
        converts = isinstance(node.func, ast.Name) and node.func.id in _CONVERSIONS
        return self.known(node.args[0], depth + 1) if converts and len(node.args) == 1 and not node.keywords else None

    def _computed(self, node: ast.expr, depth: int) -> Scalar | None:
        """Compute a negation, an f-string, a sum of strings or an arithmetic expression."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.known(node.operand, depth + 1)
            return -inner.value if inner and isinstance(inner.value, int | float) else None
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, depth)
        if isinstance(node, ast.BinOp):
            left, right = self.known(node.left, depth + 1), self.known(node.right, depth + 1)
            return _combined(node.op, left.value, right.value) if left and right else None
        return None

    def _joined(self, node: ast.JoinedStr, depth: int) -> str | None:
        """Return an f-string of constants without format specifications."""
        texts: list[str] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and (part.format_spec is not None or part.conversion not in _PLAIN):
                return None
            inner = self.known(part.value if isinstance(part, ast.FormattedValue) else part, depth + 1)
            if inner is None:
                return None
            texts.append(str(inner.value))
        return "".join(texts)


def _combined(op: ast.operator, left: Scalar, right: Scalar) -> Scalar | None:
    """Add two strings, or combine two numbers of a reasonable size."""
    if isinstance(left, str) or isinstance(right, str):
        both = isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add)
        return f"{left}{right}" if both else None
    combine = _NUMERIC.get(type(op))
    if combine is None or max(abs(left), abs(right)) > _LARGEST:
        return None
    try:
        return combine(left, right)
    except ZeroDivisionError:
        return None


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
        elif isinstance(node, ast.If | ast.Try | ast.For | ast.While | ast.With):
            for name in _touched(node):
                yield name, None
                yield name, None


def _touched(node: ast.stmt) -> set[str]:
    """Return every name that a compound statement may assign."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
