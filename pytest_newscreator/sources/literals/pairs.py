"""Names with values beside them: members of objects, struct tags, schemas of variables, options of commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pytest_newscreator.sources.literals.lexer import Token
from pytest_newscreator.sources.literals.overwriting import how_sure, put_in
from pytest_newscreator.sources.literals.scripts import PLACEHOLDER
from pytest_newscreator.sources.literals.stream import VARIABLE, Stream, Value
from pytest_newscreator.sources.ollama.request_options import REQUEST_OPTIONS

_REQUESTS = re.compile(r"ollama|/api/(?:chat|generate|embed)|num_?ctx", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TAG = re.compile(r"\b(?:env|envconfig):\"(?P<name>[A-Za-z_]\w*)(?:,[^\"]*?\bdefault=(?P<inline>[^\",]*))?[^\"]*\"")
_TAG_DEFAULT = re.compile(r"\b(?:envDefault|default):\"(?P<value>[^\"]*)\"")
_ENV_KEY = re.compile(r"env(_?vars?|ironment(_?variable)?s?|_?name)?s?\Z", re.IGNORECASE)
_DEFAULT_KEY = re.compile(r"default\w*\Z|dev_?default\Z", re.IGNORECASE)
_VALUE_KEY = re.compile(r"default\w*\Z|value\Z", re.IGNORECASE)
_PAIRING: Final = {"scala": "->", "kotlin": "to"}
"""What stands between a key and its value where a language has a word of its own for a pair."""
_BEFORE_KEY: Final = ("{", ",", "(", "[")
_CONSPICUOUS = re.compile(r"[A-Z][A-Z0-9_]{2,}\Z")
_LONGEST_SCHEMA = 60


def members(stream: Stream, language: str, *, is_data: bool) -> None:
    """Report `key: value` for request options, for names like variables, and in data for every key."""
    pairing = (":", "=>", "=", _PAIRING.get(language, ":"))
    asks = is_data or _REQUESTS.search(stream.text) is not None
    options: list[tuple[int, str, Value]] = []
    for index, token in enumerate(stream.tokens):
        if token.kind not in {"name", "string"} or index in stream.skipped:
            continue
        if not stream.is_(index + 1, *pairing) or stream.is_(index - 1, "?"):
            continue
        if is_data:
            stream.consumed.add(index)
        value = stream.literal(index + 2)
        if value is None or value.token is None or not _is_key(stream, index, value, is_data=is_data):
            continue
        if is_data:
            _setting(stream, index, value)
            continue
        option = _HUMP.sub("_", token.text).lower()
        if asks and option in REQUEST_OPTIONS and (option != "model" or value.token.kind == "string"):
            options.append((index, option, value))
            continue
        call = put_in(stream, index)
        if call is not None or (_CONSPICUOUS.match(token.text) and not stream.is_(index + 1, "=")):
            stream.consumed.add(index)
            how = how_sure(stream, call, token.text) if call is not None else ""
            stream.add(token.text, value, "literal" if call is None else "code-default", overwrites=how)
    _requests(stream, options)


def _is_key(stream: Stream, index: int, value: Value, *, is_data: bool) -> bool:
    """Tell whether a name begins a member, and its value ends there."""
    if is_data:
        return not (value.token and value.token.kind == "string" and re.search(r"\s", value.token.text.strip()))
    if stream.is_(index + 1, "=") and not stream.is_(index - 1, "(", ","):
        return False
    starts = stream.is_(index - 1, *_BEFORE_KEY)
    return starts and (stream.is_(value.after, ",", "}", ")", "]") or stream[value.after].start < 0)


def _setting(stream: Stream, index: int, value: Value) -> None:
    """Report a pair of a data file; `name = X` beside it, or the block `variable "x"`, say what it is the value of."""
    name = stream[index].text.rpartition(".")[2]
    if name in {"value", "default"}:
        name = _beside(stream, index) or name
    if stream[index + 2].kind == "string":
        stream.consumed.add(index + 2)
        if placeholders(stream, stream[index + 2]):
            return
    stream.add(name, value, "literal")


def _beside(stream: Stream, index: int) -> str | None:
    """Return the name that goes with a `value`, in the same brackets or before them."""
    for at in stream.group(index):
        if (
            stream[at].text in {"name", "key", "Name"}
            and stream.is_(at + 1, "=", ":")
            and stream[at + 2].kind == "string"
        ):
            return stream[at + 2].text
    opening = stream.inside[index]
    is_block = stream.is_(opening - 2, "variable") and stream[opening - 1].kind == "string"
    return stream[opening - 1].text if is_block else None


def _requests(stream: Stream, options: list[tuple[int, str, Value]]) -> None:
    """Report request options with the model of the innermost brackets around them that name one."""
    models = {
        stream.inside[index]: value.token.text for index, name, value in options if name == "model" and value.token
    }
    for index, name, value in options:
        opening = stream.inside[index]
        while opening >= 0 and opening not in models:
            opening = stream.inside[opening]
        stream.consumed.add(index)
        stream.add(name, value, "json-body", model=models.get(opening))


def tags(stream: Stream, token: Token) -> bool:
    """Report a struct tag with a variable's name and default; tell whether the string was one."""
    found = _TAG.search(token.text) if "env" in token.text else None
    if found is None:
        return False
    stream.reads.add(found["name"])
    default = _TAG_DEFAULT.search(token.text)
    if found["inline"] is not None:
        _part(stream, token, found, "inline")
    elif default is not None:
        _part(stream, token, default, "value", name=found["name"])
    return True


