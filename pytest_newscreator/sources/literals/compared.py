"""Strings that code only recognises: `== "d"`, `case "d":`, the key of a map from old names to new ones."""

from __future__ import annotations

import re

from pytest_newscreator.sources.literals.stream import Stream

_OPERATORS = ("==", "!=", "===", "!==", "eq", "ne", "ieq", "ceq")
_TESTS = re.compile(
    r"(?:string|str)?_?(?:equals?|eql|cmp|casecmp)(?:_?ignore_?case|fold)?|strn?case_?cmp|strn?cmp|"
    r"(?:str_)?(?:starts?|ends?|has)_?(?:with|prefix|suffix)|contains?|includes?|in_?array|index_?of|matches|"
    r"assert_?(?:not_?|is_?|are_?|array_?|string_?|strict_?|deep_?|does_?)*"
    r"(?:equals?(?:_?to)?|eq|ne|same|identical|contains?\w*|includes?|in|match\w*|that|like|(?:starts?|ends?)_?with)|"
    r"to_?(?:be|(?:strict_?)?equal|contain|match|include)(?:_?(?:equal|to|one_?of|the))*",
    re.IGNORECASE,
)
_REPLACES = re.compile(
    r"(?:(?:str|preg|regexp?|re)_?i?_?)?replace(?:_?(?:all|first|one|n|in_?place))*|g?sub", re.IGNORECASE
)
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_GONE = re.compile(r"deprecat|retire|replac|remov|no longer|instead|obsolete|renamed|legacy", re.IGNORECASE)
_SETS = re.compile(r"(?:list|set|array|hashset|immutable\w*|of|c)(?:_?of)?|new_?set", re.IGNORECASE)
_OTHER_ARROWS = frozenset({"r", "scala", "php", "julia"})
"""Languages in which `->` begins no branch, but assigns, pairs, or names a member."""
_TRUTHS = frozenset({"true", "false", "True", "False"})
_LOOP = 6
_CLAUSE = 40
_NEAR = 200
_BEFORE = re.compile(
    r"(?:(?:\btest|\[)[ \t][^\n;]*\$[^\n;=]*[ \t]!?=|[=!/~]=|=:=|=/=|<>|(?<!\|)\||"
    r"\b(?:case|when|of|eq|ne|is|in|if|elif|assert))[ \t]*[rRbBuU]?[\"']{1,3}\Z"
)
_BEHIND = re.compile(r"[\"']{1,3}[ \t]*(?:[=!/]=|=:=|->|=>|[tT]hen\b|not in\b)")


def is_compared(stream: Stream, index: int, language: str) -> bool:
    """Tell whether the string at `index` is only held against something, so that nothing is asked for by it."""
    is_beside = stream.is_(index - 1, *_OPERATORS) or stream.is_(index + 1, *_OPERATORS)
    is_unequal = stream.is_(index - 1, "=") and stream.is_(index - 2, "~", "/", ":")
    if language == "sql":
        return is_beside or _is_condition(stream, index)
    return (
        is_beside
        or (is_unequal and stream[index - 2].end == stream[index - 1].start)
        or _is_head(stream, index, stream.inside[index], language)
        or _is_case(stream, index, language)
        or _is_tested(stream, index)
        or _is_key(stream, index, language)
    )


def is_label(text: str) -> bool:
    """Tell whether a text is shown to people for something that they can have."""
    return len(text.split()) > 1 and _GONE.search(text) is None


def is_compared_in(text: str, start: int, end: int) -> bool:
    """Tell the same of a string whose inside runs from `start` to `end`, by the text around it."""
    line = max(text.rfind("\n", 0, start) + 1, start - _NEAR)
    return _BEFORE.search(text, line, start) is not None or _BEHIND.match(text, end) is not None


def _is_case(stream: Stream, index: int, language: str) -> bool:
    """Tell whether a branch begins here: `case "d"`, `when "d"`, `"d" ->`, `"d" | "e" =>`."""
    before, after = index - 1, index + 1
    while stream.is_(before, ",", "|", "or") and stream[before - 1].kind == "string":
        before -= 2
    if stream.is_(before, "case", "when"):
        return True
    while stream.is_(after, "|", "or") and stream[after + 1].kind == "string":
        after += 2
    if stream.is_(after, "=>"):
        return language in {"rust", "csharp", "scala"}
    while stream.is_(after, ",") and stream[after + 1].kind == "string":
        after += 2
    return stream.is_(after, "->") and language not in _OTHER_ARROWS


