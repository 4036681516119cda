"""Reads of the environment in a Python file: the getenv family, its libraries, and helper functions over them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_newscreator.sources.python.collect import Found, Function
from pytest_newscreator.sources.python.fallbacks import Fallbacks
from pytest_newscreator.sources.python.helpers import EnvironmentRead, Helper, argument, infer
from pytest_newscreator.sources.python.names import dotted as written
from pytest_newscreator.sources.python.values import Elsewhere, Values

_GETTERS = frozenset({"os.getenv", "os.environ.get", "os.environ.setdefault", "os.environ.pop"})
_NAMES = frozenset({"get", "getenv", "setdefault", "pop"})
_ENV = "<env:"
"""Stands for an object of a library that reads the environment, followed by the prefix of its variables."""
_EXPORTED = (_ENV, "os.environ", "os.getenv")
_READERS = {
    "environs.Env": "",
    "environs.FileAwareEnv": "",
    "environ.Env": "",
    "environ.FileAwareEnv": "",
    "starlette.config.Config": "",
    "decouple.Config": "",
    "decouple.AutoConfig": "",
    "dynaconf.Dynaconf": "DYNACONF_",
    "dynaconf.LazySettings": "DYNACONF_",
}
_INSTANCES = {"environs.env": "<env:>", "decouple.config": "<env:>", "dynaconf.settings": "<env:DYNACONF_>"}
_PREFIXES = ("env_prefix", "envvar_prefix", "prefix")
_NO_READS = frozenset(
    [
        "read_env",
        "read_envfile",
        "seal",
        "prefixed",
        "dump",
        "add_parser",
        "parser_for",
        "set",
        "load_file",
        "as_dict",
        "update",
    ]
)


class Environment:
    """What the names of one module mean for reading the environment."""

    def __init__(self, values: Values, found: Found, imported: Mapping[str, object]) -> None:
        """Follow imports, then names that are assigned such things (`env = Env()`, `get = os.environ.get`)."""
        self.values = values
        self._names = dict(_imported(found.imports))
        self._names.update({name: value for name, value in imported.items() if isinstance(value, str)})
        self.functions = {name: value for name, value in imported.items() if isinstance(value, Helper)}
        self.methods: dict[str, Helper] = {}
        self._owners: dict[str, str] = {}
        self._classes: set[str] = set()
        self.copies: set[str] = set()
        for name, helper in self.functions.items():
            owner, _, method = name.rpartition(".")
            if owner:
                self._own_method(owner, method, helper)
        for assign, _ in found.assigns:
            self._follow(assign)
        self._has_objects = any(full.startswith(_ENV) for full in self._names.values())
        self._helpers = {name.rpartition(".")[2] for name in self.functions}
        self.fallbacks = Fallbacks(values, found)
        self._sections = list(self._prefixed(found.withs))

    def _follow(self, assign: ast.Assign) -> None:
        """Note a name for something that reads the environment."""
        target, value = assign.targets[0], assign.value
        if not isinstance(target, ast.Name):
            return
        if not isinstance(value, ast.Call | ast.Name | ast.Attribute | ast.Dict | ast.BinOp):
            return
        dotted = self.dotted(value.func if isinstance(value, ast.Call) else value)
        if isinstance(value, ast.Call) and dotted in _READERS:
            self._names[target.id] = f"{_ENV}{self._prefix(value, _READERS[dotted])}>"
        elif self.is_layered(value):
            self._names[target.id] = "os.environ"
            self.copies.add(target.id)
        elif not isinstance(value, ast.Call) and dotted and (dotted.startswith("os.environ") or dotted == "os.getenv"):
            self._names[target.id] = dotted

    def _prefix(self, call: ast.Call, usual: str) -> str:
        """Return the prefix that a reader is made with; dynaconf puts an underscore behind it."""
        given = next((keyword.value for keyword in call.keywords if keyword.arg in _PREFIXES), None)
        if given is None:
            return usual
        known = self.values.known(given)
        if known is None or not isinstance(known.value, str) or not known.value:
            return ""
        return f"{known.value}_" if usual else known.value

    def is_layered(self, node: ast.expr) -> bool:
        """Tell whether an expression is the environment with something above or below it, or a copy of it."""
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            return any(key is None and self.is_environ(value) for key, value in pairs)
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, ast.BitOr) and (self.is_environ(node.left) or self.is_environ(node.right))
        if not isinstance(node, ast.Call):
            return False
        dotted = self.dotted(node.func)
        given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg is None)]
        joins = dotted in {"dict", "ChainMap", "collections.ChainMap"} and any(map(self.is_environ, given))
        return joins or dotted == "os.environ.copy"

    def _prefixed(self, withs: Sequence[ast.With | ast.AsyncWith]) -> Iterator[tuple[int, int, str]]:
        """Yield the lines of each `with env.prefixed("APP_")`, and its prefix."""
        for node in withs:
            for item in node.items:
                call = item.context_expr
                if isinstance(call, ast.Call) and (self.dotted(call.func) or "").endswith(">.prefixed"):
                    known = self.values.known(argument(call, 0, "prefix"))
                    yield node.lineno, node.end_lineno or node.lineno, known.text if known else ""

    def dotted(self, node: ast.expr) -> str | None:
        """Return the full name of a name or attribute, through the imports."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            inner = self.dotted(node.value)
            full = f"{inner}.{node.attr}" if inner else None
            return self._names.get(full, full) if full else None
        return None

    def is_environ(self, node: ast.expr) -> bool:
        """Tell whether an expression is `os.environ` itself."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id) == "os.environ"
        return isinstance(node, ast.Attribute) and node.attr == "environ" and self.dotted(node) == "os.environ"

    def names_of(self, wanted: frozenset[str]) -> frozenset[str]:
        """Return the last parts of the names by which this file can call some functions."""
        own = {name for name, full in self._names.items() if full in wanted}
        return frozenset(own.union(name.rpartition(".")[2] for name in wanted))

    def may_read(self, name: str) -> bool:
        """Tell whether it is worthwhile to ask what the calls of functions so called read."""
        return self._has_objects or name in _NAMES or name in self._names or name in self._helpers

    def match(self, call: ast.Call) -> EnvironmentRead | None:
        """Return what a call reads of the environment, or `None` if it does not."""
        dotted = self.dotted(call.func)
        if dotted in _GETTERS:
            return self._read(call, argument(call, 0, "key"), argument(call, 1, "default"))
        if dotted and dotted.startswith(_ENV):
            return self._library(call, dotted)
        helper = self._helper(call.func, dotted)
        if helper is None:
            return None
        read = helper.read(call)
        return replace(self._read(call, read.name, read.default), prefix=read.prefix, suffix=read.suffix)

    def _library(self, call: ast.Call, dotted: str) -> EnvironmentRead | None:
        """Return what a call of a library's object reads, with the prefix around it."""
        head, _, method = dotted.partition(">")
        if method.rpartition(".")[2] in _NO_READS:
            return None
        prefix = head.removeprefix(_ENV)
        prefix += "".join(text for first, last, text in self._sections if first <= call.lineno <= last)
        return replace(self._read(call, argument(call, 0, "name"), argument(call, 1, "default")), prefix=prefix)

    def _read(self, call: ast.Call, name: ast.expr | None, default: ast.expr | None) -> EnvironmentRead:
        """Return a read whose fallback, if it has one, stands in for an absent or empty default."""
        fallback = self.fallbacks.of(call)
        known = self.values.known(default)
        if fallback is not None and (default is None or is_none(default) or (known is not None and not known.value)):
            default = fallback
        return EnvironmentRead(name, None if default is None or is_none(default) else default)

    def _helper(self, function: ast.expr, dotted: str | None) -> Helper | None:
        """Return the helper that a call's function names."""
        if isinstance(function, ast.Name):
            return self.functions.get(function.id)
        if not isinstance(function, ast.Attribute):
            return None
        if function.attr not in self.methods or not isinstance(function.value, ast.Name):
            return self.functions.get(written(function)) or self.functions.get(dotted or "")
        owner = function.value.id
        made = self.values.names.expression(function.value)
        known = owner in {"self", "cls"} or owner in self._classes
        known = known or (isinstance(made, ast.Call) and written(made.func) in self._classes)
        return self.methods[function.attr] if known else self.functions.get(written(function))

    def full_name(self, read: EnvironmentRead) -> str | None:
        """Return the variable that a read reads, if it is constant."""
        known = self.values.known(read.name)
        if known is None or not isinstance(known.value, str):
            return None
        return read.prefix + known.value + read.suffix

    def learn(self, function: Function, name: str, owner: str | None, read: EnvironmentRead) -> bool:
        """Take a function for a helper if the name it reads comes from a parameter; tell whether that is news."""
        if name in (self.methods if owner else self.functions):
            return False
        helper = infer(function, read, self.values, method=owner is not None)
        if helper is None:
            return False
        if owner:
            self._own_method(owner, name, helper)
        else:
            self.functions[name] = helper
        return True

    def _own_method(self, owner: str, name: str, helper: Helper) -> None:
        """Note a method that is a helper."""
        self.methods.setdefault(name, helper)
        self._owners.setdefault(name, owner)
        self._classes.add(owner)

    def exported(self) -> Iterator[tuple[str, object]]:
        """Yield what another file can import: objects that read the environment, and helpers."""
        yield from ((name, full) for name, full in self._names.items() if full.startswith(_EXPORTED))
        named = {f"{self._owners[name]}.{name}": helper for name, helper in self.methods.items()}
        for name, helper in {**self.functions, **named}.items():
            default = self.elsewhere(helper.default) if helper.default is not None else None
            yield name, replace(helper, default=default)

    def elsewhere(self, node: ast.expr) -> Elsewhere:
        """Return an expression as another file sees it."""
        known = self.values.known(node)
        return Elsewhere(known.value if known else None, self.values.place(known.node if known else node))


def is_none(node: ast.expr) -> bool:
    """Tell whether an expression is the constant None."""
    return isinstance(node, ast.Constant) and node.value is None


def _imported(imports: Sequence[ast.Import | ast.ImportFrom]) -> Iterator[tuple[str, str]]:
    """Yield the names that imports bind, with what they stand for."""
    for node in imports:
        for alias in node.names:
            if isinstance(node, ast.Import):
                full = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or full, full
            else:
                full = f"{'.' * node.level}{node.module or ''}.{alias.name}"
                yield alias.asname or alias.name, _INSTANCES.get(full, full)
