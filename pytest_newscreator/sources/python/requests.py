"""Requests that a Python file writes: which model each names, and the members of their dicts and options."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.ollama.request_options import REQUEST_OPTIONS
from pytest_newscreator.sources.python.collect import Found, Scope
from pytest_newscreator.sources.python.environment import Environment
from pytest_newscreator.sources.python.names import last
from pytest_newscreator.sources.python.values import Known

_MODEL_FIRST = frozenset({"chat", "generate", "embed", "embeddings", "create"})
_CLIENTS = frozenset({"ollama.Client", "ollama.AsyncClient"})
Request = ast.Call | ast.Dict


@frozen
class Member:
    """A request option with its value, and the model that the same request names."""

    name: str
    value: ast.expr
    scope: Scope
    model: str | None = None


class Requests:
    """The requests of one file; `settle` tells what an expression is worth with an empty environment."""

    def __init__(
        self, found: Found, environment: Environment, settle: Callable[[ast.expr], Known | None], layers: set[int]
    ) -> None:
        """Find the requests that name a model; `layers` are dicts that lie over or under the environment."""
        self._found = found
        self._environment = environment
        self._values = environment.values
        self._layers = layers
        self.models: dict[int, str] = {}
        self._tables = {name for name, value, _ in found.stores if isinstance(value, ast.Dict) and value.keys}
        self._twice: frozenset[int] | None = None
        requests = list(self._naming())
        for request, model in sorted(requests, key=lambda pair: (pair[0].lineno, pair[0].col_offset)):
            known = settle(model)
            if known is not None:
                self._note(request, known.text)

    def _naming(self) -> Iterator[tuple[Request, ast.expr]]:
        """Yield each request that names a model, with the expression that names it."""
        for node, _ in self._found.dicts:
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "model":
                    yield node, value
        for call, model, _ in self._found.keywords.get("model", ()):
            yield call, model
        wanted = frozenset(f"ollama.{name}" for name in _MODEL_FIRST)
        for name in self._environment.names_of(wanted):
            for call, _ in self._found.called.get(name, ()):
                if call.args and (self._environment.dotted(call.func) in wanted or self._is_client(call.func)):
                    yield call, call.args[0]

    def _is_client(self, function: ast.expr) -> bool:
        """Tell whether a call is a method of Ollama's own client, made on the spot or under a name."""
        if not isinstance(function, ast.Attribute) or function.attr not in _MODEL_FIRST:
            return False
        made = function.value if isinstance(function.value, ast.Call) else self._values.names.expression(function.value)
        return isinstance(made, ast.Call) and self._environment.dotted(made.func) in _CLIENTS

    def _note(self, request: Request, model: str) -> None:
        """Note the model of a request and of all its parts, also of a dict that only this request is given."""
        parts = [node for node in ast.walk(request) if isinstance(node, Request)]
        for handed in [dict_ for part in parts for dict_ in self._handed(part)]:
            if id(handed) not in self._shared():
                parts += [node for node in ast.walk(handed) if isinstance(node, Request)]
        self.models.update({id(part): model for part in parts})

    def _handed(self, request: Request) -> Iterator[ast.Dict]:
        """Yield the dicts that a request is given by their names."""
        given: Sequence[ast.expr]
        if isinstance(request, ast.Dict):
            given = request.values
        else:
            given = [*request.args, *(keyword.value for keyword in request.keywords)]
        for value in given:
            name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
            named = self._values.names.expression(value) if name in self._tables else None
            if isinstance(named, ast.Dict):
                yield named

    def _shared(self) -> frozenset[int]:
        """Return the dicts that several calls and dicts are given."""
        if self._twice is not None:
            return self._twice
        seen: set[int] = set()
        twice: set[int] = set()
        requests: list[Request] = [*(call for call, _ in self._found.calls), *(node for node, _ in self._found.dicts)]
        for request in requests:
            for handed in self._handed(request):
                (twice if id(handed) in seen else seen).add(id(handed))
        self._twice = frozenset(twice)
        return self._twice

    def members(self, consumed: set[int]) -> Iterator[Member]:
        """Yield the members of dicts, and the options passed by keyword; a key that is a name is `consumed`."""
        for node, scope in self._found.dicts:
            for key, value in zip(node.keys, node.values, strict=True):
                if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                    continue
                if key.value.isidentifier():
                    consumed.add(id(key))
                if not is_variable(key.value) and id(node) not in self._layers:
                    yield Member(key.value, value, scope, self.models.get(id(node)))
        for option in REQUEST_OPTIONS.intersection(self._found.keywords):
            for call, value, scope in self._found.keywords[option]:
                if last(call.func) != "set_defaults":
                    yield Member(option, value, scope, self.models.get(id(call)))


def is_variable(key: str) -> bool:
    """Tell whether a key is a variable's name, which only a dict beside the environment gives a value."""
    return key.isupper() and key.isidentifier()