def _is_head(stream: Stream, index: int, opening: int, language: str) -> bool:
    """Tell whether a bracket holds what a clause or a test begins with, where a language has a form of its own."""
    if opening < 0:
        return False
    if language == "erlang":
        return stream.is_(stream.close(opening) + 1, "->", "when")
    if language == "elixir":
        # Behind two backslashes stands what a parameter is where nothing is given.
        return stream.is_(opening - 2, "def", "defp") and not stream.is_(index - 1, "\\")
    return language == "clojure" and stream.is_(opening + 1, "=", "not")


def _is_tested(stream: Stream, index: int) -> bool:
    """Tell whether a string is what a test is given: `m.equals("d")`, `"d".equals(m)`, `m.replace("d", "e")`."""
    opening = stream.inside[index]
    return (
        _asks(stream, index + 1)
        or _takes(stream, opening, _TESTS)
        or (_takes(stream, opening, _REPLACES) and _is_replaced(stream, index, opening))
        or (opening >= 0 and _is_of_set(stream, opening))
    )


def _is_replaced(stream: Stream, index: int, opening: int) -> bool:
    """Tell whether a text stands behind a string, which takes its place; a store replaces what is in it by objects."""
    if not stream.is_(index + 1, ","):
        return False
    by = stream[index + 2]
    is_constant = index == opening + 1 and by.kind == "name" and _CONSTANT.match(by.text) is not None
    return is_constant or by.kind in {"string", "unknown"}


def _is_of_set(stream: Stream, opening: int) -> bool:
    """Tell whether a test is given a set, which opens here: `["d"].includes(m)`, `contains(["d"], m)`, `m in ["d"]`."""
    is_bare = stream.is_(opening, "[", "{")
    if not is_bare and not _takes(stream, opening, _SETS):
        return False
    if _asks(stream, stream.close(opening) + 1):
        return True
    before = opening - 1 if is_bare else opening - 2
    if stream.is_(before, "%"):
        return stream.is_(before - 1, "in")
    is_argument = stream.is_(opening, "[") and _takes(stream, stream.inside[opening], _TESTS)
    return is_argument or (stream.is_(before, "in") and not _is_loop(stream, before))


def _asks(stream: Stream, index: int) -> bool:
    """Tell whether what ends before `index` is asked for equality or membership there: `.equals`, `.includes`."""
    return stream.is_(index, ".", "?.") and _TESTS.fullmatch(stream[index + 1].text) is not None


def _takes(stream: Stream, opening: int, names: re.Pattern[str]) -> bool:
    """Tell whether a bracket is opened by a call of such a name: `f(`, Ruby's `f?(`, Rust's `f!(`."""
    if opening < 0 or not stream.is_(opening, "("):
        return False
    name = opening - 2 if stream.is_(opening - 1, "?", "!") else opening - 1
    return stream[name].kind == "name" and names.fullmatch(stream[name].text) is not None


def _is_loop(stream: Stream, index: int) -> bool:
    """Tell whether the `in` at `index` is that of a loop, which takes every element."""
    for at in range(index - 1, max(index - _LOOP, -1), -1):
        if stream.is_(at, "for", "foreach"):
            return True
        if stream.is_(at, "{", "}", ";", ")"):
            return False
    return False


def _is_key(stream: Stream, index: int, language: str) -> bool:
    """Tell whether a string is the key of a text or a name: an old name that stands for another one."""
    begins = stream.is_(index - 1, "{", ",", "[", "(")
    if begins and (stream.is_(index + 1, ":", "=>", "to") or (language == "scala" and stream.is_(index + 1, "->"))):
        return _is_plain(stream, index + 2)
    is_entry = stream.is_(index - 1, "[") and stream.is_(index + 1, "]") and stream.is_(index + 2, "=")
    return is_entry and _is_plain(stream, index + 3)


def _is_plain(stream: Stream, index: int) -> bool:
    """Tell whether a text or a name stands at `index`: no number or table, which are about the key itself.

    Neither is a label in words, which is shown for a name that is offered, unless it says that the name is gone.
    """
    token = stream[index]
    if token.kind == "string" and is_label(token.text):
        return False
    last = stream.chain_end(index)
    if token.kind == "name":
        return token.text not in _TRUTHS and not stream.is_(last + 1, "(", "{", "[")
    return token.kind in {"string", "unknown"}


def _is_condition(stream: Stream, index: int) -> bool:
    """Tell whether a string of a query stands in its condition."""
    for at in range(index - 1, max(index - _CLAUSE, -1), -1):
        word = stream[at].text.lower() if stream[at].kind == "name" else stream[at].text
        if word in {"where", "when", "having", "on"}:
            return True
        if word in {"set", "values", "default", "then", "else", "select", ";"}:
            return False
    return False
