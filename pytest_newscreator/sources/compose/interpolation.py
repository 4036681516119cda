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
from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.bounds import DEEPEST, LONGEST, SHOWN, clipped

Lookup = Callable[[str], str | None]
"""Gives the value of a variable: None is unset, "" is set and empty."""

_NAME = re.compile(r"[_a-z][_a-z0-9]*", re.IGNORECASE)
_OPERATOR = re.compile(r":?[-+?]")
_OPERATOR_OR_ASSIGNMENT = re.compile(r":?[-+?=]")
# An opening brace hides the character after it: that is how compose-go counts, and why `${A:-{}}` is `{}`.
_BRACE = re.compile(r"\{.?|\}")
_MOST_DOLLARS = 10_000
_FORMS = "should be $NAME or ${NAME}, with - + ? :- :+ or :?"


class TemplateError(SourceError):
    """A template cannot be evaluated; `offset` says where in its text, counting from 0."""

    def __init__(self, message: str, offset: int, *, fix: str = "") -> None:
        """Keep the offset, so that the caller can turn it into a place."""
        super().__init__(message, fix=fix)
        self.offset = offset


@frozen
class Literal:
    """Text that stands for itself."""

    text: str
    start: int


@frozen
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


@frozen
class Invalid:
    """A `${` that Compose refuses, with the beginning of what it refuses; `limit` says what is too much for us."""

    text: str
    start: int
    limit: str = ""

    @property
    def message(self) -> str:
        """Return what is wrong, and what should be."""
        return f"the value {self.limit}" if self.limit else f"`{self.text}` is no valid interpolation, {_FORMS}"


@frozen
class Template:
    """A stretch of a text as a sequence of parts: the offset it starts at, and the one it ends before."""

    text: str
    start: int
    end: int
    parts: tuple[Literal | Expansion | Invalid, ...]

    @property
    def source(self) -> str:
        """Return the text itself, as it is written."""
        return self.text[self.start : self.end]

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


@frozen
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


@frozen
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
        return Template(text, 0, len(text), (Literal(text, 0),) if text else ())
    limit = _limit(text)
    if limit:
        return Template(text, 0, len(text), (Invalid(clipped(text), 0, limit),))
    operators = _OPERATOR_OR_ASSIGNMENT if assignment else _OPERATOR
    parts: list[Literal | Expansion | Invalid] = []
    start = 0
    # No expansion crosses a line end, so each line is parsed for itself.
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        parts.extend(_parts(text, start, end, operators, 0))
        start = end
    return Template(text, 0, len(text), tuple(parts))


def _limit(text: str) -> str:
    """Return what makes a text more than we take apart, "" for nothing."""
    if len(text) > LONGEST:
        return f"has more than {LONGEST:,} characters, should be shorter"
    return f"has more than {_MOST_DOLLARS:,} dollar signs, should have fewer" if text.count("$") > _MOST_DOLLARS else ""


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
    name = _NAME.match(text, dollar + 2, end)
    if name is None:
        return _refused(text, dollar, end)
    if depth > DEEPEST:
        return _refused(text, dollar, end, f"nests more than {DEEPEST} expansions, should be flat")
    if text[name.end() : min(name.end() + 1, end)] == "}":
        return Expansion(name.group(), "", None, dollar, name.end() + 1)
    operator = operators.match(text, name.end(), end)
    if operator is None or last_brace < operator.end():
        return _refused(text, dollar, end)
    close = _closing_brace(text, dollar, last_brace)
    argument = Template(
        text,
        operator.end(),
        close,
        tuple(_parts(text, operator.end(), close, operators, depth + 1)),
    )
    return Expansion(name.group(), operator.group(), argument, dollar, close + 1)


def _refused(text: str, dollar: int, end: int, limit: str = "") -> Invalid:
    return Invalid(clipped(text[dollar : min(end, dollar + 2 * SHOWN)]), dollar, limit)


def _closing_brace(text: str, dollar: int, last_brace: int) -> int:
    depth = 0
    for brace in _BRACE.finditer(text, dollar, last_brace + 1):
        depth += -1 if brace.group() == "}" else 1
        if depth == 0:
            return brace.start()
    return last_brace


def evaluate(template: Template, lookup: Lookup, *, lazy: bool = False) -> Outcome:
    """Evaluate `template`; raise TemplateError where Compose would stop, or what it comes to is too long.

    Compose up to 2.40 evaluates every argument, taken or not; with `lazy`, as from 5.1 on, only those taken.
    """
    return _Evaluation(lookup, lazy).outcome(template)


@dataclass(slots=True)
class _Evaluation:
    """One evaluation: who knows the variables, and how much text it may still make, nested arguments included."""

    lookup: Lookup
    lazy: bool
    room: int = LONGEST

    def outcome(self, template: Template) -> Outcome:
        texts: list[str] = []
        steps: list[Step] = []
        for part in template.parts:
            if isinstance(part, Literal):
                texts.append(part.text)
            elif isinstance(part, Expansion):
                steps.append(self.expand(part))
                texts.append(steps[-1].text)
                self.take(len(texts[-1]), part.start)
            else:
                fix = "make it shorter" if part.limit else "write $$ for a dollar sign that stands for itself"
                raise TemplateError(part.message, part.start, fix=fix)
        return Outcome("".join(texts), tuple(steps))

    def take(self, length: int, offset: int) -> None:
        self.room -= length
        if self.room < 0:
            message = f"the value expands to more than {LONGEST:,} characters, should be shorter"
            raise TemplateError(message, offset, fix="write the value out, or put fewer variables into each other")

    def expand(self, expansion: Expansion) -> Step:
        found = self.lookup(expansion.name)
        if expansion.argument is None:
            return Step(expansion, found, None, "nothing" if found is None else "variable")
        taken = _takes_argument(expansion.operator, found)
        argument = self.outcome(expansion.argument) if taken or not self.lazy else None
        if taken and expansion.operator.endswith("?"):
            reason = f": {clipped(argument.text, 400)}" if argument is not None and argument.text else ""
            message = f"required variable {clipped(expansion.name)} is missing a value{reason}"
            fix = f"set {clipped(expansion.name)} in the shell or in a dotenv file"
            raise TemplateError(message, expansion.start, fix=fix)
        return Step(expansion, found, argument, "argument" if taken else "variable")


def _takes_argument(operator: str, found: str | None) -> bool:
    present = bool(found) if operator.startswith(":") else found is not None
    return present if operator.endswith("+") else not present
