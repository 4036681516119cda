"""Code of one file: environment reads with their defaults, named values, and every other string of one word."""

from __future__ import annotations

import re

from pytest_newscreator.sources.bodies import is_json_object, json_sites
from pytest_newscreator.sources.literals.branches import later_defaults
from pytest_newscreator.sources.literals.commands import called_in, calls
from pytest_newscreator.sources.literals.compared import is_compared
from pytest_newscreator.sources.literals.environment import Reading, default_of, reading
from pytest_newscreator.sources.literals.languages import Language
from pytest_newscreator.sources.literals.lexer import Token, lex, spelled_string
from pytest_newscreator.sources.literals.overwriting import overwrites
from pytest_newscreator.sources.literals.pairs import destructured, members, placeholders, schemas, tags
from pytest_newscreator.sources.literals.stream import Stream
from pytest_newscreator.sources.order import in_order
from pytest_newscreator.sources.sites import Read, Site, SiteKind, SourceFile

_ONE_WORD = re.compile(r"\S{1,300}\Z")
_OLLAMA = re.compile(r"\bollama\s")
_TELLING = re.compile(r"[^\W_]")


def read_code(source: SourceFile, language: Language) -> Read:
    """Read one file of a language that we know the strings of."""
    return read_tokens(source, lex(source.text, language), language)


def read_tokens(source: SourceFile, tokens: list[Token], language: Language) -> Read:
    """Read one file by its tokens."""
    stream = Stream(source.path, source.text, tokens)
    if not language.is_data:
        _environment(stream)
        schemas(stream)
    members(stream, is_data=language.is_data)
    _strings(stream, language)
    if language.name == "powershell":
        called = (token.start for token in tokens if token.kind == "name" and token.text.lower() == "ollama")
        stream.sites.extend(site for start in called for site in calls(source.text, start, stream.lines))
    return Read(in_order(stream.sites), frozenset(stream.reads))


def _environment(stream: Stream) -> None:
    """Report the reads of the environment."""
    bare: list[Reading] = []
    for index, token in enumerate(stream.tokens):
        if token.kind != "name" or index in stream.skipped or stream.joins(index - 1):
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


def _strings(stream: Stream, language: Language) -> None:
    """Report what strings say that nothing else has reported: one word, a request body, a tag, a placeholder."""
    for index, token in enumerate(stream.tokens):
        if token.kind != "string" or index in stream.consumed or index in stream.skipped:
            continue
        text = token.text
        if not (tags(stream, token) or ((language.placeholders or language.is_data) and placeholders(stream, token))):
            if _ONE_WORD.match(text):
                if _TELLING.search(text):
                    kind: SiteKind = "compared" if is_compared(stream, index, language.name) else "literal"
                    stream.sites.append(Site(None, text, stream.lines.place(token.start), kind))
            elif is_json_object(text):
                for piece in spelled_string(stream.text, token, language):
                    stream.sites.extend(json_sites(piece, stream.lines.place, ""))
            elif _OLLAMA.search(text):
                for piece in spelled_string(stream.text, token, language):
                    stream.sites.extend(called_in(piece, stream.lines.place))
