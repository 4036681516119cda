"""What the parts of a Python file say together: its sites, and the names that it reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from pytest_newscreator.sources._order import in_order
from pytest_newscreator.sources._python_collect import Scope, collect
from pytest_newscreator.sources._python_environment import Environment, EnvironmentRead
from pytest_newscreator.sources._python_fields import Declared, Fields
from pytest_newscreator.sources._python_values import Known, Values
from pytest_newscreator.sources.sites import Read, Site, SiteKind, SourceFile

REQUEST_OPTIONS = frozenset(
    [
        "model",
        "num_ctx",
        "num_batch",
        "num_gpu",
        "main_gpu",
        "num_thread",
        "num_keep",
        "num_predict",
        "seed",
        "top_k",
        "top_p",
        "min_p",
        "typical_p",
        "temperature",
        "repeat_penalty",
        "repeat_last_n",
        "presence_penalty",
        "frequency_penalty",
        "keep_alive",
    ]
)
"""Keyword arguments that are request options wherever they are passed (the scalar ones of Ollama's `api.Options`)."""

_ONE_WORD = re.compile(r"\S+\Z")
_MODEL_FIRST = frozenset(f"ollama.{name}" for name in ("chat", "generate", "embed", "embeddings"))


class Scan:
    """The reading of one file."""

    def __init__(self, tree: ast.Module, source: SourceFile) -> None:
        """Gather what matters, then learn what its names mean."""
        self.found = collect(tree)
        self.values = Values(tree, source)
        assigns = [assign for assign, _ in self.found.assigns]
        self.environment = Environment(self.values, self.found.imports, assigns)
        self.fields = Fields(self.environment, [node for node, _ in self.found.classes])
        self.sites: list[Site] = []
        self.reads: set[str] = set()
        self.consumed: set[int] = set()
        self.models: dict[int, str] = {}

    def result(self) -> Read:
        """Return the sites in the order of the file, and the names read from the environment."""
        for choice in self.found.choices:
            self.environment.note_fallback(choice)
        self._learn()
        self._calls()
        self._subscripts()
        self._declarations()
        self._note_models()
        self._bodies()
        self._literals()
        return Read(in_order(self.sites), frozenset(self.reads))

    def _learn(self) -> None:
        """Find the helpers, and the helpers over helpers, until there is no news."""
        news = True
        while news:
            news = False
            for call, scope in self.found.calls:
                read = self.environment.match(call) if scope.function is not None else None
                news = (read is not None and self._learn_from(read, scope)) or news
            for subscript, scope in self.found.subscripts:
                if scope.function is not None and self.environment.is_environ(subscript.value):
                    news = self._learn_from(EnvironmentRead(subscript.slice, None), scope) or news

    def _learn_from(self, read: EnvironmentRead, scope: Scope) -> bool:
        """Take the function around a read for a helper, if it is one."""
        if scope.function is None or scope.function not in self.found.helpers:
            return False
        name, owner = self.found.helpers[scope.function]
        return self.environment.learn(scope.function, name, owner, read)

    def _calls(self) -> None:
        """Report the reads among the calls."""
        for call, scope in self.found.calls:
            read = self.environment.match(call)
            name = self.environment.full_name(read) if read is not None else None
            if read is None or name is None:
                continue
            self.reads.add(name)
            self.consumed.add(id(read.name))
            if read.default is not None:
                self._site(name, read.default, "python-default", scope)

    def _subscripts(self) -> None:
        """Report `environ["X"]`, and what is assigned to one or to a request option."""
        stored = {id(node) for assign, _ in self.found.assigns for node in assign.targets}
        for assign, scope in self.found.assigns:
            for target in assign.targets:
                if isinstance(target, ast.Subscript):
                    self._stored(target, assign.value, scope)
        for subscript, _ in self.found.subscripts:
            if id(subscript) not in stored and self.environment.is_environ(subscript.value):
                self._required(subscript)
        for compare in self.found.compares:
            if any(self.environment.is_environ(other) for other in compare.comparators):
                self._named(compare.left)

    def _stored(self, target: ast.Subscript, value: ast.expr, scope: Scope) -> None:
        """Report `os.environ["X"] = "d"` and `options["num_ctx"] = 8192`."""
        key = self.values.known(target.slice)
        known = self.values.known(value)
        if key is None or not isinstance(key.value, str):
            return
        self.consumed.add(id(target.slice))
        if self.environment.is_environ(target.value):
            self._site(key.value, value, "python-default", scope)
        elif known is not None:
            self._site(key.value, value, "json-body", scope)

    def _required(self, subscript: ast.Subscript) -> None:
        """Report `environ["X"]`; with `if "X" in environ else d` it has a default."""
        name = self._named(subscript.slice)
        fallback = self.environment.fallbacks.get(id(subscript))
        if name is not None and fallback is not None and self.values.known(fallback) is not None:
            self._site(name, fallback, "python-default", Scope())

    def _named(self, node: ast.expr) -> str | None:
        """Count a constant name as read."""
        known = self.values.known(node)
        if known is None or not isinstance(known.value, str):
            return None
        self.reads.add(known.value)
        self.consumed.add(id(node))
        return known.value

    def _declarations(self) -> None:
        """Report fields, parameters and command line options."""
        for class_, scope in self.found.classes:
            self._declared(self.fields.of(class_), scope)
        for function, scope in self.found.functions:
            self._declared(self.fields.parameters(function), scope)
        for call, scope in self.found.calls:
            self._declared(self.fields.flags(call), scope)

    def _declared(self, declared: Iterable[Declared], scope: Scope) -> None:
        """Report declarations; a default that itself reads the environment has been reported already."""
        for one in declared:
            if one.from_environment:
                self.reads.add(one.name)
            default = one.default
            if default is None or (isinstance(default, ast.Constant) and default.value is None):
                continue
            if isinstance(default, ast.Call) and self.environment.match(default) is not None:
                continue
            if one.from_environment or self.values.known(default) is not None:
                self._site(one.name, default, "python-field", scope)

    def _note_models(self) -> None:
        """Note the model that each call and dict belongs to: the innermost request around it that names one."""
        requests: list[ast.Call | ast.Dict] = [*(call for call, _ in self.found.calls)]
        requests += [node for node, _ in self.found.dicts]
        for request in sorted(requests, key=lambda node: (node.lineno, node.col_offset)):
            model = self._model_of(request)
            known = self._settled(model) if model is not None else None
            if known is not None:
                parts = (node for node in ast.walk(request) if isinstance(node, ast.Call | ast.Dict))
                self.models.update({id(part): known.text for part in parts})

    def _model_of(self, request: ast.Call | ast.Dict) -> ast.expr | None:
        """Return the expression by which a request names its model."""
        if isinstance(request, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in request.keys]
            return request.values[keys.index("model")] if "model" in keys else None
        first = request.args[0] if request.args and self.environment.dotted(request.func) in _MODEL_FIRST else None
        return next((keyword.value for keyword in request.keywords if keyword.arg == "model"), first)

    def _bodies(self) -> None:
        """Report the members of dicts, and request options passed by keyword."""
        for node, scope in self.found.dicts:
            for key, value in zip(node.keys, node.values, strict=True):
                self._member(key, value, scope, self.models.get(id(node)))
        for call, scope in self.found.calls:
            for keyword in call.keywords:
                if keyword.arg in REQUEST_OPTIONS and self.values.known(keyword.value) is not None:
                    self._site(keyword.arg, keyword.value, "json-body", scope, self.models.get(id(call)))

    def _member(self, key: ast.expr | None, value: ast.expr, scope: Scope, model: str | None) -> None:
        """Report one member of a dict; a key that is an identifier is no literal of its own."""
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return
        if key.value.isidentifier():
            self.consumed.add(id(key))
        if self.values.known(value) is not None:
            self._site(key.value, value, "json-body", scope, model)

    def _literals(self) -> None:
        """Report every other string of one word."""
        for node, scope in self.found.strings:
            if id(node) not in self.consumed and isinstance(node.value, str) and _ONE_WORD.match(node.value):
                self.sites.append(Site(None, node.value, self.values.place(node), "literal", scope=scope.name))

    def _site(self, setting: str, value: ast.expr, kind: SiteKind, scope: Scope, model: str | None = None) -> None:
        """Report a site at the literal that its value comes from, or at the expression that computes it."""
        known = self._settled(value)
        node = known.node if known is not None else value
        text = known.text if known is not None else None
        self.sites.append(Site(setting, text, self.values.place(node), kind, scope=scope.name, model=model))

    def _settled(self, value: ast.expr, depth: int = 0) -> Known | None:
        """Return what an expression is worth with an empty environment: a read in it is worth its own default."""
        known = self.values.known(value)
        if known is None and isinstance(value, ast.Call) and depth < len("nested"):
            read = self.environment.match(value)
            if read is not None and read.default is not None:
                return self._settled(read.default, depth + 1)
        return known
