"""JSON with something else inside: the scripts of a package.json, the code cells of a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import Lines, Spelled, joined
from pytest_newscreator.sources.literals.code import read_code, read_tokens
from pytest_newscreator.sources.literals.languages import LANGUAGES, NOTEBOOK
from pytest_newscreator.sources.literals.lexer import Token, lex, spelled_string
from pytest_newscreator.sources.literals.scripts import read_shell
from pytest_newscreator.sources.literals.stream import Stream
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SourceFile, merge

_JSON = LANGUAGES[".json"]
_LARGE = 200_000
_CONSPICUOUS = re.compile(
    r'"(?P<key>[A-Z][A-Z0-9]*_[A-Z0-9_]*|[a-z_]*model)"\s*:\s*(?:"(?P<text>[^"\\\s]+)"|(?P<bare>-?\d[\d.]*|true|false))'
    r'|"(?P<word>[\w./-]+:[\w.-]+)"(?!\s*:)'
)


def read_json(source: SourceFile) -> Read:
    """Read a JSON file; of a large one, which a program wrote, only what can be a setting or a model's name."""
    if len(source.text) < _LARGE:
        return read_code(source, _JSON)
    lines = Lines(source.path, source.text)
    sites = []
    for match in _CONSPICUOUS.finditer(source.text):
        group = next(name for name in ("text", "bare", "word") if match[name] is not None)
        sites.append(Site(match["key"], match[group], lines.place(match.start(group)), "literal"))
    return Read(tuple(sites))


def read_package(source: SourceFile) -> Read:
    """Read a package.json: its scripts by a shell, the rest as data."""
    tokens = lex(source.text, _JSON)
    stream = Stream(source.path, source.text, tokens)
    scripts: list[int] = []
    for index, token in enumerate(tokens):
        if token.text == "scripts" and stream.is_(index + 1, ":") and stream.is_(index + 2, "{"):
            scripts += [at for at in stream.group(index + 3) if stream.is_(at - 1, ":")]
    reads = [
        read_shell(piece, stream.lines.place, problems=False)
        for at in scripts
        for piece in spelled_string(source.text, tokens[at], _JSON)
    ]
    kept = [token._replace(kind="other") if at in set(scripts) else token for at, token in enumerate(tokens)]
    read = merge([read_tokens(source, kept, _JSON), *reads])
    return Read(in_order(read.sites), read.reads, read.problems)


def read_notebook(source: SourceFile) -> Read:
    """Read the code cells of a notebook: defaults of the environment and strings of one word, at their places."""
    tokens = lex(source.text, _JSON)
    stream = Stream(source.path, source.text, tokens)
    lines = Lines(source.path, source.text)
    found = merge([_cell(cell, source, lines) for cell in _cells(stream)])
    return Read(in_order(found.sites), found.reads, found.problems)


def _cells(stream: Stream) -> Iterator[Spelled]:
    """Yield the text of each code cell."""
    for index, token in enumerate(stream.tokens):
        if token.text != "cell_type" or not stream.is_(index + 1, ":") or stream[index + 2].text != "code":
            continue
        opening = stream.inside[index]
        for at in stream.group(index):
            if stream[at].text == "source" and stream.inside[at] == opening and stream.is_(at + 1, ":"):
                yield _joined(stream, at + 2)


def _joined(stream: Stream, index: int) -> Spelled:
    """Return the strings of a list as one text."""
    indexes = range(index + 1, stream.close(index)) if stream.is_(index, "[") else range(index, index + 1)
    strings: list[Token] = [stream[at] for at in indexes if stream[at].kind == "string"]
    pieces = [piece for token in strings for piece in spelled_string(stream.text, token, _JSON)]
    return joined(pieces, stream[index].start)


def _cell(cell: Spelled, source: SourceFile, lines: Lines) -> Read:
    """Read one cell, its places moved to where its text stands in the notebook."""
    read = read_tokens(SourceFile(source.path, cell.text), lex(cell.text, NOTEBOOK), NOTEBOOK)
    inner, locate = Lines(source.path, cell.text), cell.locator(lines.place)
    sites = []
    for site in read.sites:
        place = locate(inner.offset(site.place.line) + site.place.column - 1)
        sites.append(Site(site.setting, site.value, place, site.kind, model=site.model))
    return Read(tuple(sites), read.reads)
