"""Which files of a build context its .dockerignore keeps from the builder, by the rules of moby/patternmatcher."""

from __future__ import annotations

import posixpath
import re

from pytest_newscreator.frozen import frozen


@frozen
class Pattern:
    """One line of a .dockerignore, at its line and column; `brings_back` is that of a line with `!`."""

    text: str
    line: int
    column: int
    brings_back: bool
    regex: re.Pattern[str]


@frozen
class Ignore:
    """The patterns of a .dockerignore in their order, of which the last that matches decides."""

    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Ignore:
        """Parse a .dockerignore; a line that is no pattern to Docker either is passed over."""
        lines = text.removeprefix("\ufeff").splitlines()
        found = (_pattern(line, number) for number, line in enumerate(lines, start=1) if not line.startswith("#"))
        return cls(tuple(pattern for pattern in found if pattern is not None))

    def excludes(self, path: str) -> bool:
        """Tell whether a path, relative to the context, never reaches the builder."""
        return self.hides(path) is not None

    def hides(self, path: str) -> Pattern | None:
        """Return the line that keeps a path, relative to the context, from the builder."""
        pattern = self.decider(path)
        return None if pattern is None or pattern.brings_back else pattern

    @property
    def brings_back(self) -> bool:
        """Tell whether a line brings anything back, so that a hidden folder may still have files."""
        return any(pattern.brings_back for pattern in self.patterns)

    def decider(self, path: str) -> Pattern | None:
        """Return the last pattern that matches a path or a folder above it."""
        clean = posixpath.normpath(path.lstrip("/"))
        steps = clean.split("/")
        above = ["/".join(steps[: count + 1]) for count in range(len(steps))]
        matching = (pattern for pattern in reversed(self.patterns) if any(map(pattern.regex.fullmatch, above)))
        return next(matching, None)


def _pattern(line: str, number: int) -> Pattern | None:
    """Return one line as a pattern: white space and a leading slash are nothing, the rest is cleaned like a path."""
    text = line.strip()
    brings_back = text.startswith("!")
    text = text.removeprefix("!").strip() if brings_back else text
    if not text:
        return None
    clean = posixpath.normpath(text)
    if len(clean) > 1:
        clean = "/".join(part for part in clean.split("/") if part)
    try:
        column = line.index(line.strip()) + 1
        return Pattern(line.strip(), number, column, brings_back, re.compile(_regex(clean), re.DOTALL))
    except re.error:
        return None


def _regex(pattern: str) -> str:
    """Translate a pattern: `**` crosses folders, `*` and `?` do not, `[...]` is a class, a backslash escapes."""
    found, index = [], 0
    while index < len(pattern):
        piece, index = _step(pattern, index)
        found.append(piece)
    return "".join(found)


def _step(pattern: str, index: int) -> tuple[str, int]:
    """Translate what stands at `index`; return it and the index behind it."""
    if pattern.startswith("**", index):
        index += len("**")
        if pattern.startswith("/", index):
            return "(?:.*/)?", index + 1
        return ".*", index
    char = pattern[index]
    if char == "[" and "]" in pattern[index + 2 :]:
        end = pattern.index("]", index + 2)
        return f"[{_class(pattern[index + 1 : end])}]", end + 1
    if char == "\\" and index + 1 < len(pattern):
        return re.escape(pattern[index + 1]), index + 2
    return {"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)), index + 1


def _class(inside: str) -> str:
    """Return the inside of a character class as a regular expression means it."""
    return inside.replace("\\", "\\\\").replace("[", "\\[").replace("&", "\\&").replace("~", "\\~").replace("|", "\\|")
