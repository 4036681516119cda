"""Settings that Python declares: pydantic and dataclass fields, parameters with defaults, command line options."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.python.bound import Bound
from pytest_newscreator.sources.python.names import dotted
from pytest_newscreator.sources.python.values import Values

ClassKind = Literal["settings", "fields"]

_FIELD_BASES = frozenset({"BaseModel", "Struct", "NamedTuple", "SQLModel", "RootModel", "TypedDict"})
_FIELD_DECORATORS = frozenset({"dataclass", "define", "frozen", "mutable", "attrs", "s"})
_FIELD_CALLS = frozenset({"Field", "field", "ib", "attrib", "FieldInfo"})
_OPTION_CALLS = frozenset({"Option", "Argument"})
FLAG_CALLS = frozenset({"set_defaults", "add_argument", "add_option", "option", "argument"})
_NOT_FIELDS = frozenset({"model_config", "Config"})


@frozen
class Declared:
    """A setting with the default that a declaration gives it; `from_environment` says that it is read from there."""

    name: str
    default: ast.expr | None
    from_environment: bool = False


@frozen
class Field:
    """A field of a class under one of its names, in capitals; one `is_whole` where no prefix stands before it."""

    field: str
    name: str
    default: ast.expr | None
    is_whole: bool = False


@frozen
class Family:
    """What a class hands on to its children, in this file and in others; `fields` has the inherited ones too."""

    kind: ClassKind
    prefix: str = ""
    delimiter: str = ""
    fields: tuple[Field, ...] = ()


_ROOT = Family("settings")


class Fields:
    """The classes of one module that have fields."""

    def __init__(
        self, values: Values, classes: Sequence[ast.ClassDef], imported: Mapping[str, object], bound: Bound
    ) -> None:
        """Sort the classes out; one may inherit from another, of this file or of an imported one."""
        self._values = values
        self._bound = bound
        self._nodes = {node.name: node for node in classes}
        self._families = {name: value for name, value in imported.items() if isinstance(value, Family)}
        self._sorted: dict[ast.ClassDef, tuple[Family, Sequence[Family]]] = {}
        for _ in classes:
            before = len(self._sorted)
            for node in classes:
                self._sort(node)
            if len(self._sorted) == before:
                break

    def _sort(self, node: ast.ClassDef) -> None:
        """Note a class whose bases or decorators give it fields."""
        if node in self._sorted:
            return
        bases = [_last(_unsubscripted(base)) for base in node.bases]
        parents = self._parents(node)
        kind: ClassKind | None = None
        if any(parent.kind == "settings" for parent in parents):
            kind = "settings"
        elif parents or _FIELD_BASES.intersection(bases) or any(map(_is_field_decorator, node.decorator_list)):
            kind = "fields"
        if kind is not None:
            family = self._family(node, kind, parents)
            self._sorted[node] = family, parents
            self._families[node.name] = family

    def _parents(self, node: ast.ClassDef) -> list[Family]:
        """Return the families of a class's bases, in their order."""
        names = ((dotted(_unsubscripted(base)), _last(_unsubscripted(base))) for base in node.bases)
        found = (
            _ROOT if last == "BaseSettings" else self._named(whole) or self._families.get(last) for whole, last in names
        )
        return [family for family in found if family is not None]

    def _named(self, name: str) -> Family | None:
        """Return the family of a class by its name here."""
        found = self._families.get(name) or self._bound.ask(name)
        return found if isinstance(found, Family) else None

    def _family(self, node: ast.ClassDef, kind: ClassKind, parents: Sequence[Family]) -> Family:
        """Return what a class hands on: its own options and fields, and those of its bases that it leaves alone."""
        prefix, delimiter = self._configured(node, "env_prefix"), self._configured(node, "env_nested_delimiter")
        # The options of a base stand above those of the bases before it, as pydantic merges them.
        above = next((parent for parent in reversed(parents) if parent.kind == "settings"), Family(kind))
        family = Family(
            kind,
            above.prefix if prefix is None else prefix,
            above.delimiter if delimiter is None else delimiter,
        )
        fields = {(field.field, field.name): field for field in self._own(family, node)}
        own = {name for name, _ in _fields(node)}
        for parent in parents:
            for field in parent.fields:
                if field.field not in own:
                    fields.setdefault((field.field, field.name), field)
        return replace(family, fields=tuple(fields.values()))

    def exported(self, elsewhere: Callable[[ast.expr | None], ast.expr | None]) -> Iterator[tuple[str, Family]]:
        """Yield the classes from which another file can inherit, their defaults as `elsewhere` hands them on."""
        own = {node.name for node in self._sorted}
        for name, family in self._families.items():
            if name not in own:
                yield name, family
                continue
            fields = (replace(field, default=elsewhere(field.default)) for field in family.fields)
            yield name, replace(family, fields=tuple(fields))

    def _configured(self, node: ast.ClassDef, option: str) -> str | None:
        """Return an option of a class: in `model_config`, in `class Config`, or among its keywords."""
        for statement in [*node.body, *_config_body(node)]:
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            name = _last(target)
            found = statement.value if name == option else None
            if name == "model_config":
                found = _entry(statement.value, option)
            if found is not None:
                return self._text(found)
        return next((self._text(keyword.value) for keyword in node.keywords if keyword.arg == option), None)

    def _text(self, node: ast.expr) -> str:
        """Return a constant string, empty where it is not one."""
        known = self._values.known(node)
        return known.text if known is not None else ""

    def of(self, node: ast.ClassDef) -> Iterator[Declared]:
        """Yield the fields of a class, one for each name that pydantic-settings would look for.

        An inherited field is yielded where the class looks for it under another name than its bases do.
        """
        if node not in self._sorted:
            return
        family, parents = self._sorted[node]
        own = {name for name, _ in _fields(node)}
        is_told = family.kind == "fields" or all(
            (parent.kind, parent.prefix) == (family.kind, family.prefix) for parent in parents if parent.fields
        )
        for field in family.fields:
            if field.field in own or not (is_told or field.is_whole):
                name = field.name if field.is_whole else f"{family.prefix.upper()}{field.name}"
                yield Declared(name, field.default, from_environment=family.kind == "settings")

    def _own(self, family: Family, node: ast.ClassDef) -> Iterator[Field]:
        """Yield the fields that a class declares itself, without the prefix."""
        for name, statement in _fields(node):
            yield from self._field(family, name, statement)
            if family.kind == "settings" and family.delimiter:
                for inner, default in self._nested(family.delimiter, f"{name}{family.delimiter}", statement, ()):
                    yield Field(name, inner.upper(), default)

    def _nested(
        self, delimiter: str, before: str, statement: ast.AnnAssign, above: tuple[str, ...]
    ) -> Iterator[tuple[str, ast.expr | None]]:
        """Yield the fields of a field that is a model itself, as the delimiter makes the environment set them."""
        inner = self._nodes.get(_last(statement.annotation))
        if inner is None or inner.name not in self._families or inner.name in above:
            return
        given = statement.value if isinstance(statement.value, ast.Call) else None
        for name, field in _fields(inner):
            own = _keyword(given, name) if given is not None else None
            for one in self._field(Family("fields"), name, field):
                yield f"{before}{one.name}", own or one.default
            yield from self._nested(delimiter, f"{before}{name}{delimiter}", field, (*above, inner.name))

    def _field(self, family: Family, name: str, statement: ast.AnnAssign) -> Iterator[Field]:
        """Yield one field under each of its names; an alias is the whole name."""
        calls = [*_metadata(statement.annotation, _FIELD_CALLS)]
        value = statement.value
        if isinstance(value, ast.Call) and _last(value.func) in _FIELD_CALLS:
            calls, value = [value, *calls], None
        default = value or next((found for call in calls if (found := field_default(call)) is not None), None)
        aliases: list[str] = []
        if family.kind == "settings":
            aliases = [alias.upper() for call in calls for alias in self._aliases(call)]
        for name_ in dict.fromkeys(aliases or [name.upper()]):
            yield Field(name, name_, default, is_whole=bool(aliases))

    def _aliases(self, call: ast.Call) -> Iterator[str]:
        """Yield the names under which the environment may hold a field."""
        found = {keyword.arg: keyword.value for keyword in call.keywords}
        alias = found.get("validation_alias") or found.get("alias") or found.get("env")
        if alias is not None:
            yield from self._alias(alias)

    def _alias(self, node: ast.expr) -> Iterator[str]:
        """Yield the names of a string, an AliasChoices, an AliasPath or a list."""
        if isinstance(node, ast.Call):
            members = node.args if _last(node.func) == "AliasChoices" else node.args[:1]
            for member in members:
                yield from self._alias(member)
        elif isinstance(node, ast.List | ast.Tuple):
            for member in node.elts:
                yield from self._alias(member)
        elif text := self._text(node):
            yield text

    def parameters(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Declared]:
        """Yield the parameters that have a default, typer's options under their variable too."""
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
        by_keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        for parameter, given in [*zip(positional, defaults, strict=True), *by_keyword]:
            calls, default = list(_metadata(parameter.annotation, _OPTION_CALLS)), given
            if isinstance(given, ast.Call) and _last(given.func) in _OPTION_CALLS:
                calls, default = [given], _positional(given) or _keyword(given, "default")
            yield from self._option(parameter.arg.upper(), default, calls)

    def _option(self, name: str, default: ast.expr | None, calls: Sequence[ast.Call]) -> Iterator[Declared]:
        """Yield an option under its own name, and under the variables that can set it."""
        if default is not None:
            yield Declared(name, default)
        for call in calls:
            variables = _keyword(call, "envvar")
            for variable in self._alias(variables) if variables is not None else ():
                yield Declared(variable, default, from_environment=True)

    def flags(self, call: ast.Call) -> Iterator[Declared]:
        """Yield the option that argparse's `add_argument` or click's `option` declares, or what `set_defaults` sets."""
        if isinstance(call.func, ast.Attribute) and call.func.attr == "set_defaults":
            yield from (Declared(given.arg.upper(), given.value) for given in call.keywords if given.arg)
            return
        if _last(call.func) not in FLAG_CALLS or not isinstance(call.func, ast.Attribute):
            return
        texts = [known.text for node in call.args if (known := self._values.known(node)) is not None]
        destination = _keyword(call, "dest")
        long = [text for text in texts if text.startswith("--")]
        plain = [text for text in texts if not text.startswith("-")]
        chosen = [self._text(destination)] if destination is not None else [*plain, *long, *texts]
        if chosen:
            name = chosen[0].split("/", 1)[0].lstrip("-").replace("-", "_").upper()
            yield from self._option(name, _keyword(call, "default"), [call])


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, ast.AnnAssign]]:
    """Yield the fields of a class; attrs' older form without an annotation is one too."""
    for statement in node.body:
        field: ast.stmt = statement
        value = statement.value if isinstance(statement, ast.Assign) else None
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Name) and isinstance(value, ast.Call) and _last(value.func) in _FIELD_CALLS:
            field = ast.AnnAssign(target, ast.Name("object", ast.Load()), value, 1)
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        name = field.target.id
        if (
            not name.startswith("_")
            and name not in _NOT_FIELDS
            and _last(_unsubscripted(field.annotation)) != "ClassVar"
        ):
            yield name, field


