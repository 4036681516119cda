"""Reads of the environment in a Python file: the getenv family, its libraries, and helper functions over them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_newscreator.sources._python_values import Values

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_GETTERS = frozenset({"os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop"})
_READERS = frozenset(
    {
        "environs.Env",
        "environs.FileAwareEnv",
        "environ.Env",
        "environ.FileAwareEnv",
        "starlette.config.Config",
        "decouple.Config",
        "decouple.AutoConfig",
    }
)
_INSTANCES = {"environs.env": "<env>", "decouple.config": "<env>"}
_NO_READS = frozenset({"read_env", "read_envfile", "seal", "prefixed", "dump", "add_parser", "parser_for"})
_FALLBACK_NAMES = frozenset({"default", "fallback", "default_value", "dflt"})


@dataclass(frozen=True, slots=True)
class EnvironmentRead:
    """One call that reads the environment: the expressions of the name and of the default."""

    name: ast.expr | None
    default: ast.expr | None
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Helper:
    """A function that passes a parameter on to the environment: which one, and where its default comes from."""

    name: str
    position: int | None
    prefix: str = ""
    suffix: str = ""
    default_name: str | None = None
    default_position: int | None = None
    default: ast.expr | None = None


class Environment:
    """What the names of one module mean for reading the environment."""

    def __init__(self, values: Values, imports: Sequence[ast.stmt], assigns: Sequence[ast.Assign]) -> None:
        """Follow imports, then names that are assigned such things (`env = Env()`, `get = os.environ.get`)."""
        self.values = values
        self._names = dict(_imported(imports))
        self.functions: dict[str, Helper] = {}
        self.methods: dict[str, Helper] = {}
        self.classes: set[str] = set()
        self.fallbacks: dict[int, ast.expr] = {}
        for assign in assigns:
            self._follow(assign)

    def _follow(self, assign: ast.Assign) -> None:
        """Note a name for something that reads the environment."""
        target, value = assign.targets[0], assign.value
        if not isinstance(target, ast.Name):
            return
        dotted = self.dotted(value.func if isinstance(value, ast.Call) else value)
        if isinstance(value, ast.Call) and dotted in _READERS:
            self._names[target.id] = "<env>"
        elif not isinstance(value, ast.Call) and dotted and (dotted.startswith("os.environ") or dotted == "os.getenv"):
            self._names[target.id] = dotted

    def dotted(self, node: ast.expr) -> str | None:
        """Return the full name of a name or attribute, through the imports."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            inner = self.dotted(node.value)
            return f"{inner}.{node.attr}" if inner else None
        return None

    def is_environ(self, node: ast.expr) -> bool:
        """Tell whether an expression is `os.environ` itself."""
        return self.dotted(node) == "os.environ"

    def match(self, call: ast.Call) -> EnvironmentRead | None:
        """Return what a call reads of the environment, or `None` if it does not."""
        dotted = self.dotted(call.func)
        if dotted in _GETTERS:
            return self._read(call, _argument(call, 0, "key"), _argument(call, 1, "default"))
        if dotted and (dotted == "<env>" or dotted.startswith("<env>.")):
            if dotted.rpartition(".")[2] in _NO_READS:
                return None
            return self._read(call, _argument(call, 0, "name"), _argument(call, 1, "default"))
        helper = self._helper(call.func)
        if helper is None:
            return None
        default = _argument(call, helper.default_position, helper.default_name) or helper.default
        read = self._read(call, _argument(call, helper.position, helper.name), default)
        return EnvironmentRead(read.name, read.default, helper.prefix, helper.suffix)

    def _read(self, call: ast.Call, name: ast.expr | None, default: ast.expr | None) -> EnvironmentRead:
        """Return a read whose `or` fallback, if it has one, stands in for an absent or empty default."""
        fallback = self.fallbacks.get(id(call))
        known = self.values.known(default)
        if fallback is not None and (default is None or _is_none(default) or (known is not None and not known.value)):
            default = fallback
        return EnvironmentRead(name, None if default is None or _is_none(default) else default)

    def _helper(self, function: ast.expr) -> Helper | None:
        """Return the helper that a call's function names."""
        if isinstance(function, ast.Name):
            return self.functions.get(function.id)
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            owner = function.value.id
            return self.methods.get(function.attr) if owner in {"self", "cls"} or owner in self.classes else None
        return None

    def full_name(self, read: EnvironmentRead) -> str | None:
        """Return the variable that a read reads, if it is constant."""
        known = self.values.known(read.name)
        if known is None or not isinstance(known.value, str):
            return None
        return read.prefix + known.value + read.suffix

    def note_fallback(self, node: ast.BoolOp | ast.IfExp) -> None:
        """Note `read or d` and `read if ... else d`: d is what holds where the variable is unset."""
        values = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
        for index, value in enumerate(values[:-1]):
            call = _innermost(value)
            later = next((other for other in values[index + 1 :] if self.values.known(other)), values[-1])
            self.fallbacks[id(call)] = later

    def learn(self, function: Function, name: str, owner: str | None, read: EnvironmentRead) -> bool:
        """Take a function for a helper if the name it reads comes from a parameter; tell whether that is news."""
        known = self.methods if owner else self.functions
        template = self._template(read.name)
        parameters = list(_parameters(function, method=owner is not None))
        names = [parameter for parameter, _, _ in parameters]
        if template is None or template[1] not in names or name in known:
            return False
        prefix, parameter, suffix = template
        positions = {parameter: position for parameter, position, _ in parameters}
        fallback = self._fallback(read, names)
        own = next((default for parameter_, _, default in parameters if parameter_ == fallback), None)
        known[name] = Helper(
            name=parameter,
            position=positions[parameter],
            prefix=read.prefix + prefix,
            suffix=suffix + read.suffix,
            default_name=fallback,
            default_position=positions.get(fallback) if fallback else None,
            default=own if fallback else read.default,
        )
        if owner:
            self.classes.add(owner)
        return True

    def _fallback(self, read: EnvironmentRead, names: Sequence[str]) -> str | None:
        """Return the parameter that holds the default: the one passed on, else the one called so."""
        if isinstance(read.default, ast.Name) and read.default.id in names:
            return read.default.id
        if read.default is not None and self.values.known(read.default) is not None:
            return None
        inner = {node.id for node in ast.walk(read.default) if isinstance(node, ast.Name)} if read.default else set()
        return next((name for name in names if name in inner or name in _FALLBACK_NAMES), None)

    def _template(self, name: ast.expr | None) -> tuple[str, str, str] | None:
        """Return the constant text before a parameter, the parameter, and the text behind it."""
        if isinstance(name, ast.Name):
            return "", name.id, ""
        if isinstance(name, ast.Call) and isinstance(name.func, ast.Attribute) and name.func.attr in {"upper", "strip"}:
            return self._template(name.func.value)
        if isinstance(name, ast.BinOp) and isinstance(name.op, ast.Add):
            left, right = self.values.known(name.left), self.values.known(name.right)
            if left and isinstance(name.right, ast.Name):
                return left.text, name.right.id, ""
            return ("", name.left.id, right.text) if right and isinstance(name.left, ast.Name) else None
        return self._formatted(name) if isinstance(name, ast.JoinedStr) else None

    def _formatted(self, name: ast.JoinedStr) -> tuple[str, str, str] | None:
        """Return the template of `f"PREFIX_{name}"`."""
        texts, parameter = ["", ""], None
        for part in name.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            template = self._template(inner)
            known = self.values.known(inner)
            if known:
                texts[parameter is not None] += known.text
            elif template and parameter is None:
                parameter = template[1]
            else:
                return None
        return (texts[0], parameter, texts[1]) if parameter else None


def _imported(imports: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield the names that imports bind, with what they stand for."""
    for node in imports:
        if isinstance(node, ast.Import):
            for alias in node.names:
                full = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or full, full
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module or ''}.{alias.name}"
                yield alias.asname or alias.name, _INSTANCES.get(full, full)


def _argument(call: ast.Call, position: int | None, keyword: str | None) -> ast.expr | None:
    """Return an argument by position or keyword."""
    if position is not None and position < len(call.args):
        found = call.args[position]
        return None if isinstance(found, ast.Starred) else found
    return next((given.value for given in call.keywords if given.arg is not None and given.arg == keyword), None)


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


def _innermost(node: ast.expr) -> ast.expr:
    """Return the call inside conversions: `int(read)`, `read.strip()`."""
    while isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in {"str", "int", "float"} and len(node.args) == 1:
            node = node.args[0]
        elif isinstance(node.func, ast.Attribute) and node.func.attr in {"strip", "lower", "upper"} and not node.args:
            node = node.func.value
        else:
            break
    return node


def _is_none(node: ast.expr) -> bool:
    """Tell whether an expression is the constant None."""
    return isinstance(node, ast.Constant) and node.value is None
