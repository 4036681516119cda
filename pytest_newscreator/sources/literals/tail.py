"""The long tail of languages, whose strings Pygments knows: literals, without the defaults of environment reads."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.literals.compared import is_compared_in
from pytest_newscreator.sources.literals.lexer import Token
from pytest_newscreator.sources.sites import Read, Site, SiteKind, SourceFile

if TYPE_CHECKING:
    from pygments.lexer import Lexer

LEXERS = {
    ".hs": "haskell",
    ".ml": "ocaml",
    ".mli": "ocaml",
    ".fs": "fsharp",
    ".fsx": "fsharp",
    ".elm": "elm",
    ".nim": "nim",
    ".pas": "delphi",
    ".vb": "vb.net",
    ".f90": "fortran",
    ".coffee": "coffeescript",
    ".rkt": "racket",
    ".scm": "scheme",
    ".lisp": "common-lisp",
    ".tcl": "tcl",
    ".fish": "fish",
    ".gd": "gdscript",
    ".vala": "vala",
    ".hx": "haxe",
    ".raku": "raku",
    ".adb": "ada",
    ".sol": "solidity",
    ".gleam": "gleam",
    ".purs": "haskell",
}
_PLAIN = re.compile(r"(?P<quote>\"\"\"|'''|[\"'`])(?P<inside>[^\s\\\"'`]{1,300})(?P=quote)\Z")
_TELLING = re.compile(r"[^\W_]")


@cache
def _lexer(name: str) -> Lexer | None:
    """Return the lexer of that name; a Pygments without it leaves the language alone."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(name)
    except ClassNotFound:
        return None


def read_tail(source: SourceFile) -> Read:
    """Report the strings of one word; one that is built from pieces has no text of its own."""
    lexer = _lexer(LEXERS["." + source.path.rpartition(".")[2].lower()])
    if lexer is None:
        return Read()
    lines = Lines(source.path, source.text)
    sites = []
    for token in _strings(lexer, source.text):
        plain = _PLAIN.match(token.text)
        if plain and _TELLING.search(plain["inside"]):
            start = token.start + plain.start("inside")
            is_only_compared = is_compared_in(source.text, start, start + len(plain["inside"]))
            kind: SiteKind = "compared" if is_only_compared else "literal"
            sites.append(Site(None, plain["inside"], lines.place(start), kind))
    return Read(tuple(sites))


def _strings(lexer: Lexer, text: str) -> list[Token]:
    """Return each run of string tokens as it is written; documentation is a comment."""
    from pygments.token import String

    found: list[Token] = []
    for start, kind, written in lexer.get_tokens_unprocessed(text):
        if kind not in String or kind in String.Doc:
            continue
        if found and found[-1].end == start:
            last = found[-1]
            found[-1] = Token("string", last.text + written, last.start, start + len(written))
        else:
            found.append(Token("string", written, start, start + len(written)))
    return found
