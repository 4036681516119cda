"""Reads of the environment in a stream of tokens, with the default that stands behind them, in any language."""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_newscreator.sources.literals.stream import VARIABLE, Stream, Value, first

_ASKS = re.compile(r"env|config\b|conf\b|settings|viper|getprop", re.IGNORECASE)
_SURE = re.compile(
    r"getenv|lookup_?env|get_?environment_?variable|get_env|fetch_env|\benv::var|\bENV\b|\benv\.(get|fetch)|option_env|"
    r"fromEnvironment",
    re.IGNORECASE,
)
_GIVES = re.compile(r"get|or|default|env|lookup|string|int|bool|float|fetch|config", re.IGNORECASE)
_WRITES = re.compile(r"^(un)?set|put|has|contains|exists|delete|remove", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[^\W\d][\w.-]*\Z")
_OBJECTS = frozenset({"env", "ENV", "$ENV", "$_ENV", "$_SERVER", "environ", "environment", "Environment"})
_OWNERS = frozenset({"process", "meta", "Bun", "Deno"})
_FALLBACKS = frozenset({"??", "||", "?:", "//", "or", "-or"})
_ASSIGNMENTS = frozenset({"=", "??=", "||=", "//=", ":="})
_OTHERWISE = re.compile(
    r"unwrap_or|unwrap_or_else|or_?else(get)?|or|get_?or_?else|get_?or_?default|default(_?value)?|if_?(empty|blank|null)|"
    r"map_or|withdefault|or_?null",
    re.IGNORECASE,
)
_CHOOSES = re.compile(
    r"or|coalesce|default\w*|first\w*|\w*orelse|\w*else|\w*or_?default|either|fallback", re.IGNORECASE
)
_DEFAULT_NAME = re.compile(r"\A[A-Z][A-Z0-9]*_[A-Z0-9_]*\Z|[Dd]efault")
_MOST_STEPS = 12


class Reading(NamedTuple):
    """A read of variable `name`, from token `start` to before `end`, with the default that the call itself gives."""

    name: str
    start: int
    end: int
    default: Value | None = None


def reading(stream: Stream, index: int) -> Reading | None:
    """Return the read of the environment that begins with the name at `index`, if it is one."""
    text = stream[index].text
    if text[:5].lower() == "$env:" or text[:6].lower() == "${env:":
        return Reading(text.partition(":")[2].rstrip("}"), index, index + 1)
    names, after = _chain(stream, index)
    return (
        _call(stream, index, names, after)
        or _subscript(stream, index, names, after)
        or _handed(stream, index, names[-1], after)
        or _member(stream, index)
    )


def _chain(stream: Stream, index: int) -> tuple[list[str], int]:
    """Return the names of `a.b().c`, and the index behind them."""
    names = [stream[index].text]
    index += 1
    for _ in range(_MOST_STEPS):
        if (
            stream.is_(index, "(")
            and stream.is_(index + 1, ")")
            and (stream.joins(index + 2) or stream.is_(index + 2, "["))
        ):
            index += 2
        elif (stream.joins(index) or stream.is_(index, "/")) and stream[index + 1].kind == "name":
            names += [stream[index].text, stream[index + 1].text]
            index += 2
        else:
            break
    if stream.is_(index, "<") and stream[index + 1].kind == "name" and stream.is_(index + 2, ">"):
        index += 3
    return names, index + 1 if stream.is_(index, "!") and stream.is_(index + 1, "(") else index


def _call(stream: Stream, start: int, names: list[str], after: int) -> Reading | None:
    """Return `getenv("X")`, `env.get("X", "d")`, `getEnvOr("X", "d")`, with or without brackets."""
    has_brackets = stream.is_(after, "(")
    first_argument = after + 1 if has_brackets else after
    token, whole = stream[first_argument], "".join(names)
    if token.kind != "string" or not token.text or not _ASKS.search(whole):
        return None
    expected = _IDENTIFIER if _SURE.search(whole) else VARIABLE
    if not expected.match(token.text):
        return None
    if not has_brackets and (not _SURE.search(whole) or stream[after - 1].kind != "name"):
        return None
    end = stream.close(after) + 1 if has_brackets else first_argument + 1
    stream.consumed.add(first_argument)
    if not has_brackets:
        default = stream.literal(end + 1) if stream.is_(end, ",") else None
        return Reading(token.text, start, default.after if default else end, default)
    return Reading(token.text, start, end, _argument(stream, first_argument, end - 1, names[-1]) or _block(stream, end))


def _argument(stream: Stream, name: int, close: int, callee: str) -> Value | None:
    """Return the default among the arguments behind the variable's name."""
    if not stream.is_(name + 1, ","):
        return None
    found = stream.literal(name + 2)
    if found is not None:
        return found
    for index in range(name + 2, min(close, name + 30)):
        if stream[index].text.lower().startswith("default") and stream.is_(index + 1, ":", "=", "=>"):
            return stream.literal(index + 2)
    inner = _nested(stream, name + 2)
    if inner is not None:
        return inner
    last = stream.chain_end(name + 2)
    only_a_name = stream[name + 2].kind == "name" and stream.is_(last + 1, ")", ",")
    if only_a_name and _GIVES.search(callee) and not _WRITES.search(callee):
        return Value(None, stream[name + 2].start, last + 1)
    return None


def _nested(stream: Stream, index: int) -> Value | None:
    """Return the default of another read that stands where a default is expected."""
    inner = reading(stream, index) if stream[index].kind == "name" else None
    return default_of(stream, inner) if inner is not None else None


def _block(stream: Stream, index: int) -> Value | None:
    """Return the value of `ENV.fetch("X") { "d" }`."""
    found = stream.literal(index + 1) if stream.is_(index, "{") else None
    return found if found is not None and stream.is_(found.after, "}") and found.token else None


def _subscript(stream: Stream, start: int, names: list[str], after: int) -> Reading | None:
    """Return `ENV["X"]`, `process.env["X"]`, `System.getenv()["X"]` and Perl's `$ENV{X}`."""
    if stream.is_(after, "?."):
        after += 1
    name, token = names[-1], stream[after + 1]
    is_known = name in _OBJECTS or "getenv" in name.lower()
    is_config = _ASKS.search(name) is not None and VARIABLE.match(token.text) is not None
    is_list = stream.is_(after, "[") and token.kind == "string" and (is_known or is_config)
    is_hash = stream.is_(after, "{") and name == "$ENV" and token.kind in {"string", "name"}
    if not (is_list or is_hash) or not stream.is_(after + 2, "]", "}"):
        return None
    stream.consumed.add(after + 1)
    return Reading(token.text, start, after + 3)


def _handed(stream: Stream, start: int, name: str, after: int) -> Reading | None:
    """Return `get(ENV, "X", "d")`: the environment handed to a function that looks something up in it."""
    token = stream[after + 1]
    is_read = name in _OBJECTS and stream.is_(after, ",") and token.kind == "string" and VARIABLE.match(token.text)
    if not is_read or _callee(stream, stream.inside[start]) not in {"get", "getOrDefault", "fetch", "get_env"}:
        return None
    stream.consumed.add(after + 1)
    default = stream.literal(after + 3) if stream.is_(after + 2, ",") else None
    return Reading(token.text, start, after + 2, default)


def _member(stream: Stream, start: int) -> Reading | None:
    """Return `process.env.X`, `import.meta.env.X`; of any other `env`, only what is called like a variable."""
    index, is_owned = start, False
    while stream.joins(index + 1) and stream[index + 2].kind == "name":
        if stream[index].text == "env":
            name = stream[index + 2].text
            called = stream.is_(index + 3, "(")
            return Reading(name, start, index + 3) if VARIABLE.match(name) or (is_owned and not called) else None
        is_owned = is_owned or stream[index].text in _OWNERS
        index += 2
    return None


def default_of(stream: Stream, read: Reading) -> Value | None:
    """Return the default that stands in a read, or behind it, also behind the calls around it."""
    if read.default is not None:
        return read.default
    start, index = read.start, read.end
    for _ in range(_MOST_STEPS):
        token = stream[index]
        if token.text == ")" and stream.partner.get(index) in {start - 1, start - 2}:
            start = _call_start(stream, stream.partner[index])
            index += 1
        elif stream.joins(index) and stream[index + 1].kind == "name":
            found, index = _method(stream, index + 1)
            if found is not None:
                return found
        elif token.text == "!" and token.kind == "operator":
            index += 1
        else:
            return _behind(stream, index, is_wrapped=start != read.start and stream.is_(start, "or"))
    return None


def _behind(stream: Stream, index: int, *, is_wrapped: bool) -> Value | None:
    """Return the default right behind a read: after an operator, in a choice, or as the other argument."""
    token = stream[index]
    if token.kind not in {"operator", "name"}:
        return stream.literal(index) if is_wrapped else None
    if token.text in {"?", "===", "!==", "==", "!="}:
        return choice(stream, index)
    chosen = token.text == "," and _CHOOSES.fullmatch(_callee(stream, stream.inside[index]))
    if token.text in _FALLBACKS or token.text in _ASSIGNMENTS or chosen:
        return stream.literal(index + 1) or _nested(stream, index + 1) or _elsewhere(stream, index + 1)
    return None


def _elsewhere(stream: Stream, index: int) -> Value | None:
    """Return a default that another file defines, known by its name: its value is not known here."""
    last = stream.chain_end(index)
    name = stream[last]
    if name.kind != "name" or stream.is_(last + 1, "(", "["):
        return None
    return Value(None, stream[index].start, last + 1) if _DEFAULT_NAME.search(name.text) else None


def _method(stream: Stream, index: int) -> tuple[Value | None, int]:
    """Step over a method behind a read; one that says what to take otherwise has the default among its arguments."""
    name, after = stream[index].text, index + 1
    if stream.is_(after, "::") and stream.is_(after + 1, "<"):
        after = next((at + 1 for at in range(after, after + _MOST_STEPS) if stream.is_(at, ">")), after)
    if not stream.is_(after, "("):
        return None, after
    close = stream.close(after)
    if _OTHERWISE.fullmatch(name):
        found = first(stream.literal(at) for at in range(after + 1, min(close, after + _MOST_STEPS)))
        return found, close + 1
    return None, close + 1


def choice(stream: Stream, index: int) -> Value | None:
    """Return what stands behind the `:` of `process.env.X ? process.env.X : "d"`, with or without a comparison."""
    if not stream.is_(index, "?"):
        index += 2
        if not stream.is_(index, "?"):
            return None
    for at in range(index + 1, index + 2 * _MOST_STEPS):
        if stream.is_(at, ":") and stream.inside[at] == stream.inside[index]:
            return stream.literal(at + 1)
        if stream.is_(at, ";") or at >= len(stream.tokens):
            return None
    return None


def _call_start(stream: Stream, opening: int) -> int:
    """Return where the call begins whose bracket stands at `opening`."""
    index = opening
    while stream[index - 1].kind == "name" or stream.joins(index - 1):
        index -= 1
    return index


def _callee(stream: Stream, opening: int) -> str:
    """Return the name of the function whose bracket stands at `opening`."""
    return stream[opening - 1].text if opening > 0 and stream[opening - 1].kind == "name" else "-"