def placeholders(stream: Stream, token: Token) -> bool:
    """Report `${X:d}` in a string; tell whether there was one."""
    raw = stream.text[token.start : token.end]
    matches = list(PLACEHOLDER.finditer(raw)) if "${" in raw else []
    for match in matches:
        stream.reads.add(match["name"])
        start = token.start + match.start("value")
        stream.add(match["name"], Value(Token("string", match["value"], start, start), start, 0), "code-default")
    return bool(matches)


def _part(stream: Stream, token: Token, match: re.Match[str], group: str, name: str | None = None) -> None:
    start = token.start + match.start(group)
    value = Value(Token("string", match[group], start, start), start, 0)
    stream.add(name or match["name"], value, "code-default")


def schemas(stream: Stream) -> None:
    """Report `X: z.string().default("d")`, and `env = "X"` beside `default_value = "d"`."""
    for index, token in enumerate(stream.tokens):
        if token.kind not in {"name", "string"} or index in stream.skipped:
            continue
        if stream.is_(index + 1, ":") and VARIABLE.match(token.text) and stream.is_(index - 1, "{", ","):
            if stream[index + 2].kind == "name":
                _schema(stream, index)
        elif token.kind == "name" and _ENV_KEY.match(token.text):
            _option(stream, index)


def _schema(stream: Stream, index: int) -> None:
    """Report the default in the description of one variable."""
    name, around = stream[index].text, stream.inside[index]
    for at in range(index + 2, index + _LONGEST_SCHEMA):
        if at >= len(stream.tokens) or (stream.inside[at] == around and stream.is_(at, ",", "}", ";")):
            return
        if stream[at].kind == "name" and _DEFAULT_KEY.match(stream[at].text) and stream.is_(at + 1, "(", ":", "="):
            value = stream.literal(at + 2)
            if value is not None:
                stream.reads.add(name)
                stream.add(name, value, "code-default")
            return


def _option(stream: Stream, index: int) -> None:
    """Report a command line option that names its variable, with the default beside it."""
    if not stream.is_(index + 1, "=", ":", "("):
        return
    near = range(index + 2, index + 7)
    at = next((at for at in near if stream[at].kind == "string"), None)
    if at is None or not VARIABLE.match(stream[at].text) or any(stream.is_(x, ",", ";") for x in range(index, at)):
        return
    name = stream[at].text
    keys = _around(stream, index) if stream.is_(index + 1, "(") else iter(stream.group(index))
    for key in keys:
        if stream[key].kind == "name" and _VALUE_KEY.match(stream[key].text) and stream.is_(key + 1, "=", ":", "("):
            value = stream.literal(key + 2)
            if value is not None:
                stream.reads.add(name)
                stream.consumed.add(at)
                stream.add(name, value, "code-default")
                return


def _around(stream: Stream, index: int) -> Iterator[int]:
    """Yield the names of the calls that are chained to the one at `index`."""
    at = index
    while stream.is_(stream.close(at + 1) + 1, ".") and stream.is_(stream.close(at + 1) + 3, "("):
        at = stream.close(at + 1) + 2
        yield at
    at = index
    while stream.is_(at - 1, ".") and stream.is_(at - 2, ")") and at - 2 in stream.partner:
        at = stream.partner[at - 2] - 1
        yield at


def destructured(stream: Stream) -> Iterator[tuple[str, Value | None]]:
    """Yield the variables of `const { X = "d", Y } = process.env`, with their defaults."""
    for index, token in enumerate(stream.tokens):
        if token.text != "env" or not stream.is_(index - 2, "process", "meta", "Bun") or stream.joins(index + 1):
            continue
        equals = index - 3 if stream.is_(index - 2, "process", "Bun") else index - 5
        if stream.is_(equals, "=") and stream.is_(equals - 1, "}") and equals - 1 in stream.partner:
            yield from _entries(stream, range(stream.partner[equals - 1] + 1, equals - 1))


def _entries(stream: Stream, entries: range) -> Iterator[tuple[str, Value | None]]:
    for at in entries:
        if stream[at].kind == "name" and stream.is_(at - 1, "{", ","):
            equals = at + 3 if stream.is_(at + 1, ":") else at + 1
            yield stream[at].text, stream.literal(equals + 1) if stream.is_(equals, "=") else None
