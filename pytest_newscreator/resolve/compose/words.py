"""A command line split into words as Compose splits it (rules: go-shellwords, which is not a shell)."""

from __future__ import annotations

_BLANKS = frozenset(" \t\r\n")
_ENDS = frozenset(";&|<>")


def split(line: str) -> tuple[str, ...] | None:
    """Return the words of `line` up to the first unquoted ; & | < or >; None where a quote or bracket is open."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    characters = iter(line)
    for character in characters:
        if character == "\\" and quote != "'":
            following = next(characters, None)
            if following is None:
                return None
            word = (word or "") + following
        elif character in _BLANKS and not quote:
            words.extend([word] if word is not None else [])
            word = None
        elif character in _ENDS and not quote:
            word = None if character == ">" and (word or "")[:1].isdecimal() else word
            break
        else:
            kept, quote = _quoted(character, quote, word or "")
            if kept is None:
                return None
            word = (word or "") + kept
    if quote:
        return None
    return (*words, *([word] if word is not None else []))


def _quoted(character: str, quote: str, word: str) -> tuple[str | None, str]:
    """Return what a character adds to the word, and the quote that is open after it."""
    if character in "'\"" and quote in {"", character}:
        return "", "" if quote else character
    if character == "`" and quote in {"", "`"}:
        return "`", "" if quote else "`"
    if character == "(" and not quote:
        return ("(", ")") if word.endswith("$") else (None, "")
    if character == ")" and quote == ")":
        return ")", ""
    return character, quote
