"""What a check concludes: a verdict with its status, its place and what to do.

Every conclusion but *passed* is raised, so that a check reads like any pytest test:

    AssertionError
    └── Broken                  failed         the contract is broken, here (a note when it harms nothing)
        ├── Inconclusive        failed         measured; the evidence does not decide
        └── Invalid             failed         measured; the measurement is void
    pytest.skip.Exception
    └── NotVerified             skipped        something is missing, and how to provide it
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Literal, NoReturn

import pytest

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

Level = Literal["source", "resolved", "deployed", "served", "measured"]
Status = Literal["passed", "failed", "inconclusive", "invalid", "not_verified"]
Severity = Literal["error", "note"]
LEVELS: tuple[Level, ...] = ("source", "resolved", "deployed", "served", "measured")
LONGEST_VALUE = 120
LONGEST_LINE = 600
_LONG_WORD = re.compile(r"\S{200,}")


def readable(text: str, *values: str | None) -> str:
    """Return a text as one line that people can read, for a report on a screen; `verdicts.json` keeps the whole.

    Of a long value among `values`, of any other long word and of a very long line the middle is left out. What cannot
    be seen is spelled out: a newline would end the line, a carriage return hide it.
    """
    for value in sorted({value for value in values if value}, key=len, reverse=True):
        text = text.replace(value, clipped(value, LONGEST_VALUE))
    return visible(clipped(_LONG_WORD.sub(lambda word: clipped(word[0], LONGEST_VALUE), text), LONGEST_LINE))


def clipped(text: str, longest: int) -> str:
    """Return a text with as much of its middle left out as it is too long."""
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}…{text[len(text) - (longest - head - 1) :]}"


def visible(text: str) -> str:
    """Return a text with an escape for each character that cannot be seen."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


@frozen
class Finding:
    """What is so, what should be so, the places that led there and the way out.

    `lacks` names what is not there where `place` is a whole block: two things that lack are two findings. `causes`
    are further places at which another finding, if there is one, explains this one.
    """

    message: str
    place: Place | None = None
    expected: str | None = None
    observed: str | None = None
    chain: tuple[str, ...] = ()
    fix: str = ""
    severity: Severity = "error"
    lacks: str = ""
    causes: tuple[Place, ...] = ()

    @property
    def headline(self) -> str:
        """Return the first line of every report: `place: message`."""
        message = self.readable(self.message)
        return f"{visible(str(self.place))}: {message}" if self.place else message

    def lines(self) -> list[str]:
        """Return the headline, the chain of places, then what to do."""
        fix = [f"  do: {self.readable(self.fix)}"] if self.fix else []
        return [self.headline, *(f"  {self.readable(hop)}" for hop in self.chain), *fix]

    def readable(self, text: str) -> str:
        """Return one of the texts of this finding as people read it."""
        return readable(text, self.expected, self.observed)


class Broken(AssertionError):  # noqa: N818 - a conclusion, not an error
    """The contract is broken here."""

    status: Status = "failed"

    def __init__(self, finding: Finding) -> None:
        """Keep the finding; its lines are the text."""
        super().__init__("\n".join(finding.lines()))
        self.finding = finding


class Inconclusive(Broken):
    """The evidence does not decide."""

    status: Status = "inconclusive"


class Invalid(Broken):
    """The measurement is void."""

    status: Status = "invalid"


class NotVerified(pytest.skip.Exception):  # type: ignore[name-defined, misc] # a class, held by a function
    """Something is missing; `needs` names it as `--newscreator-require` does (docker, ollama, gpu, stack)."""

    def __init__(self, reason: str, *, needs: str, fix: str) -> None:
        """Keep what is missing and how to provide it."""
        super().__init__(readable(f"{reason}; do: {fix}" if fix else reason))
        self.reason = reason
        self.needs = needs
        self.fix = fix


def fail(  # noqa: PLR0913 - the fields of a finding, by name
    message: str,
    *,
    place: Place | None = None,
    expected: object = None,
    observed: object = None,
    chain: tuple[str, ...] = (),
    fix: str = "",
    severity: Severity = "error",
) -> NoReturn:
    """Raise `Broken` with a finding made of these parts."""
    __tracebackhide__ = True
    texts = [None if value is None else str(value) for value in (expected, observed)]
    raise Broken(Finding(message, place, texts[0], texts[1], chain, fix, severity))


@frozen
class Record:
    """One verdict as the reports see it; plain data, so that it travels between xdist workers as JSON."""

    id: str
    check: str
    level: Level
    subject: str
    status: Status
    severity: Severity = "error"
    message: str = ""
    expected: str | None = None
    observed: str | None = None
    place: dict[str, object] | None = None
    chain: tuple[str, ...] = ()
    fix: str = ""
    standin: str | None = None
    detail: str = ""
    duration_s: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """Return the JSON form of `verdicts.json`."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def place_as_dict(place: Place | None) -> dict[str, object] | None:
    """Return the JSON form of a place."""
    return {"path": place.path, "line": place.line, "column": place.column} if place else None
