"""The `${}` grammar of Docker Compose: text -> a template with offsets -> the text it comes to.

The rules are those of compose-go's `template` package as Compose 2.40 ships it. Parsing never fails: what
Compose refuses becomes an `Invalid` part, which raises when it is evaluated, because a newer Compose does
not look into a branch that it does not take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal as OneOf

from pytest_newscreator.errors import SourceError

Lookup = Callable[[str], str | None]
"""Gives the value of a variable: None is unset, "" is set and empty."""

_NAME = re.compile(r"[_a-z][_a-z0-9]*", re.IGNORECASE)
_OPERATOR = re.compile(r":?[-+?]")
_OPERATOR_OR_ASSIGNMENT = re.compile(r":?[-+?=]")
# An opening brace hides the character after it: that is how compose-go counts, and why `${A:-{}}` is `{}`.
_BRACE = re.compile(r"\{.?|\}")
_DEEPEST = 64


class TemplateError(SourceError):
    """A template cannot be evaluated; `offset` says where in its text, counting from 0."""

    def __init__(self, message: str, offset: int, *, fix: str = "") -> None:
        """Keep the offset, so that the caller can turn it into a place."""
        super().__init__(message, fix=fix)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Expansion:
    """`$NAME` or `${NAME<operator><argument>}`; offsets count characters of the whole text."""

    name: str
    operator: str
    argument: Template | None
    start: int
    end: int

    @property
    def has_default(self) -> bool:
        """Say whether the argument is what an unset variable is replaced by."""
        return self.operator in {":-", "-", ":=", "="}


@dataclass(frozen=True, slots=True)
class Invalid:
    """A `${` that Compose refuses, with the text it refuses."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Template:
    """A text as a sequence of parts, and the offset it starts at."""

    source: str
    start: int
    parts: tuple[Literal | Expansion | Invalid, ...]

    @property
    def whole(self) -> Expansion | None:
        """Return the expansion that makes up the whole text, if there is one."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Expansion) else None

    @property
    def is_literal(self) -> bool:
        """Say whether the text holds no expansion at all."""
        return all(isinstance(part, Literal) for part in self.parts)

    def expansions(self) -> Iterator[Expansion]:
        """Yield every expansion, an outer one before those in its argument."""
        for part in self.parts:
            if isinstance(part, Expansion):
                yield part
                if part.argument is not None:
                    yield from part.argument.expansions()

    def invalid(self) -> Iterator[Invalid]:
        """Yield everything that Compose would refuse, at any depth."""
        for part in self.parts:
            if isinstance(part, Invalid):
                yield part
            elif isinstance(part, Expansion) and part.argument is not None:
                yield from part.argument.invalid()


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one expansion: the value found, the argument's outcome, and which of them was taken."""

    expansion: Expansion
    found: str | None
    argument: Outcome | None
    took: OneOf["variable", "argument", "nothing"]

    @property
    def text(self) -> str:
        """Return the text that the expansion was replaced by."""
        if self.took == "argument" and self.argument is not None:
            return self.argument.text
        return self.found or ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The text a template came to, with one step for each of its own expansions."""

    text: str
    steps: tuple[Step, ...] = ()

    def unset(self) -> Iterator[Expansion]:
        """Yield the expansions that came to nothing for want of a value: Compose warns of each."""
        for step in self.steps:
            if step.took == "nothing":
                yield step.expansion
            if step.argument is not None:
                yield from step.argument.unset()


@lru_cache(maxsize=4096)
def parse(text: str, *, assignment: bool = False) -> Template:
    """Parse `text`; with `assignment` also read `:=` and `=`, which shells know and Compose refuses."""
    if "$" not in text:
        return Template(text, 0, (Literal(text, 0),) if text else ())
    operators = _OPERATOR_OR_ASSIGNMENT if assignment else _OPERATOR
    parts: list[Literal | Expansion | Invalid] = []
    start = 0
    # No expansion crosses a line end, so each line is parsed for itself.
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        parts.extend(_parts(text, start, end, operators, 0))
        start = end
    return Template(text, 0, tuple(parts))


def _parts(
    text: str, start: int, end: int, operators: re.Pattern[str], depth: int
) -> Iterator[Literal | Expansion | Invalid]:
    last_brace = text.rfind("}", start, end)
    position = start
    while (dollar := text.find("$", position, end)) >= 0:
        if dollar > position:
            yield Literal(text[position:dollar], position)
        part, position = _token(text, dollar, end, last_brace, operators, depth)
        yield part
        if isinstance(part, Invalid):
            return
    if position < end:
        yield Literal(text[position:end], position)


def _token(  # noqa: PLR0913, PLR0917 - where to look, and how far
    text: str, dollar: int, end: int, last_brace: int, operators: re.Pattern[str], depth: int
) -> tuple[Literal | Expansion | Invalid, int]:
    following = text[dollar + 1 : min(dollar + 2, end)]
    if following == "$":
        return Literal("$", dollar), dollar + 2
    if following == "{":
        part = _braced(text, dollar, end, last_brace, operators, depth)
        return part, part.end if isinstance(part, Expansion) else end
    name = _NAME.match(text, dollar + 1, end)
    if name is None:
        return Literal("$", dollar), dollar + 1
    return Expansion(name.group(), "", None, dollar, name.end()), name.end()


def _braced(  # noqa: PLR0913, PLR0917 - where to look, and how far
    text: str, dollar: int, end: int, last_brace: int, operators: re.Pattern[str], depth: int
) -> Expansion | Invalid:
    refused = Invalid(text[dollar:end], dollar)
    name = _NAME.match(text, dollar + 2, end)
    if name is None or depth > _DEEPEST:
        return refused
    if text[name.end() : min(name.end() + 1, end)] == "}":
        return Expansion(name.group(), "", None, dollar, name.end() + 1)
    operator = operators.match(text, name.end(), end)
    if operator is None or last_brace < operator.end():
        return refused
    close = _closing_brace(text, dollar, last_brace)
    argument = Template(
        text[operator.end() : close],
        operator.end(),
        tuple(_parts(text, operator.end(), close, operators, depth + 1)),
    )
    return Expansion(name.group(), operator.group(), argument, dollar, close + 1)


def _closing_brace(text: str, dollar: int, last_brace: int) -> int:
    depth = 0
    for brace in _BRACE.finditer(text, dollar, last_brace + 1):
        depth += -1 if brace.group() == "}" else 1
        if depth == 0:
            return brace.start()
    return last_brace


def evaluate(template: Template, lookup: Lookup, *, lazy: bool = False) -> Outcome:
    """Evaluate `template`; raise TemplateError where Compose would stop.

    Compose up to 2.40 evaluates every argument, taken or not; with `lazy`, as from 5.1 on, only those taken.
    """
    texts: list[str] = []
    steps: list[Step] = []
    for part in template.parts:
        if isinstance(part, Literal):
            texts.append(part.text)
        elif isinstance(part, Expansion):
            steps.append(_expand(part, lookup, lazy=lazy))
            texts.append(steps[-1].text)
        else:
            message = f"`{part.text}` is no valid interpolation, should be $NAME or ${{NAME}}, with - + ? :- :+ or :?"
            raise TemplateError(message, part.start, fix="write $$ for a dollar sign that stands for itself")
    return Outcome("".join(texts), tuple(steps))


def _expand(expansion: Expansion, lookup: Lookup, *, lazy: bool) -> Step:
    found = lookup(expansion.name)
    if expansion.argument is None:
        return Step(expansion, found, None, "nothing" if found is None else "variable")
    taken = _takes_argument(expansion.operator, found)
    argument = evaluate(expansion.argument, lookup, lazy=lazy) if taken or not lazy else None
    if taken and expansion.operator.endswith("?"):
        reason = f": {argument.text}" if argument is not None and argument.text else ""
        message = f"required variable {expansion.name} is missing a value{reason}"
        raise TemplateError(message, expansion.start, fix=f"set {expansion.name} in the shell or in a dotenv file")
    return Step(expansion, found, argument, "argument" if taken else "variable")


def _takes_argument(operator: str, found: str | None) -> bool:
    present = bool(found) if operator.startswith(":") else found is not None
    return present if operator.endswith("+") else not present
