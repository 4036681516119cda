"""Helper functions of a Python file: those that pass one of their parameters on to the environment as a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.python.collect import Function
from pytest_newscreator.sources.python.values import Values

_FALLBACK_NAMES = frozenset({"default", "fallback", "default_value", "dflt"})


@frozen
class EnvironmentRead:
    """One call that reads the environment: the expressions of the name and of the default."""

    name: ast.expr | None
    default: ast.expr | None
    prefix: str = ""
    suffix: str = ""


@frozen
class Helper:
    """A function that passes a parameter on to the environment: which one, and where its default comes from."""

    name: str
    position: int | None
    prefix: str = ""
    suffix: str = ""
    default_name: str | None = None
    default_position: int | None = None
    default: ast.expr | None = None

    def read(self, call: ast.Call) -> EnvironmentRead:
        """Return what a call of this helper reads."""
        name = argument(call, self.position, self.name)
        default = argument(call, self.default_position, self.default_name) or self.default
        return EnvironmentRead(name, default, self.prefix, self.suffix)


def infer(function: Function, read: EnvironmentRead, values: Values, *, method: bool) -> Helper | None:
    """Take a function around a read for a helper, if the name it reads comes from a parameter."""
    template = _template(read.name, values)
    parameters = list(_parameters(function, method=method))
    names = [parameter for parameter, _, _ in parameters]
    if template is None or template[1] not in names:
        return None
    prefix, parameter, suffix = template
    positions = {name: position for name, position, _ in parameters}
    # A table of defaults is told where it is looked up, all of it.
    is_looked_up = _is_looked_up(read.default, parameter)
    fallback = None if is_looked_up else _fallback(read, [name for name in names if name != parameter], values)
    own = next((default for name, _, default in parameters if name == fallback), None)
    return Helper(
        name=parameter,
        position=positions[parameter],
        prefix=read.prefix + prefix,
        suffix=suffix + read.suffix,
        default_name=fallback,
        default_position=positions.get(fallback) if fallback else None,
        default=None if is_looked_up else own if fallback else read.default,
    )


def argument(call: ast.Call, position: int | None, keyword: str | None) -> ast.expr | None:
    """Return an argument by position or keyword."""
    if position is not None and position < len(call.args):
        found = call.args[position]
        return None if isinstance(found, ast.Starred) else found
    return next((given.value for given in call.keywords if given.arg is not None and given.arg == keyword), None)


def looked_up(node: ast.expr | None) -> tuple[ast.expr, ast.expr] | None:
    """Return the table and the key of `TABLE[key]` and `TABLE.get(key)`."""
    if isinstance(node, ast.Subscript):
        return node.value, node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        return node.func.value, node.args[0]
    return None


def _is_looked_up(default: ast.expr | None, parameter: str) -> bool:
    """Tell whether a helper looks its default up in a table, by the name that it reads."""
    found = looked_up(default)
    return found is not None and isinstance(found[1], ast.Name) and found[1].id == parameter


def _fallback(read: EnvironmentRead, names: Sequence[str], values: Values) -> str | None:
    """Return the parameter that holds the default: the one passed on, else the one called so."""
    if isinstance(read.default, ast.Name) and read.default.id in names:
        return read.default.id
    if read.default is not None and values.known(read.default) is not None:
        return None
    inner = {node.id for node in ast.walk(read.default) if isinstance(node, ast.Name)} if read.default else set()
    return next((name for name in names if name in inner or name in _FALLBACK_NAMES), None)


def _template(name: ast.expr | None, values: Values) -> tuple[str, str, str] | None:
    """Return the constant text before a parameter, the parameter, and the text behind it."""
    if isinstance(name, ast.Name):
        return "", name.id, ""
    if isinstance(name, ast.Call) and isinstance(name.func, ast.Attribute) and name.func.attr in {"upper", "strip"}:
        return _template(name.func.value, values)
    if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Add):
        left, right = values.known(name.left), values.known(name.right)
        if left and isinstance(name.right, ast.Name):
            return left.text, name.right.id, ""
        return ("", name.left.id, right.text) if right and isinstance(name.left, ast.Name) else None
    return _formatted(name, values) if isinstance(name, ast.JoinedStr) else None


def _formatted(name: ast.JoinedStr, values: Values) -> tuple[str, str, str] | None:
    """Return the template of `f"PREFIX_{name}"`."""
    texts, parameter = ["", ""], None
    for part in name.values:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        template = _template(inner, values)
        known = values.known(inner)
        if known:
            texts[parameter is not None] += known.text
        elif template and parameter is None:
            parameter = template[1]
        else:
            return None
    return (texts[0], parameter, texts[1]) if parameter else None


def _parameters(function: Function, *, method: bool) -> Iterator[tuple[str, int | None, ast.expr | None]]:
    """Yield the parameters of a function as its callers count them, with their defaults."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    decorators = getattr(function, "decorator_list", [])
    static = any(isinstance(node, ast.Name) and node.id == "staticmethod" for node in decorators)
    bound = 1 if method and not static else 0
    for position, (parameter, default) in enumerate(zip(positional, defaults, strict=True)):
        yield parameter.arg, position - bound, default
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield parameter.arg, None, default