def field_default(call: ast.Call) -> ast.expr | None:
    """Return the default of `Field(...)` or `field(...)`; an ellipsis is none."""
    for keyword in call.keywords:
        if keyword.arg in {"default", "default_factory", "factory"}:
            return keyword.value.body if isinstance(keyword.value, ast.Lambda) else keyword.value
    return _positional(call)


def _positional(call: ast.Call) -> ast.expr | None:
    """Return the first positional argument, unless it is an ellipsis."""
    first = call.args[0] if call.args else None
    return None if isinstance(first, ast.Constant) and first.value is ... else first


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return a keyword argument."""
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _metadata(annotation: ast.expr | None, names: frozenset[str]) -> Iterator[ast.Call]:
    """Yield the calls of these names inside `Annotated[type, call(...)]`."""
    if isinstance(annotation, ast.Subscript) and _last(annotation.value) == "Annotated":
        members = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else []
        yield from (member for member in members if isinstance(member, ast.Call) and _last(member.func) in names)


def _entry(node: ast.expr, name: str) -> ast.expr | None:
    """Return one entry of `SettingsConfigDict(...)` or of a dict."""
    if isinstance(node, ast.Call):
        return _keyword(node, name)
    if isinstance(node, ast.Dict):
        keys: Mapping[object, ast.expr] = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        return keys.get(name)
    if isinstance(node, ast.BinOp):
        return _entry(node.right, name) or _entry(node.left, name)
    return None


def _config_body(node: ast.ClassDef) -> Iterator[ast.stmt]:
    """Yield the statements of pydantic's inner `class Config`."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and child.name == "Config":
            yield from child.body


def _is_field_decorator(node: ast.expr) -> bool:
    """Tell whether a decorator makes annotated attributes fields."""
    return _last(node.func if isinstance(node, ast.Call) else node) in _FIELD_DECORATORS


def _unsubscripted(node: ast.expr) -> ast.expr:
    """Return `X` of `X[...]`."""
    return node.value if isinstance(node, ast.Subscript) else node


def _last(node: ast.expr) -> str:
    """Return the last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
