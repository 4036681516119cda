"""What the parts of a Python file say together: its sites, and the names that it reads."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Sequence

from pytest_newscreator.places import Place
from pytest_newscreator.sources.python.bound import NOTHING, Bound, Exports
from pytest_newscreator.sources.python.collect import Scope, collect
from pytest_newscreator.sources.python.commands import Commands, has_commands
from pytest_newscreator.sources.python.compared import compared
from pytest_newscreator.sources.python.compute import SEPARATED, digits, numeric
from pytest_newscreator.sources.python.environment import Environment, is_none
from pytest_newscreator.sources.python.fields import FLAG_CALLS, Declared, Fields
from pytest_newscreator.sources.python.helpers import EnvironmentRead
from pytest_newscreator.sources.python.layers import Layers
from pytest_newscreator.sources.python.modelfiles import modelfiles
from pytest_newscreator.sources.python.overwriting import Overwriting
from pytest_newscreator.sources.python.requests import Requests, is_variable
from pytest_newscreator.sources.python.values import Known, Values
from pytest_newscreator.sources.sites import Overwrites, Read, Site, SiteKind, SourceFile

__all__ = ["Bind", "Scan"]

Bind = Callable[[Sequence[ast.Import | ast.ImportFrom]], Bound]
"""Returns what the imports of a file bind, as the files that it imports from export it."""

_IN_FILE = operator.attrgetter("place.path", "place.line", "place.column")
_ONE_WORD = re.compile(r"\S+\Z")
_TEST_LIBRARY = re.compile(r"^[ \t]*(?:import|from)[ \t]+(?:pytest|unittest)\b", re.MULTILINE)


class Scan:
    """The reading of one file."""

    def __init__(self, tree: ast.Module, source: SourceFile, bind: Bind | None = None) -> None:
        """Gather what matters, then learn what its names mean."""
        self.found = collect(tree, has_tests=_TEST_LIBRARY.search(source.text) is not None)
        self.bound = bind(self.found.imports) if bind is not None else NOTHING
        things = dict(self.bound.things())
        self.values = Values(tree, source, self.found, self.bound)
        self.environment = Environment(self.values, self.found, things)
        self.fields = Fields(self.values, [node for node, _ in self.found.classes], things, self.bound)
        self.layers = Layers(self.found, self.environment)
        self.sites: list[Site] = []
        self.reads: set[str] = set()
        self.consumed: set[int] = set()
        self.overwriting = Overwriting(tree, self.found, self.environment)
        self._numeric = frozenset(numeric(self.found)) if SEPARATED.search(source.text) else frozenset()
        names = [name for name in self.found.called if self.environment.may_read(name)]
        self._readers = self._called(names)

    def result(self) -> Read:
        """Return the sites in the order of the file, and the names read from the environment."""
        self._learn()
        self._calls()
        self._subscripts()
        self._layered()
        self._removed()
        self._declarations()
        requests = Requests(self.found, self.environment, self._settled, self.layers.dicts)
        for member in requests.members(self.consumed):
            if member.name != "modelfile" and self.values.known(member.value) is not None:
                self._site(member.name, member.value, "json-body", member.scope, member.model)
        self.sites += modelfiles(self.found, self.values, requests)
        if has_commands(self.values.text):
            commands = Commands(self.found, self.environment)
            self.sites += commands.sites
            self.reads |= commands.reads
            self.consumed |= commands.consumed
        return Read(self._ordered(), frozenset(self.reads))

    def exported(self) -> Exports:
        """Return what other files can import from this one."""
        families = dict(self.fields.exported(self._handed_on))
        settings = {name: family for name, family in families.items() if family.kind == "settings"}
        own = {**dict(self.values.exported()), **families}
        things = {**dict(self.environment.exported()), **settings}
        return Exports(own, things, self.values.names.assigned, self.bound)

    def _handed_on(self, default: ast.expr | None) -> ast.expr | None:
        """Return the default of a field as another file sees it; one that reads the environment is told here."""
        if default is None or is_none(default):
            return None
        is_read = isinstance(default, ast.Call) and self.environment.match(default) is not None
        return None if is_read else self.environment.elsewhere(default)

    def _called(self, names: Iterable[str]) -> list[tuple[ast.Call, Scope]]:
        """Return the calls of functions with these names."""
        called = self.found.called
        return [pair for name in sorted(called.keys() & set(names)) for pair in called[name]]

    def _learn(self) -> None:
        """Find the helpers, and the helpers over helpers, until there is no news."""
        news = {name for subscript, scope in self.found.subscripts if (name := self._learn_subscript(subscript, scope))}
        pending = self._readers
        while pending:
            for call, scope in pending:
                read = self.environment.match(call) if scope.function is not None else None
                name = self._learn_from(read, scope) if read is not None else None
                news |= {name} if name else set()
            pending = self._called(news)
            self._readers = list({id(pair[0]): pair for pair in (*self._readers, *pending)}.values())
            news = set()

    def _learn_subscript(self, subscript: ast.Subscript, scope: Scope) -> str | None:
        """Take the function around `os.environ[name]` for a helper, if it is one; return its name."""
        if scope.function is None or not self.environment.is_environ(subscript.value):
            return None
        return self._learn_from(EnvironmentRead(subscript.slice, None), scope)

    def _learn_from(self, read: EnvironmentRead, scope: Scope) -> str | None:
        """Take the function around a read for a helper, if it is one; return its name if that is news."""
        if scope.function is None or scope.function not in self.found.helpers:
            return None
        name, owner = self.found.helpers[scope.function]
        return name if self.environment.learn(scope.function, name, owner, read) else None

    def _calls(self) -> None:
        """Report the reads among the calls."""
        for call, scope in self._readers:
            read = self.environment.match(call)
            if read is None:
                continue
            name = self.environment.full_name(read)
            if name is None or looks_up_a_table(read):
                for variable, value, _ in self.layers.looked_up(read, scope):
                    self.reads.add(variable)
                    self._default(variable, value, scope)
            if name is not None:
                self.reads.add(name)
                self.consumed.add(id(read.name))
                if read.default is not None:
                    self._default(name, read.default, scope)

    def _default(self, name: str, value: ast.expr, scope: Scope, *, overwrites: Overwrites = "") -> None:
        """Report the default of a variable; one without a value is none."""
        if not (isinstance(value, ast.Constant) and value.value is None):
            self._site(name, value, "python-default", scope, overwrites=overwrites)

    def _layered(self) -> None:
        """Report the dicts over and under the environment, and the schemes of `environ.Env(X=(type, default))`."""
        for name, value, scope in self.layers.defaults():
            call = self.layers.putting.get(id(value))
            how: Overwrites = self.overwriting.how(call, value, name) if call is not None else ""
            self._default(name, value, scope, overwrites=how)
        for call, scope in self._called(self.environment.names_of(frozenset({"environ.Env"}))):
            if self.environment.dotted(call.func) == "environ.Env":
                for keyword in call.keywords:
                    if keyword.arg is not None and isinstance(keyword.value, ast.Tuple) and len(keyword.value.elts) > 1:
                        self._default(keyword.arg, keyword.value.elts[1], scope)

    def _subscripts(self) -> None:
        """Report `environ["X"]`, and what is assigned to one or to a request option."""
        stored: set[int] = set()
        for assign, scope in self.found.assigns:
            for target in assign.targets:
                if isinstance(target, ast.Subscript):
                    stored.add(id(target))
                    self._stored(target, assign, scope)
        for subscript, scope in self.found.subscripts:
            if id(subscript) not in stored and self._is_environment(subscript.value):
                self._required(subscript, scope)
        for compare in self.found.compares:
            if self.environment.is_environ(compare.comparators[0]):
                self._named(compare.left)

    def _is_environment(self, node: ast.expr) -> bool:
        """Tell whether an expression is the environment, as it is or with something above or below it."""
        return self.environment.is_environ(node) or self.environment.is_layered(node)

    def _stored(self, target: ast.Subscript, assign: ast.Assign, scope: Scope) -> None:
        """Report `os.environ["X"] = "d"` and `options["num_ctx"] = 8192`."""
        value = assign.value
        key = self.values.known(target.slice)
        if key is None or not isinstance(key.value, str):
            self._stored_in_turn(target, assign, scope)
            return
        self.consumed.add(id(target.slice))
        if self.environment.is_environ(target.value):
            how = self.overwriting.how(assign, value, key.value, target.value)
            self._site(key.value, value, "python-default", scope, overwrites=how)
        elif is_variable(key.value) and self.overwriting.is_handed(target.value):
            self._site(key.value, value, "python-default", scope, overwrites="sometimes")
        elif self.values.known(value) is not None:
            is_idle = is_variable(key.value) and self.overwriting.is_kept(target.value)
            if not is_idle:
                self._site(key.value, value, "json-body", scope)

    def _stored_in_turn(self, target: ast.Subscript, assign: ast.Assign, scope: Scope) -> None:
        """Report `for k, v in {…}.items(): os.environ[k] = v`."""
        if isinstance(target.slice, ast.Name) and self.environment.is_environ(target.value):
            name = target.slice.id
            for variable, value, _ in self.layers.looked_up(EnvironmentRead(target.slice, assign.value), scope):
                known = name if name in self.overwriting.asked(assign) else variable
                how = self.overwriting.how(assign, value, known, target.value)
                self._default(variable, value, scope, overwrites=how)

    def _removed(self) -> None:
        """Report what is taken out of the environment: it is set to nothing."""
        for name, node in self.overwriting.removed():
            self.consumed.add(id(node))
            self.sites.append(Site(name, "", self.values.place(node), "python-default", overwrites="always"))

    def _required(self, subscript: ast.Subscript, scope: Scope) -> None:
        """Report `environ["X"]`; with `if "X" in environ else d` it has a default."""
        name = self._named(subscript.slice)
        fallback = self.environment.fallbacks.of(subscript)
        if name is not None and fallback is not None and self.values.known(fallback) is not None:
            self._site(name, fallback, "python-default", scope)

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
        for call, scope in self._called(FLAG_CALLS):
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

    def _ordered(self) -> tuple[Site, ...]:
        """Return the sites, each once, and every other string of one word, in the order of the file."""
        once: dict[object, Site] = {}
        for site in self.sites:
            once.setdefault((site.setting, site.place, site.kind, site.model), site)
        sites = list(once.values())
        taken = {site.place for site in sites if site.kind != "literal"}
        path, held = self.values.path, frozenset(compared(self.found, self.values))
        texts = {(place.line, place.column) for place in taken if place.path == path}
        for node, scope in self.found.strings:
            value = node.value
            if id(node) not in self.consumed and value.__class__ is str and _ONE_WORD.match(str(value)):
                line, column = self.values.position(node)
                if (line, column) not in texts:
                    kind: SiteKind = "compared" if id(node) in held else "literal"
                    sites.append(Site(None, str(value), Place(path, line, column), kind, scope=scope.name))
        for text, scope in self.found.formatted:
            known = self.values.known(text) if id(text) not in self.consumed else None
            if known is not None and _ONE_WORD.match(known.text) and self.values.place(text) not in taken:
                sites.append(Site(None, known.text, self.values.place(text), "literal", scope=scope.name))
        sites.sort(key=_IN_FILE)
        return tuple(sites)

    def _site(  # noqa: PLR0913 - what a site has
        self,
        setting: str,
        value: ast.expr,
        kind: SiteKind,
        scope: Scope,
        model: str | None = None,
        *,
        overwrites: Overwrites = "",
    ) -> None:
        """Report a site at the literal that its value comes from, or at the expression that computes it."""
        known = self._settled(value)
        node = known.node if known is not None else value
        text = known.text if known is not None else None
        if text is not None and id(value) in self._numeric:
            text = digits(text)
        place = self.values.place(node)
        self.sites.append(Site(setting, text, place, kind, scope=scope.name, model=model, overwrites=overwrites))

    def _settled(self, value: ast.expr, depth: int = 0) -> Known | None:
        """Return what an expression is worth with an empty environment: a read in it is worth its own default."""
        known = self.values.known(value)
        if known is None and isinstance(value, ast.Call) and depth < len("nested"):
            read = self.environment.match(value)
            if read is not None and read.default is not None:
                return self._settled(read.default, depth + 1)
        return known


def looks_up_a_table(read: EnvironmentRead) -> bool:
    """Tell whether a default is an entry of a table, whose other entries are then defaults too."""
    return isinstance(read.default, ast.Subscript) and not isinstance(read.default.slice, ast.Constant)
