"""JSON request bodies and Modelfiles that a script, a Dockerfile or a Compose file carries inside itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import UNKNOWN, Locate, Spelled, joined
from pytest_newscreator.sources.ollama.modelfile_grammar import COMMANDS, Span, scan
from pytest_newscreator.sources.ollama.modelfile_parameters import KINDS
from pytest_newscreator.sources.sites import Site, SiteKind

_OBJECT = re.compile(r'\s*(?:\[\s*)?\{\s*"')
_MEMBER = re.compile(
    r'"(?P<key>(?:[^"\\]|\\.)*)"\s*:\s*'
    r'(?:"(?P<string>(?:[^"\\]|\\.)*)"|(?P<bare>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false)(?=[\s,}\]]|$))'
)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_BASE_OR_PARAMETER = re.compile(r"^[ \t]*(?:FROM|PARAMETER)[ \t]", re.IGNORECASE | re.MULTILINE)
_DESTINATION = re.compile(r"modelfile|(?:^|[\s/])ollama create\b", re.IGNORECASE)
_INNER = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*"
_VARIABLE = re.compile(rf"\$(?:([A-Za-z_]\w*|\d)|\{{([A-Za-z_]\w*|\d+)(?::?[-=?]{_INNER})?\}})")


def is_json_object(text: str) -> bool:
    """Tell whether a text is meant as a JSON object, judged by how it begins."""
    return _OBJECT.match(text) is not None


def json_sites(body: Spelled, locate: Locate, scope: str) -> Iterator[Site]:
    """Yield one site a member with a plain value, at any depth; members that cannot be known are left out."""
    members = list(_MEMBER.finditer(body.text))
    model = _model(members)
    for member in members:
        group = "string" if member["string"] is not None else "bare"
        if member["key"] == "modelfile" and group == "string":
            inside = unescaped(body.cut(member.start(group), member.end(group)))
            yield from embedded_modelfile(inside, locate, scope, model)
            continue
        if UNKNOWN in member[group] or UNKNOWN in member["key"]:
            continue
        value = _unescaped(member["string"]) if group == "string" else member["bare"]
        place = locate(body.cut(member.start(group)).start)
        yield Site(member["key"], value, place, "json-body", scope=scope, model=model)


def _model(members: list[re.Match[str]]) -> str | None:
    """Return the model that a body names; a body that names several, or one that is computed, has none."""
    named = {member["string"] for member in members if member["key"] == "model" and member["string"] is not None}
    name = named.pop() if len(named) == 1 else UNKNOWN
    return None if UNKNOWN in name else _unescaped(name)


def embedded_modelfile(text: Spelled, locate: Locate, scope: str, model: str | None) -> Iterator[Site]:
    """Yield what the Modelfile in a request says of the model that the request creates, where that is known."""
    for site in modelfile_sites(text, locate, scope, "", model):
        if site.value is not None:
            yield site


def unescaped(body: Spelled) -> Spelled:
    """Return what the inside of a JSON string says, each character where its escape stands."""
    pieces: list[Spelled] = []
    last = 0
    for escape in _ESCAPE.finditer(body.text):
        pieces.append(body.cut(last, escape.start()))
        text = _unescaped(escape[0])
        start = body.at[escape.start()]
        pieces.append(Spelled(text, (start,) * len(text), start))
        last = escape.end()
    return joined([*pieces, body.cut(last)], body.start)


def _unescaped(text: str) -> str:
    """Return what the inside of a JSON string says; a text with a wrong escape stays as it is."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def is_modelfile(text: str, command: str, target: str) -> bool:
    """Tell whether a text is a Modelfile: by what it says and, where that is little, by where it goes.

    `command` is what it is given to, `target` the file it is written to.
    """
    if not _BASE_OR_PARAMETER.search(text):
        return False
    spans = _spans(text)
    names_base = any(span.keyword == "FROM" for span in spans)
    sets = any(span.keyword == "PARAMETER" and span.name in KINDS for span in spans)
    return (sets and (names_base or bool(target))) or (
        (sets or names_base) and bool(_DESTINATION.search(f"{command} {target}"))
    )


def _spans(text: str) -> list[Span]:
    """Return the commands of a Modelfile by Ollama's own grammar."""
    return [span for span in scan(text, frozenset(COMMANDS)) if isinstance(span, Span)]


def modelfile_sites(body: Spelled, locate: Locate, scope: str, source: str, model: str | None = None) -> Iterator[Site]:
    """Yield the FROM and PARAMETER values of a Modelfile inside another file, whose text is `source`.

    `scope` says where the Modelfile goes, `model` what is created of it. A FROM that is wholly a variable is the
    variable's, handed on: its default, where it has one, is a site of its own.
    """
    for span in _spans(body.text):
        piece = _value(body, span)
        kind = _kind(span)
        if kind is None:
            continue
        variable = _variable(body, span, source) if kind == "modelfile-from" or piece.text == UNKNOWN else None
        place, name = locate(piece.start), "FROM" if kind == "modelfile-from" else span.name
        if variable is None:
            yield Site(name, piece.value, place, kind, None, scope, model)
        else:
            yield Site(
                None if variable.isdecimal() else variable, None, place, kind, name, scope, model, handed_on=True
            )


def _kind(span: Span) -> SiteKind | None:
    """Return what kind of site a command is: `PARAMETER model x` is FROM to Ollama."""
    if span.name == "model":
        return "modelfile-from"
    is_parameter = span.keyword == "PARAMETER" and bool(span.name) and span.name.upper() not in COMMANDS
    return "modelfile-parameter" if is_parameter else None


def _value(body: Spelled, span: Span) -> Spelled:
    """Return the value of a command with its offsets; one that drops characters keeps those of its first."""
    piece = body.cut(span.value_start, span.value_start + len(span.value))
    return piece if piece.text == span.value else Spelled(span.value, (piece.start,) * len(span.value), piece.start)


def _variable(body: Spelled, span: Span, source: str) -> str | None:
    """Return the variable that a value consists of, by what is written in the file."""
    end = span.value_start + len(span.value)
    if span.value[:1] in {"", "$"} or not 0 < span.value_start < end <= len(body.at):
        return None
    first, last = body.at[span.value_start], body.at[end - 1]
    for start in (body.at[span.value_start - 1] + 1, source.rfind("$", 0, first + 1)):
        found = _VARIABLE.match(source, start) if start >= 0 else None
        if found is not None and found.start() <= first <= last < found.end():
            return found[1] or found[2]
    return None
