"""Dotenv files as Docker Compose reads them: which variable gets which value, and where it stands.

The dialect is that of compose-go's `dotenv` package in Compose 2.40; it differs from a shell's and from
python-dotenv's. Quirks are kept: a bare word on the last line, without a line end, is a value without a name.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from pytest_newscreator.errors import SourceError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources.bounds import LONGEST, SHOWN, Room, clipped
from pytest_newscreator.sources.compose.interpolation import Lookup, Outcome, Template, TemplateError, evaluate, parse
from pytest_newscreator.sources.sites import Read, Reader, Site, SourceFile
from pytest_newscreator.sources.templates import template_of

# White space as Go's unicode.IsSpace has it; Python's own idea adds four control characters.
_BLANKS = "\t\v\f\r \x85\xa0"
_SPACE = (
    _BLANKS + "\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_STATEMENT = re.compile(rf"(?:[{_SPACE}]+|#[^\n]*)*+")
_EXPORT = re.compile(r"export(?=[\t\n\f\r ])")
_NAME_MARKS = frozenset("_.-[]")
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})')
_ESCAPED = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True)) | {"$": "$$"}
_QUOTED = {quote: re.compile(rf"[^\\{quote}]+|\\.?|{quote}", re.DOTALL) for quote in "'\""}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]+")
_MOST_STATEMENTS = 10_000
_TOO_MANY = f"the file has more than {_MOST_STATEMENTS:,} statements, should have fewer", "split it"
_MOST_ESCAPES = 100_000
_HIGHEST_OCTAL = 0o377
_OCTAL_DIGITS = 3


@frozen
class Entry:
    """One statement: a name, its value (None for a bare name that the lookup does not know) and its places.

    `place` is that of the value's first character, inside the quotes; `locate` gives the place of an offset
    in `template`, the value before expansion; `outcome` says what was expanded to what.
    """

    name: str
    value: str | None
    place: Place
    name_place: Place
    bare: bool = False
    template: Template | None = None
    outcome: Outcome | None = None
    locate: Callable[[int], Place] = field(default=lambda _: Place(""), compare=False, repr=False)


def nothing(_: str) -> None:
    """Know no variable: the lookup of a file that is read for itself."""


def read_entries(
    source: SourceFile,
    lookup: Lookup = nothing,
    *,
    known: Mapping[str, str] | None = None,
    problems: list[tuple[Place, str]] | None = None,
    lazy: bool = False,
) -> tuple[Entry, ...]:
    """Read `source`; `lookup` comes before `known` (values of earlier files), which comes before own values.

    Raises SourceError with its place at the first bad statement; with `problems` it is noted there instead,
    and reading goes on in the next line.
    """
    return tuple(_Statements(source, lookup, dict(known or {}), problems, lazy=lazy))


def read_raw_entries(source: SourceFile, lookup: Lookup = nothing) -> tuple[Entry, ...]:
    """Read an env_file of `format: raw`: no quotes, no comments behind values, no expansion."""
    entries = []
    for number, line in enumerate(source.text.removeprefix("\ufeff").split("\n"), start=1):
        text = line.removesuffix("\r")
        start = len(text) - len(text.lstrip(_SPACE))
        name, equals, value = text[start:].partition("=")
        if not text[start:] or name.startswith("#"):
            continue
        name_place = Place(source.path, number, start + 1)
        if not name or name.strip(_SPACE) != name or any(blank in name for blank in _SPACE):
            message = f"`{clipped(name)}` is no variable name, should be NAME=value without blanks around the name"
            raise SourceError(message, place=name_place, fix="write NAME=value")
        found = value if equals else lookup(name)
        place = Place(source.path, number, start + len(name) + 2) if equals else name_place
        entries.append(Entry(name, found, place, name_place, bare=not equals))
        if len(entries) > _MOST_STATEMENTS:
            raise SourceError(_TOO_MANY[0], place=name_place, fix=_TOO_MANY[1])
    return tuple(entries)


class _Statements:
    """The statements of one file, in order; keeps the position, and the values that later ones may use."""

    def __init__(
        self,
        source: SourceFile,
        lookup: Lookup,
        known: dict[str, str],
        problems: list[tuple[Place, str]] | None,
        *,
        lazy: bool,
    ) -> None:
        self.path = source.path
        self.text = source.text.removeprefix("\ufeff")
        self.lookup = lookup
        self.known = known
        self.problems = problems
        self.lazy = lazy
        self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        self.position = 0
        self.room = Room()
        self.count = 0

    def __iter__(self) -> Iterator[Entry]:
        while True:
            self.position = _end_of(_STATEMENT, self.text, self.position)
            if self.position >= len(self.text):
                return
            start = self.position
            self.count += 1
            try:
                if self.count > _MOST_STATEMENTS:
                    self.refuse(start, *_TOO_MANY)
                entry = self.statement()
            except SourceError as error:
                if self.problems is None:
                    raise
                self.problems.append((error.place or self.place(start), error.message))
                is_full = self.room.is_full or self.count > _MOST_STATEMENTS
                self.position = len(self.text) if is_full else self.text.find("\n", start) + 1 or len(self.text)
                continue
            if entry.value is not None:
                self.known[entry.name] = entry.value
            yield entry

    def place(self, index: int) -> Place:
        line = bisect_right(self.starts, index)
        return Place(self.path, line, index - self.starts[line - 1] + 1)

    def statement(self) -> Entry:
        export = _EXPORT.match(self.text, self.position)
        start = self.skip_blanks(export.end() if export else self.position)
        end, separator = self.end_of_name(start)
        name = self.text[start:end] if separator else ""
        if " " in name.rstrip(_SPACE):
            fix = "write NAME=value, or # before a comment"
            self.refuse(start, f"`{clipped(name)}` holds a blank, should be one name", fix)
        name = name.rstrip(_SPACE)
        self.position = self.skip_blanks(end + 1 if separator else start)
        if separator == "\n":
            return Entry(name, self.lookup(name), self.place(start), self.place(start), bare=True)
        return self.value(name, self.place(start))

    def end_of_name(self, start: int) -> tuple[int, str]:
        for index in range(_end_of(_PLAIN_NAME, self.text, start), len(self.text)):
            character = self.text[index]
            if character in "=:\n":
                return index, character
            if character in _BLANKS or character in _NAME_MARKS or unicodedata.category(character)[0] in "LN":
                continue
            what = f"`{character}` stands in the variable name `{self.shown(start)}`"
            should = "should be letters, digits, _ . - [ or ]"
            self.refuse(index, f"{what}, {should}", "write NAME=value, and quote values that hold line ends")
        return len(self.text), ""

    def value(self, name: str, name_place: Place) -> Entry:
        quote = self.text[self.position : self.position + 1]
        if quote not in {"'", '"'}:
            return self.unquoted(name, name_place)
        characters, indices, end = self.quoted(quote)
        start, self.position = self.position + 1, end + 1
        if quote == "'":
            template = Template(characters, 0, len(characters), ())
            outcome = Outcome(characters)
        else:
            if characters.count("\\") > _MOST_ESCAPES:
                what = f"the value has more than {_MOST_ESCAPES:,} backslashes, should have fewer"
                self.refuse(start, what, "make it shorter")
            characters, indices = _unescape(characters, indices)
            template, outcome = self.expand(characters, indices.__getitem__)
        return self.entry(name, name_place, start, template, outcome, lambda offset: indices[offset])

    def unquoted(self, name: str, name_place: Place) -> Entry:
        start = self.position
        end = self.text.find("\n", start)
        line = self.text[start:] if end < 0 else self.text[start:end]
        self.position = len(self.text) if end < 0 else end + 1
        raw = line.partition(" #")[0].rstrip(_SPACE)
        template, outcome = self.expand(raw, lambda offset: start + offset)
        return self.entry(name, name_place, start, template, outcome, lambda offset: start + offset)

    def entry(  # noqa: PLR0913, PLR0917 - the parts of one statement
        self,
        name: str,
        name_place: Place,
        start: int,
        template: Template,
        outcome: Outcome,
        index: Callable[[int], int],
    ) -> Entry:
        place = self.place(start)
        self.room.take(lambda: place, text=len(outcome.text), hops=len(outcome.steps))
        if outcome.steps:
            # What nests is walked over once for each level.
            self.room.hops -= template.source.count("${") ** 2 // 16
        return Entry(
            name,
            outcome.text,
            place,
            name_place,
            template=template,
            outcome=outcome,
            locate=lambda offset: self.place(index(offset)),
        )

    def expand(self, raw: str, index: Callable[[int], int]) -> tuple[Template, Outcome]:
        template = parse(raw)
        try:
            return template, evaluate(template, self.look_up, lazy=self.lazy)
        except TemplateError as error:
            place = self.place(index(error.offset))
            raise SourceError(error.message, place=place, fix=error.fix) from error

    def look_up(self, name: str) -> str | None:
        found = self.lookup(name)
        return self.known.get(name) if found is None else found

    def quoted(self, quote: str) -> tuple[str, Sequence[int], int]:
        """Return what stands in quotes, the index of each of its characters, and that of the closing quote."""
        texts: list[str] = []
        indices = array("l")
        for piece in _QUOTED[quote].finditer(self.text, self.position + 1, self.position + LONGEST + 2):
            text, begin, end = piece[0], *piece.span()
            if text == quote:
                return "".join(texts), indices + array("l", [begin]), begin
            kept = quote if text == f"\\{quote}" else text
            texts.append(kept)
            indices.extend(range(end - len(kept), end))
        if self.position + LONGEST + 1 < len(self.text):
            what = f"`{self.shown(self.position)}` begins a quoted value of more than {LONGEST:,} characters"
            self.refuse(self.position, f"{what}, should be shorter", f"close it with {quote}")
        what = f"{self.shown(self.position)} begins a quoted value that does not end"
        self.refuse(self.position, what, f"close it with {quote}")
        raise AssertionError

    def shown(self, index: int) -> str:
        """Return the rest of a line as an error quotes it."""
        return clipped(self.text[index : index + 2 * SHOWN].split("\n", 1)[0])

    def skip_blanks(self, position: int) -> int:
        while position < len(self.text) and self.text[position] in _BLANKS:
            position += 1
        return position

    def refuse(self, index: int, message: str, fix: str) -> None:
        raise SourceError(message, place=self.place(index), fix=fix)


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _unescape(characters: str, indices: Sequence[int]) -> tuple[str, Sequence[int]]:
    if "\\" not in characters:
        return characters, indices
    texts: list[str] = []
    kept = array("l")
    position = 0
    for match in _ESCAPE.finditer(characters):
        replacement = _unescaped(match.group())
        texts.extend((characters[position : match.start()], replacement))
        kept.extend(indices[position : match.start()])
        kept.extend([indices[match.start()]] * len(replacement))
        position = match.end()
    texts.append(characters[position:])
    kept.extend(indices[position:])
    return "".join(texts), kept


def _unescaped(escape: str) -> str:
    """Return what one escape stands for; a backslash and 0ddd is octal, and loses its 0 where it is none."""
    if escape[1] != "0":
        return _ESCAPED.get(escape[1], escape)
    digits = escape[2:]
    is_octal = len(digits) == _OCTAL_DIGITS and not set(digits) & set("89") and int(digits, 8) <= _HIGHEST_OCTAL
    return chr(int(digits, 8)) if is_octal else "\\" + digits


def is_dotenv(path: str) -> bool:
    """Say whether the name of `path` is one that dotenv files and their templates have."""
    name = (template_of(path) or path).rpartition("/")[2]
    return name == ".env" or name.startswith(".env.") or name.endswith(".env")


def read(source: SourceFile) -> Read:
    """Report the sites of a dotenv file, each value as it is when nothing else sets a variable."""
    problems: list[tuple[Place, str]] = []
    entries = read_entries(source, problems=problems)
    sites = [site for entry in entries if entry.name for site in _sites(entry)]
    names = {entry.name for entry in entries if entry.bare and entry.name}
    for entry in entries:
        names.update(expansion.name for expansion in (entry.template.expansions() if entry.template else ()))
    return Read(tuple(sites), frozenset(names), tuple(problems))


def _sites(entry: Entry) -> Iterator[Site]:
    if entry.bare or entry.template is None or entry.outcome is None:
        return
    value = None if any(entry.outcome.unset()) else entry.value
    if not _is_handed_on(entry.template):
        yield Site(entry.name, value, entry.place, "dotenv")
    for expansion in entry.template.expansions():
        if expansion.has_default and expansion.argument is not None and expansion.argument.is_literal:
            into = entry.name if expansion is entry.template.whole else None
            place = entry.locate(expansion.argument.start)
            yield Site(expansion.name, expansion.argument.source, place, "dotenv", into=into)


def _is_handed_on(template: Template) -> bool:
    """Say whether a value is one expansion with a literal default: then the default is the site, for both names."""
    whole = template.whole
    return whole is not None and whole.has_default and whole.argument is not None and whole.argument.is_literal


READER = Reader("dotenv", is_dotenv, read)
