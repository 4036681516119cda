"""Expansion of the words of a Dockerfile against the variables of a stage, with the hops that had a say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from pytest_newscreator.errors import SourceError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.values import Hop, Value
from pytest_newscreator.sources.bounds import Room, fits
from pytest_newscreator.sources.docker.words import Expansion, Part
from pytest_newscreator.sources.lines import Locate, Spelled

_MOST_TRIES = 4_000_000
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@frozen
class Expander:
    """Expands words with `variables`; `complain` is told of what the build would refuse.

    `room` is what all of its words may come to; what is more raises SourceError.
    """

    variables: Mapping[str, Value]
    locate: Locate
    complain: Callable[[Place, str], None]
    room: Room

    def expand(self, word: tuple[Part, ...]) -> tuple[str, tuple[Hop, ...]]:
        """Return the text of a word and the hops below it, in the order of the word."""
        texts: list[str] = []
        hops: list[Hop] = []
        length = 0
        for part in word:
            if isinstance(part, Spelled):
                texts.append(part.text)
                continue
            text, below = self._expansion(part)
            length += len(text)
            at = partial(self.locate, part.start)
            fits(at, text=length, hops=len(hops) + len(below))
            self.room.take(at, text=len(text), hops=len(below))
            texts.append(text)
            hops.extend(below)
        return "".join(texts), tuple(hops)

    def _expansion(self, part: Expansion) -> tuple[str, tuple[Hop, ...]]:
        """Expand one variable by its operator."""
        text = self._text(part.name)
        operator, present = part.operator, text is not None
        if operator.startswith(":"):
            operator, present = operator[1:], bool(text)
        if operator == "+":
            return self.expand(part.operand) if present else ("", ())
        if operator == "-":
            return self._defaulted(part, present=present)
        if operator == "?" and not present:
            message = self.expand(part.operand)[0] or "is required"
            self.complain(self.locate(part.start), f"{part.name} has no value, the build stops here: {message}")
        below = self._hops(part)
        if operator in {"", "?"} or text is None:
            return text or "", below
        operand = self.expand(part.operand)[0]
        if len(text) ** min(operand.count("*") + 1, 8) > _MOST_TRIES:
            message = f"`{part.operator}` has a pattern that takes too long on {len(text):,} characters"
            raise SourceError(f"{message}, should be simpler", place=self.locate(part.start), fix="write the value out")
        return _changed(text, operator, operand), below

    def _defaulted(self, part: Expansion, *, present: bool) -> tuple[str, tuple[Hop, ...]]:
        """Expand `${X:-d}`: the default is a hop that wins or loses."""
        default, inner = self.expand(part.operand)
        hop = partial(Hop, "default", part.name, default, self._default_place(part))
        if present:
            return self._text(part.name) or "", (*self._hops(part), hop(won=False, why=f"{part.name} is set"))
        return default, (hop(won=True, why=f"{part.name} is not set in this stage"), *inner)

    def _default_place(self, part: Expansion) -> Place:
        """Return where the text of a default begins."""
        first = part.operand[0] if part.operand else None
        return self.locate(first.start if isinstance(first, Spelled) else part.operand_start)

    def _hops(self, part: Expansion) -> tuple[Hop, ...]:
        """Return the hops of a variable as it is expanded here."""
        value = self.variables.get(part.name)
        place = self.locate(part.start)
        if value is None or value.text is None:
            why = f"{part.name} is not set in this stage" if part.name != "PATH" else "the base image's PATH is assumed"
            return (Hop("interpolation", part.name, self._text(part.name), place, won=False, why=why),)
        return (Hop("interpolation", part.name, value.text, place, won=True), *value.chain)

    def _text(self, name: str) -> str | None:
        """Return the text of a variable; an unknown base image is taken to have Docker's own PATH."""
        value = self.variables.get(name)
        text = value.text if value is not None else None
        return DEFAULT_PATH if text is None and name == "PATH" else text


def _changed(text: str, operator: str, operand: str) -> str:
    """Apply `#`, `##`, `%`, `%%`, `/` or `//`, which newer frontends know."""
    if operator[0] == "/":
        pattern, _, replacement = operand.partition("/")
        count = 0 if operator == "//" else 1
        return re.sub(_glob(pattern, greedy=True), lambda _: replacement, text, count=count)
    greedy = len(operator) > 1
    if operator[0] == "#":
        return re.sub(rf"\A(?:{_glob(operand, greedy=greedy)})", "", text, count=1)
    ends = range(len(text) + 1) if greedy else range(len(text), -1, -1)
    cut = next((end for end in ends if re.fullmatch(_glob(operand, greedy=True), text[end:])), len(text))
    return text[:cut]


def _glob(pattern: str, *, greedy: bool) -> str:
    """Return a shell pattern as a regular expression: `*` and `?` are the only wildcards of the frontend."""
    star = ".*" if greedy else ".*?"
    return "".join({"*": star, "?": "."}.get(char, re.escape(char)) for char in pattern)
