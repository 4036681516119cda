"""Defaults that do not stand behind a read: given later to the variable it went into, or by a branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_newscreator.sources.literals.environment import Reading, choice
from pytest_newscreator.sources.literals.stream import Stream, Value

_FALLBACKS = frozenset({"??", "||", "?:", "//", "or"})
_IFS = frozenset({"if", "unless", "IF", "If"})
_MISSING = frozenset(
    {"!", "not", "unless", "==", "===", "empty", "isEmpty", "is_empty", "IsNullOrEmpty", "nil?", "err"}
)
_HEADER, _BODY = 40, 14


class Given(NamedTuple):
    """A default that a variable gets away from its read."""

    name: str
    value: Value


def later_defaults(stream: Stream, readings: Sequence[Reading]) -> Iterator[Given]:
    """Yield the defaults of reads that have none of their own."""
    bare = {reading.start: reading for reading in readings}
    holders: dict[str, tuple[str, int]] = {}
    for reading in readings:
        holder = _holder(stream, reading.start)
        if holder is not None:
            holders[holder] = (reading.name, reading.end)
    for index, token in enumerate(stream.tokens):
        if token.kind != "name":
            continue
        if token.text in _IFS:
            yield from _branch(stream, index, bare, holders)
        elif token.text == "match" and index + 1 in bare:
            yield from _failed(stream, bare[index + 1])
        elif token.text in holders and index >= holders[token.text][1]:
            found = stream.literal(index + 2) if stream.is_(index + 1, *_FALLBACKS) else None
            found = choice(stream, index + 1) if stream.is_(index + 1, "?") else found
            if found is not None and not stream.joins(index - 1):
                yield Given(holders[token.text][0], found)


def _holder(stream: Stream, start: int) -> str | None:
    """Return the variable that a read goes into: `v := os.Getenv("X")`, `v, ok := …`, `let v: T = …`."""
    if not stream.is_(start - 1, "=", ":="):
        return None
    index = start - 2
    while stream.is_(index - 1, ",") and stream[index - 2].kind == "name":
        index -= 2
    if stream.is_(index - 1, ":") and stream[index - 2].kind == "name":
        index -= 2
    return stream[index].text if stream[index].kind == "name" and not stream.joins(index - 1) else None


def _branch(
    stream: Stream, index: int, bare: Mapping[int, Reading], holders: Mapping[str, tuple[str, int]]
) -> Iterator[Given]:
    """Yield the default that `if` gives where a read came to nothing, in its own block or in the other one."""
    header = _header(stream, index)
    names = {bare[at].name for at in header if at in bare}
    names = names or {holders[stream[at].text][0] for at in header if stream[at].text in holders}
    if len(names) != 1:
        return
    name = names.pop()
    body = _block(stream, header.stop)
    is_missing = stream.is_(index, "unless") or any(stream[at].text in _MISSING for at in header)
    if not is_missing:
        passed_on = (stream.is_(at, "return") or at in bare or _takes(stream, at, holders, name) for at in body)
        if not any(passed_on):
            return
        after = body.stop + 1 if stream.is_(body.stop, "}") else body.stop
        body = _block(stream, after + 1) if stream.is_(after, "else") else range(after, after + 1)
    whole = stream.literal(body.start) if stream.is_(body.start - 1, "{") else None
    if whole is not None and whole.token is not None and whole.after >= body.stop:
        yield Given(name, whole)
    for at in body:
        if stream.is_(at, "return") or _takes(stream, at, holders, name):
            found = stream.literal(at + 1)
            if found is not None and found.token is not None:
                yield Given(name, found)
            return


def _failed(stream: Stream, reading: Reading) -> Iterator[Given]:
    """Yield what `match env::var("X") { …, Err(_) => "d" }` takes where there is no variable."""
    opening = reading.end
    while stream.is_(opening, ".") and stream.is_(opening + 2, "("):
        opening = stream.close(opening + 2) + 1
    if not stream.is_(opening, "{"):
        return
    for at in range(opening, min(stream.close(opening), opening + _HEADER)):
        if stream.is_(at, "Err", "None", "_") and stream.inside[at] == opening:
            arrow = at + 1 if stream.is_(at + 1, "=>") else stream.close(at + 1) + 1
            found = stream.literal(arrow + 1) if stream.is_(arrow, "=>") else None
            if found is not None:
                yield Given(reading.name, found)


def _takes(stream: Stream, index: int, holders: Mapping[str, tuple[str, int]], name: str) -> bool:
    """Tell whether an assignment to the variable of a read stands at `index`."""
    return stream.is_(index, "=", ":=") and holders.get(stream[index - 1].text, ("",))[0] == name


def _header(stream: Stream, index: int) -> range:
    """Return the indexes of a condition."""
    if stream.is_(index + 1, "("):
        return range(index + 2, stream.close(index + 1) + 1)
    for at in range(index + 1, index + _HEADER):
        if stream.is_(at, "{", "then", ";") and not (stream.is_(at, ";") and stream.is_(index + 2, ":=", ",")):
            return range(index + 1, at)
    return range(index + 1, index + 1)


def _block(stream: Stream, index: int) -> range:
    """Return the indexes of a short block, or of the statement that stands instead of one."""
    if stream.is_(index, "then", ")"):
        index += 1
    if stream.is_(index, "{"):
        close = stream.close(index)
        return range(index + 1, close) if close - index <= _BODY else range(close, close)
    end = next((at for at in range(index, index + _BODY) if stream.is_(at, ";", "end", "}")), index + _BODY)
    return range(index, end)
