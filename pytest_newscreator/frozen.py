"""Plain data that cannot be changed: dataclasses with slots, made in a third of the usual time.

The standard library compiles six methods for each frozen dataclass; with some hundred of them that is a tenth of a
second before the first check. Here one is compiled, `__init__`, and the others are shared. What comes out is a
dataclass to `fields`, `replace`, `asdict`, `match`, `copy` and `pickle`.
"""
# ruff: noqa: ANN401 - instances of whatever class is given

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter, eq, ge, gt, le, lt
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

_T = TypeVar("_T")


@overload
def frozen(cls: type[_T], /) -> type[_T]: ...
@overload
def frozen(*, order: bool = ..., kw_only: bool = ...) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Any = None, /, *, order: bool = False, kw_only: bool = False) -> Any:
    """Make a class a frozen dataclass with slots; `order` and `kw_only` are those of `dataclasses.dataclass`."""
    if cls is None:
        return lambda plain: _frozen(plain, order=order, kw_only=kw_only)
    return _frozen(cls, order=order, kw_only=kw_only)


def _frozen(cls: Any, *, order: bool, kw_only: bool) -> Any:
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    own = fields(made)
    setters = {one.name: getattr(made, one.name).__set__ for one in own}
    kept, compared = _getter(list(setters)), _getter([one.name for one in own if one.compare])
    relations = (eq, lt, le, gt, ge) if order else (eq,)
    methods: dict[str, Any] = {f"__{relation.__name__}__": _comparing(relation, compared) for relation in relations}
    methods |= {"__hash__": lambda self: hash(compared(self)), "__init__": _initialiser(own, setters)}
    methods |= {"__getstate__": lambda self: kept(self), "__setstate__": _filler(setters)}  # noqa: PLW0108 - a method
    methods |= {"__repr__": _shown, "__setattr__": _refused, "__delattr__": _refused}
    for name, method in methods.items():
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made


def _comparing(relation: Callable[[Any, Any], Any], compared: Callable[[Any], object]) -> Callable[[Any, object], Any]:
    """Return the method for a relation: that of the values, among instances of one class."""

    def holds(self: Any, other: object) -> Any:
        return relation(compared(self), compared(other)) if other.__class__ is self.__class__ else NotImplemented

    return holds


def _filler(setters: dict[str, Callable[..., None]]) -> Callable[[Any, tuple[object, ...]], None]:
    """Return what fills a new instance with the values of another: `copy` and `pickle` make one so."""

    def fill(self: Any, values: tuple[object, ...]) -> None:
        for set_value, value in zip(setters.values(), values, strict=True):
            set_value(self, value)

    return fill


def _getter(names: list[str]) -> Callable[[Any], tuple[object, ...]]:
    """Return a function that gives the values of an instance as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)  # a tuple, from two names on

    def values(self: Any) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in names)

    return values


def _initialiser(own: tuple[Field[Any], ...], setters: dict[str, Callable[..., None]]) -> Callable[..., None]:
    """Compile the `__init__` of a class, which fills the slots themselves and so asks no `__setattr__`."""
    scope: dict[str, Any] = {"__missing": MISSING}
    ordered = sorted(own, key=lambda one: bool(one.kw_only))
    parameters, lines = ["self"], []
    for one in ordered:
        name, value = one.name, one.name
        scope[f"__set_{name}"], parameter = setters[name], name
        if one.kw_only and "*" not in parameters:
            parameters.append("*")
        if one.default is not MISSING:
            scope[f"__default_{name}"], parameter = one.default, f"{name}=__default_{name}"
        elif one.default_factory is not MISSING:
            scope[f"__make_{name}"], parameter = one.default_factory, f"{name}=__missing"
            value = f"__make_{name}() if {name} is __missing else {name}"
        parameters.append(parameter)
        lines.append(f" __set_{name}(self, {value})")
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"]), scope)  # noqa: S102 - field names
    made: Callable[..., None] = scope["__init__"]
    return made


def _shown(self: Any) -> str:
    """Render as the call that makes the same value."""
    parts = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(parts)})"


def _refused(self: Any, name: str, *_: object) -> NoReturn:
    message = f"{type(self).__qualname__}.{name} cannot be changed, should be set in a new value (`replace`)"
    raise FrozenInstanceError(message)
