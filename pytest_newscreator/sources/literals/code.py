"""Code of one file: environment reads with their defaults, named values, and every other string of one word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.bodies import embedded_modelfile, is_json_object, is_modelfile, json_sites
from pytest_newscreator.sources.literals.branches import later_defaults
from pytest_newscreator.sources.literals.commands import called_in, calls
from pytest_newscreator.sources.literals.compared import is_compared
from pytest_newscreator.sources.literals.environment import Reading, default_of, reading
from pytest_newscreator.sources.literals.languages import Language
from pytest_newscreator.sources.literals.lexer import Token, lex, spelled_string
from pytest_newscreator.sources.literals.overwriting import overwrites, put_pair
from pytest_newscreator.sources.literals.pairs import destructured, members, placeholders, schemas, tags
from pytest_newscreator.sources.literals.stream import Stream
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SiteKind, SourceFile

_ONE_WORD = re.compile(r"\S{1,300}\Z")
_OLLAMA = re.compile(r"\bollama\s")
_TELLING = re.compile(r"[^\W_]")
_KEY = "modelfile"


def read_code(source: SourceFile, language: Language) -> Read:
    """Read one file of a language that we know the strings of."""
    return read_tokens(source, lex(source.text, language), language)


def read_tokens(source: SourceFile, tokens: list[Token], language: Language) -> Read:
    """Read one file by its tokens."""
    stream = Stream(source.path, source.text, tokens)
    if not language.is_data:
        _environment(stream)
        schemas(stream)
    members(stream, language.name, is_data=language.is_data)
    _strings(stream, language)
    if language.name == "powershell":
        called = (token.start for token in tokens if token.kind == "name" and token.text.lower() == "ollama")
        stream.sites.extend(site for start in called for site in calls(source.text, start, stream.lines))
    return Read(in_order(stream.sites), frozenset(stream.reads))


def _environment(stream: Stream) -> None:
    """Report the reads of the environment."""
    bare: list[Reading] = []
    for index, token in enumerate(stream.tokens):
        if token.kind != "name" or index in stream.skipped or _is_member(stream, index):
            continue
        found = reading(stream, index)
        if found is None:
            continue
        stream.reads.add(found.name)
        default = default_of(stream, found)
        if default is None:
            bare.append(found)
        else:
            stream.add(found.name, default, "code-default", overwrites=overwrites(stream, found))
    for name, value in destructured(stream):
        stream.reads.add(name)
        if value is not None:
            stream.add(name, value, "code-default")
    for name, value in later_defaults(stream, bare) if bare else ():
        stream.add(name, value, "code-default")


def _is_member(stream: Stream, index: int) -> bool:
    """Tell whether a name goes on with another one; PowerShell's `[Environment]::` is only where one begins."""
    return stream.joins(index - 1) and not (stream.is_(index - 1, "::") and stream.is_(index - 2, "]"))


def _strings(stream: Stream, language: Language) -> None:
    """Report what strings say that nothing else has reported: one word, a request body, a tag, a placeholder."""
    for index, token in enumerate(stream.tokens):
        if token.kind != "string" or index in stream.consumed or index in stream.skipped:
            continue
        fills = language.placeholders or language.is_data
        if put_pair(stream, index) or tags(stream, token) or (fills and placeholders(stream, token)):
            continue
        if not _ONE_WORD.match(token.text):
            stream.sites.extend(_inside(stream, index, language))
        elif _TELLING.search(token.text):
            kind: SiteKind = "compared" if is_compared(stream, index, language.name) else "literal"
            stream.sites.append(Site(None, token.text, stream.lines.place(token.start), kind))


def _inside(stream: Stream, index: int, language: Language) -> Iterator[Site]:
    """Yield what a longer string says: a request body, a Modelfile, a command."""
    token, locate = stream[index], stream.lines.place
    text = token.text
    is_given = _is_given(stream, index)
    if is_json_object(text):
        for piece in spelled_string(stream.text, token, language):
            yield from json_sites(piece, locate, "")
    elif is_modelfile(text, "", _KEY if is_given else ""):
        for piece in spelled_string(stream.text, token, language):
            yield from embedded_modelfile(piece, locate, "", _beside(stream, index) if is_given else None)
    elif _OLLAMA.search(text):
        for piece in spelled_string(stream.text, token, language):
            yield from called_in(piece, locate)


def _is_given(stream: Stream, index: int) -> bool:
    """Tell whether a string is the Modelfile of a request: `modelfile: "FROM …"`."""
    return stream[index - 2].text.lower() == _KEY and stream.is_(index - 1, ":", "=", "=>", "->")


def _beside(stream: Stream, index: int) -> str | None:
    """Return the model that the brackets around a string name."""
    around = stream.inside[index]
    for at in stream.group(index):
        if stream[at].text == "model" and stream.inside[at] == around and stream.is_(at + 1, ":", "=", "=>", "->"):
            value = stream.literal(at + 2)
            return value.token.text if value is not None and value.token is not None else None
    return None
