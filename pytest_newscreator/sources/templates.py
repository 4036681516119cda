"""Templates of files: `c.yml.j2` is read as `c.yml`, with its placeholders as values that nobody knows.

What stands in for a hole is as long as the hole, so that every place stays where it is, and it is a letter, so that no
reader of whatever language stumbles over it. A default inside a hole stays as it is: the value without letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SiteKind, SourceFile

_FILLED = frozenset({"j2", "jinja", "jinja2", "tmpl", "tpl", "gotmpl", "erb", "ejs", "mustache", "hbs", "template"})
_COPIED = frozenset({"example", "sample", "dist"})
_WHOLE = frozenset(
    {"dockerfile", "containerfile", "modelfile", "makefile", "gnumakefile", "justfile", "procfile", "entrypoint"}
)

# Letters of one script that no program is written in.
_UNKNOWN, _AROUND, _CHOICE = "\ua66e", "\ua66d", "\ua66c"
_FILLERS = re.compile(f"[{_UNKNOWN}{_AROUND}{_CHOICE}]")
_CHOICES = re.compile(f"[^{_CHOICE}]+")
_CONTROL_LINE = re.compile(f"^(?P<head>[ \\t]*{_CHOICE}+)(?P<rest>[^\\n]*)", re.MULTILINE)

_OPENS = re.compile(r"\{\{|\{%|\{#|<%")
_CLOSES = {"{{": "}}", "{%": "%}", "{#": "#}", "<%": "%>"}
_COMMENT = re.compile(r"\{#|<%#|\{\{!|\{\{-?\s*/\*")
_CONTROL = re.compile(
    r"\{%|\{#|<%(?![=-]?=)|\{\{\s*[#/^!>]|"
    r"\{\{[-~]?\s*(?:(?:if|else|end|range|with|define|block|template|include)\b|/\*|\$\w+\s*:?=)"
)
_STRING = re.compile(r"(?P<quote>[\"'])(?P<text>[^\s\\\"'`]{1,300})(?P=quote)")
_ASKED = re.compile(
    r"(?:\b(?:default|d)\s*\(?|\bor(?:\s+[.$][\w.]*)?|\|\||\?\?|\belse|\b(?:fetch|getenv|coalesce)\(?[^()]*,)\s*\Z"
)
_NUMBER = re.compile(r"(?<![\w.\"'])(?P<text>-?\d[\d.]*|true|false)(?![\w.\"'])")
_REST = re.compile(
    r"(?:\s+[.$][\w.]*)?\s*(?:,\s*[Tt]rue\s*)?\)*\s*"
    r"(?:\|\s*(?:int|float|string|quote|squote|trim|to_?json|to_?yaml)\b\s*(?:\(\))?\s*)*[-~]?(?:\}\}|%>)\Z"
)
_JOINED = re.compile(r"[~+]|\bprintf\b|\blookup\b(?!.*\|)")
_HELD = re.compile(r"\b(?:eq|ne)\b[^|(){}]*\Z")


@frozen
class _Hole:
    """What a template fills in, or a word of control."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """Return where it ends."""
        return self.start + len(self.text)


def template_of(path: str) -> str | None:
    """Return the path of what a file is a template of, None where it is none."""
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    ending = ending.lower()
    if not dot or not stem.strip(".") or not (ending in _FILLED or ending in _COPIED):
        return None
    if stem in {"env", "dotenv"}:
        stem = ".env"
    elif ending in _FILLED and "." not in stem and stem.lower() not in _WHOLE:
        # Nothing says what it is of, so that only lines with a key and a value can be told.
        stem += ".ini"
    return f"{folder}{slash}{stem}"


def read(source: SourceFile, inner: str, read_: Callable[[SourceFile], Read]) -> Read:
    """Read a template as a file `inner`, by `read_`: what it gives for sure, and the names inside its holes."""
    is_filled = source.path.rpartition(".")[2].lower() in _FILLED
    holes = list(_holes(source.text)) if is_filled else []
    covered = _covered(source.text, holes)
    found = read_(SourceFile(inner, covered))
    if holes and found.problems and inner.endswith((".yaml", ".yml")):
        # A name that tells nothing leaves it to the reader of lines.
        found = read_(SourceFile("template.yaml", covered))
    sites = [replace(site, place=replace(site.place, path=source.path)) for site in found.sites]
    sites = [_as_deployed(site) for site in sites] if is_filled else sites
    if not holes:
        problems = tuple((replace(place, path=source.path), said) for place, said in found.problems)
        return Read(tuple(sites), found.reads, problems)
    told = [one for site in sites for one in _told(site)]
    taken = {site.place for site in told}
    told += [site for site in _inside(source, holes) if site.place not in taken]
    # What is wrong with a file before its holes are filled is no fault of it.
    return Read(in_order(told), frozenset(name for name in found.reads if not _FILLERS.search(name)))


def _as_deployed(site: Site) -> Site:
    """Return a site as one that counts in any case: no invocation loads a Compose file before it is filled."""
    kinds: dict[str, SiteKind] = {"compose-value": "literal", "compose-default": "code-default"}
    return replace(site, kind=kinds[site.kind], scope="") if site.kind in kinds else site


def _holes(text: str) -> Iterator[_Hole]:
    """Yield what a template fills in, and its words of control; an opening that nothing closes is neither."""
    position, open_ended = 0, set[str]()
    while (opening := _OPENS.search(text, position)) is not None:
        position = opening.end()
        end = -1 if opening[0] in open_ended else text.find(_CLOSES[opening[0]], position)
        if end < 0:
            open_ended.add(opening[0])
            continue
        position = end + 2
        yield _Hole(opening.start(), text[opening.start() : position])


def _covered(text: str, holes: Sequence[_Hole]) -> str:
    """Return a template without its holes: control around lines is blank, a default keeps its place."""
    pieces, position = [], 0
    for hole in holes:
        pieces += [text[position : hole.start], _cover(hole.text)]
        position = hole.end
    return _CONTROL_LINE.sub(_blank, "".join((*pieces, text[position:])))


def _blank(line: re.Match[str]) -> str:
    """Return a line whose first word is one of control without that word, and without the one at its end."""
    rest = line["rest"]
    kept = rest.rstrip(f"{_CHOICE} \t\r")
    return " " * len(line["head"]) + kept + rest[len(kept) :].replace(_CHOICE, " ")


def _cover(hole: str) -> str:
    """Return what stands in for one hole."""
    if _CONTROL.match(hole):
        return _filled(hole, _CHOICE)
    found = _default(hole)
    if found is None:
        return _filled(hole, _UNKNOWN)
    begin, end = found
    return _filled(hole[:begin], _AROUND) + hole[begin:end] + _filled(hole[end:], _AROUND)


def _filled(text: str, filler: str) -> str:
    """Return a text of the same length and lines made of one character."""
    return re.sub(r"[^\n]", filler, text)


def _default(hole: str) -> tuple[int, int] | None:
    """Return where the default of a hole stands that nothing changes: `default("d")`, `or "d"`, `fetch("X", "d")`."""
    for found in (*_STRING.finditer(hole), *_NUMBER.finditer(hole)):
        is_asked = _ASKED.search(hole, 0, found.start()) and not _JOINED.search(hole, 0, found.start())
        if is_asked and _REST.match(hole, found.end()):
            return found.span("text")
    return None


def _told(site: Site) -> Iterator[Site]:
    """Yield what a site says once the letters are taken off: one value, each of a choice, or nothing."""
    if any(_FILLERS.search(name) for name in (site.setting or "", site.into or "")):
        return
    if site.value is None and not site.handed_on:
        return
    value = site.value or ""
    if value.startswith(_CHOICE) and value.endswith(_CHOICE):
        for found in _CHOICES.finditer(value):
            yield from _told(_moved(site, found[0], found.start()))
    elif not _FILLERS.search(value):
        yield site
    elif _UNKNOWN not in value and _CHOICE not in value:
        bare = value.lstrip(_AROUND)
        yield _moved(site, bare.replace(_AROUND, ""), len(value) - len(bare))


def _moved(site: Site, value: str, columns: int) -> Site:
    """Return a site with another value that begins some columns behind it."""
    place = replace(site.place, column=site.place.column + columns)
    return replace(site, value=value, place=place)


def _inside(source: SourceFile, holes: Sequence[_Hole]) -> Iterator[Site]:
    """Yield the strings of one word inside the holes of a template, but for those that are only compared."""
    from pytest_newscreator.sources.literals.compared import is_compared_in

    lines = Lines(source.path, source.text)
    for hole in holes:
        for found in _STRING.finditer(hole.text) if not _COMMENT.match(hole.text) else ():
            begin, end = found.span("text")
            is_held = is_compared_in(hole.text, begin, end) or _HELD.search(hole.text, 0, begin - 1)
            kind: SiteKind = "compared" if is_held else "literal"
            yield Site(None, found["text"], lines.place(hole.start + begin), kind)
