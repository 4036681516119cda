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

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Final, Literal, NoReturn

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

LEAST_SECRET: Final = 4
_NAMES: Final = (
    r"TOKEN(?!I[SZ])|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL"
    r"|(?<![A-Z])(?:PASS|DSN|AUTH(?!_SOCK|_URL))(?![A-Z])|(?<=_)PWD(?![A-Z])"
)
SECRET_NAME: Final = re.compile(_NAMES, re.IGNORECASE)
_OPEN: Final = re.compile(
    r"""(?i)["']*(?:\$\{?\w+\}?|unset|none|null|true|false|yes|no|on|off|\*{3}[0-9a-f]*|\d+)?["']*"""
)
"""What a variable that is named like a secret may hold in the open: nothing, a switch, a count, another's name."""
_GIVEN: Final = re.compile(
    rf"(?i)(?P<name>(?<![\w.-])[\w.-]*(?:{_NAMES})[\w.-]*(?P<end>[\"']?\s*(?:=|:)\s*))"
    r"(?:(?P<quote>[\"'])(?P<quoted>.*?)(?P=quote)|(?P<bare>[^\s\"',;]+))"
)
_COUNT: Final = re.compile(r"\d\s+$")
_SPOKEN: Final = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)([A-Za-z0-9+/._~=-]{8,})"),
    re.compile(r"(://[^/\s:@]*:)([^/\s@]+)(?=@)"),
    re.compile(r"(\b(?:hf_|sk-|gh[pousr]_|glpat-|xox[abp]-|AKIA))([A-Za-z0-9_-]{8,})"),
)
_SALT: Final = os.urandom(16)


def fingerprint(secret: str) -> str:
    """Return what stands for a secret, so that two are told apart in this run, and neither can be guessed from it."""
    return f"***{hashlib.sha256(_SALT + secret.encode()).hexdigest()[:6]}"


def masked(line: str, values: Iterable[str] = (), mark: Callable[[str], str] = lambda _: "***") -> str:
    """Return a text with `mark` for each secret: the given values, what a name calls one, and what looks like one."""
    for value in sorted({value for value in values if value}, key=len, reverse=True):
        line = line.replace(value, mark(value))
    if SECRET_NAME.search(line):
        line = _GIVEN.sub(lambda m: _hidden(m, mark), line)
    for pattern in _SPOKEN:
        line = pattern.sub(lambda m: m[0] if _OPEN.fullmatch(m[2]) else f"{m[1]}{mark(m[2])}", line)
    return line


def _hidden(match: re.Match[str], mark: Callable[[str], str]) -> str:
    """Return `name=***`; a path with a line after it, what follows a count of tokens and an open value stay."""
    value, quote = match["quoted"] or match["bare"] or "", match["quote"] or ""
    is_place = match["end"] == ":" and re.match(r"\d+:", value)
    is_count = match["name"].lower().startswith("tokens:") and _COUNT.search(match.string[: match.start()])
    if is_place or is_count or _OPEN.fullmatch(value) or "***" in value:
        return match[0]
    return f"{match['name']}{quote}{mark(value)}{quote}"


def secrets(environment: Mapping[str, str]) -> list[str]:
    """Return the values of an environment that its names call secret, without short ones, numbers and switches."""
    named = (value for name, value in environment.items() if SECRET_NAME.search(name))
    return [value for value in named if len(value) >= LEAST_SECRET and not _OPEN.fullmatch(value)]


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

    @property
    def masked(self) -> Finding:
        """Return it without secrets: two that differ are told as differing, without their values."""

        def hide(text: str) -> str:
            return masked(text, mark=fingerprint)

        values = [hide(text) if text is not None else None for text in (self.expected, self.observed)]
        chain = tuple(map(hide, self.chain))
        return replace(
            self, message=hide(self.message), expected=values[0], observed=values[1], chain=chain, fix=hide(self.fix)
        )


class Broken(AssertionError):  # noqa: N818 - a conclusion, not an error
    """The contract is broken here."""

    status: Status = "failed"

    def __init__(self, finding: Finding) -> None:
        """Keep the finding without the secrets in it; its lines are the text."""
        self.finding = finding.masked
        super().__init__("\n".join(self.finding.lines()))


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
        reason = masked(reason, mark=fingerprint)
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
