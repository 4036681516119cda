"""Whether code puts a value in the place of what its environment gives, rather than behind it as a default."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_newscreator.sources.literals.environment import Reading
from pytest_newscreator.sources.literals.lexer import Token
from pytest_newscreator.sources.literals.stream import Stream, Value
from pytest_newscreator.sources.sites import Overwrites

_PUTS = re.compile(r"(set|put)_?env|set_?environment_?variable|set_var", re.IGNORECASE)
_DECIDES = re.compile(r"\b(?:if|unless|when|while|and|or)\b|&&|\|\||(?<!<)\?", re.IGNORECASE)
_STARTS = frozenset({"main", "init"})
_JOINS = frozenset({"update", "merge!", "merge", "assign"})
_PAIR = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>[^\s]*)\Z")
_BLANK = re.compile(r"[ \t]*")
_HEADERS, _FAR = 3, 30


def overwrites(stream: Stream, read: Reading) -> Overwrites:
    """Return how sure it is that `process.env.X = "d"` or `os.Setenv("X", "d")` hides what is given."""
    return how_sure(stream, read.start, read.name) if _puts(stream, read) else ""


def how_sure(stream: Stream, index: int, name: str) -> Overwrites:
    """Return how sure it is that a statement which gives `name` a value comes to run, whatever that variable is.

    Where its line, or the head of a block around it, looks at the variable first, it gives a default.
    """
    start = stream[index].start
    begin, line = _line(stream.text, start)
    heads = [line, *_heads(stream.text, begin)]
    decides = [head for head in heads if _DECIDES.search(head)]
    if any(_looks_at(stream.text, head, name, is_own=head is line) for head in decides):
        return ""
    is_at_top = stream.inside[index] < 0 and not _BLANK.match(line)[0] and not _DECIDES.search(line)  # type: ignore[index]
    return "always" if is_at_top or _runs_first(stream, index) else "sometimes"


def _line(text: str, offset: int) -> tuple[int, str]:
    """Return where the line around an offset begins, and what it says."""
    begin, end = text.rfind("\n", 0, offset) + 1, text.find("\n", offset)
    return begin, text[begin : end if end >= 0 else len(text)]


def _heads(text: str, begin: int) -> Iterator[str]:
    """Yield the lines that are indented less and less above a line: the heads of the blocks around it."""
    _, line = _line(text, begin)
    depth, found = len(line) - len(line.lstrip()), 0
    for _ in range(_FAR):
        if begin == 0 or depth == 0 or found == _HEADERS:
            return
        begin, line = _line(text, begin - 1)
        if line.strip() and len(line) - len(line.lstrip()) < depth:
            depth, found = len(line) - len(line.lstrip()), found + 1
            yield line


def _looks_at(text: str, head: str, name: str, *, is_own: bool) -> bool:
    """Tell whether a line that decides something asks for a variable, itself or by what holds its value."""
    told = len(re.findall(rf"\b{re.escape(name)}\b", head))
    if told > int(is_own):
        return True
    words = set(re.findall(r"[$A-Za-z_]\w*", head))
    held = re.findall(rf"([$A-Za-z_]\w*)(?:,[ \t]*\w+)?[ \t]*:?=[^=\n][^\n]*\b{re.escape(name)}\b", text)
    return any(one in words and one != name for one in held)


def _puts(stream: Stream, read: Reading) -> bool:
    """Return whether a literal is assigned to a variable, or given to a function that sets one."""
    called = stream.is_(read.start, "ENV") and stream.is_(read.start + 2, "store")
    called = called or any(
        _PUTS.search(stream[index].text) for index in range(read.start, read.end) if stream[index].kind == "name"
    )
    given = read.default if called else stream.literal(read.end + 1) if stream.is_(read.end, "=") else None
    # C's `setenv("X", "d", 0)` leaves alone what is there.
    if called and given is not None and stream.is_(given.after, ",") and stream[given.after + 1].text == "0":
        return False
    return given is not None and given.token is not None


def _runs_first(stream: Stream, index: int) -> bool:
    """Return whether Go's `main` or `init` is around a statement, which run whatever is asked of the program."""
    opening = stream.inside[index]
    if opening < 0 or not stream.is_(opening - 1, ")"):
        return False
    name = stream.partner[opening - 1] - 1
    return stream[name].text in _STARTS and stream.is_(name - 1, "func")


def put_in(stream: Stream, index: int) -> int | None:
    """Return the call that puts the pair at `index` into the environment: `ENV.update("X" => "d")`, `Object.assign`."""
    opening = stream.inside[index]
    if stream.is_(opening, "{"):
        opening = stream.inside[opening]
    name = opening - 2 if stream.is_(opening - 1, "!") else opening - 1
    if opening < 0 or not stream.is_(opening, "(") or stream[name].text not in _JOINS:
        return None
    last = stream.chain_end(opening + 1)
    is_script = stream.is_(name - 2, "Object") and stream.is_(last, "env") and stream.is_(last - 2, "process", "Bun")
    return name - 2 if is_script or stream.is_(name - 2, "ENV") else None


def put_pair(stream: Stream, index: int) -> bool:
    """Report `putenv("X=d")`; tell whether the string at `index` is one."""
    token, callee = stream[index], _callee(stream, index)
    pair = _PAIR.match(token.text) if callee is not None else None
    if callee is None or pair is None or not stream.text.startswith(token.text, token.start):
        return False
    start = token.start + pair.start("value")
    value = Value(Token("string", pair["value"], start, token.end), start, index + 1)
    stream.reads.add(pair["name"])
    stream.add(pair["name"], value, "code-default", overwrites=how_sure(stream, callee, pair["name"]))
    return True


def _callee(stream: Stream, index: int) -> int | None:
    """Return the `putenv` that a string is given to, also behind C++'s `const_cast<char*>(…)`."""
    opening = stream.inside[index]
    if stream.is_(opening - 1, ">"):
        opening = stream.inside[opening]
    name = opening - 1
    return name if opening >= 0 and stream[name].text.lower().lstrip("_") == "putenv" else None
