"""JSON request bodies and Modelfiles that a script or a Dockerfile carries inside itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pytest_newscreator.sources.lines import UNKNOWN, Locate, Spelled
from pytest_newscreator.sources.sites import Site, SiteKind

_OBJECT = re.compile(r'\s*(?:\[\s*)?\{\s*"')
_MEMBER = re.compile(
    r'"(?P<key>(?:[^"\\]|\\.)*)"\s*:\s*'
    r'(?:"(?P<string>(?:[^"\\]|\\.)*)"|(?P<bare>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false)(?=[\s,}\]]|$))'
)
_FROM = re.compile(r"^[ \t]*FROM[ \t]+(?P<value>\S.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(
    r"^[ \t]*PARAMETER[ \t]+(?P<name>\w+)[ \t]+(?P<value>\S.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE
)


def is_json_object(text: str) -> bool:
    """Tell whether a text is meant as a JSON object, judged by how it begins."""
    return _OBJECT.match(text) is not None


def json_sites(body: Spelled, locate: Locate, scope: str) -> Iterator[Site]:
    """Yield one site a member with a plain value, at any depth; members that cannot be known are left out."""
    members = list(_MEMBER.finditer(body.text))
    model = _model(members)
    for member in members:
        group = "string" if member["string"] is not None else "bare"
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


def _unescaped(text: str) -> str:
    """Return what the inside of a JSON string says; a text with a wrong escape stays as it is."""
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def is_modelfile(text: str, destination: str) -> bool:
    """Tell whether a here-document is a Modelfile: it has a PARAMETER line, or FROM and goes where one goes."""
    if _PARAMETER.search(text):
        return True
    return "modelfile" in destination.lower() and _FROM.search(text) is not None


def modelfile_sites(body: Spelled, locate: Locate, scope: str) -> Iterator[Site]:
    """Yield the FROM and PARAMETER lines of a Modelfile that is written by a here-document."""
    for line in _FROM.finditer(body.text):
        yield _line_site(body, line, ("FROM", "modelfile-from"), locate, scope)
    for line in _PARAMETER.finditer(body.text):
        yield _line_site(body, line, (line["name"], "modelfile-parameter"), locate, scope)


def _line_site(body: Spelled, line: re.Match[str], what: tuple[str, SiteKind], locate: Locate, scope: str) -> Site:
    """Return the site of one Modelfile line, without the double quotes that may stand around its value."""
    value = body.cut(line.start("value"), line.end("value"))
    if len(value.text) > 1 and value.text[0] == value.text[-1] == '"':
        value = value.cut(1, -1)
    setting, kind = what
    return Site(setting, value.value, locate(value.start), kind, scope=scope)
