"""The names of models inside a text that holds several words: a list, a map, JSON, an option, the query of an address.

`resolve/addresses.py` looks for something else in such texts: it keeps pairs together, and where there is no address it
has nothing to tell. Here each word counts for itself, whatever the others look like, unless the text is prose.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.ollama import names

_SEVERAL = re.compile(r"[=,;|&?\s\"\[{@]")
_ENTRY = re.compile(r"[^,;\n]+")
_WORD = re.compile(r"\S+")
_PIECE = re.compile(r"(?P<text>(?:[^=|&?@]|@(?!\w+://))*)(?P<mark>=>|[=|&?@]|\Z)")
_SIDES = re.compile(r"=>?|\|")
_NO_PROSE = re.compile(r"[\d:]")
_COMPARES = re.compile(r"[=!<>~]=|=~")
_AROUND = " \t\r\"'`()[]{}"
_PLAIN = re.compile(r"(?:[^\s\"'`(){}\[\]<>\\$]|\$\{[^{}]*\}|\$\w+)+")
_STRING = re.compile(
    r'"(?P<inside>(?:[^"\\]|\\.)*)"(?P<means>\s*:\s*(?P<text>")?(?P<value>(?:[^"\\]|\\.)*)(?(text)"))?'
)
_SED_MARKS = 3


@frozen
class Part:
    """A word that may be a model's name, and where it begins in the text; `is_key`: something is mapped from it."""

    name: str
    start: int
    is_key: bool = False


def parts(text: str, *, names_models: bool = False) -> Iterator[Part]:
    """Yield the words of a text that may name models, nothing where it is one word or prose.

    `names_models` says that nothing but models can stand in the text, so that blanks part names and no prose.
    """
    if not _SEVERAL.search(text) or _is_sed(text):
        return
    if text.lstrip()[:1] in {"[", "{"} and _is_json(text):
        yield from _of_json(text, names_models=names_models)
        return
    entries = list(_ENTRY.finditer(text))
    if any(len(side.split()) > 1 for entry in entries for side in _SIDES.split(entry[0])):
        entries = [word for entry in entries for word in _WORD.finditer(text, *entry.span())]
        if not names_models and not all(_NO_PROSE.search(entry[0]) for entry in entries):
            return
    for entry in entries:
        yield from _of_entry(entry[0], entry.start())


def is_tagged(text: str) -> bool:
    """Tell whether Ollama would take a text for a tagged model name."""
    return ":" in text and "://" not in text and names.parse(text).is_valid


def _is_sed(text: str) -> bool:
    """Tell whether a text is `s|a|b|`: it takes the first of its names away, wherever it finds it."""
    return text[:1] == "s" and text[1:2] in tuple("|,;=#@") and text.count(text[1:2]) == _SED_MARKS


def _is_json(text: str) -> bool:
    """Tell whether a text is JSON; an IPv6 address begins like a list, a section of an INI file too."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _of_json(text: str, *, names_models: bool) -> Iterator[Part]:
    """Yield the strings of JSON; a key that means another text only tells that text's old name or its label."""
    position = 0
    while (found := _STRING.search(text, position)) is not None:
        position = found.end("inside") + 1
        inside = found["inside"]
        if found["means"]:
            if found["text"] is None or "://" in found["value"]:
                yield Part(inside, found.start("inside"), is_key=True)
        elif _SEVERAL.search(inside):
            within = parts(inside, names_models=names_models)
            yield from (Part(one.name, found.start("inside") + one.start, one.is_key) for one in within)
        else:
            yield Part(inside, found.start("inside"))


def _of_entry(entry: str, start: int) -> Iterator[Part]:
    """Yield the words of one entry: `a`, `a=b`, `--a=b=c`, `http://a/?b=c`; the old name of a name is none."""
    if _COMPARES.search(entry):
        return
    pieces = [piece for piece in _PIECE.finditer(entry) if piece[0]]
    words = [piece["text"].strip(_AROUND) for piece in pieces]
    if not all(_PLAIN.fullmatch(word) for word in words if word):
        return
    for index, (piece, word) in enumerate(zip(pieces, words, strict=True)):
        means = words[index + 1] if piece["mark"] in {"=", "=>"} and index + 1 < len(words) else ""
        if word and not is_tagged(means.removeprefix(names.provider(means))):
            yield Part(word, start + piece.start() + piece["text"].index(word), is_key=bool(means))
