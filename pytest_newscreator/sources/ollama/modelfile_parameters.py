"""The parameters that Ollama knows in a Modelfile, per version, and how it reads their values (its `api.Options`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pytest_newscreator.sources.ollama.go_values import boolean, integer

if TYPE_CHECKING:
    from collections.abc import Mapping

Parameter = int | float | bool | tuple[str, ...]
Kind = Literal["integer", "number", "boolean", "list"]
Release = tuple[int, ...]

KINDS: Mapping[str, Kind] = {
    "num_ctx": "integer",
    "num_batch": "integer",
    "num_gpu": "integer",
    "main_gpu": "integer",
    "num_thread": "integer",
    "num_keep": "integer",
    "num_predict": "integer",
    "draft_num_predict": "integer",
    "seed": "integer",
    "top_k": "integer",
    "repeat_last_n": "integer",
    "top_p": "number",
    "min_p": "number",
    "typical_p": "number",
    "temperature": "number",
    "repeat_penalty": "number",
    "presence_penalty": "number",
    "frequency_penalty": "number",
    "use_mmap": "boolean",
    "stop": "list",
}
SINCE: Mapping[str, Release] = {"draft_num_predict": (0, 30)}
DROPPED = frozenset(
    {
        "penalize_newline",
        "low_vram",
        "f16_kv",
        "logits_all",
        "vocab_only",
        "use_mlock",
        "mirostat",
        "mirostat_tau",
        "mirostat_eta",
    },
)

_DIGITS = "[0-9]+(?:_[0-9]+)*"
_HEX = "[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*"
_DECIMAL = re.compile(rf"[+-]?(?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEXADECIMAL = re.compile(rf"[+-]?0[xX](?:_?{_HEX}\.?(?:{_HEX})?|\.{_HEX})[pP][+-]?{_DIGITS}")
_NOT_FINITE = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE)
_NUMERAL = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"v?{_NUMERAL}(?:\.{_NUMERAL}(?:\.{_NUMERAL}"
    rf"(?:-{_IDENTIFIER}(?:\.{_IDENTIFIER})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?)?",
)
# Halfway between the largest float32 and the next power of two: from here on Go rounds to infinity.
_FLOAT32_OVERFLOW = (2.0 - 2.0**-24) * 2.0**127


def is_known(name: str, release: Release) -> bool:
    """Tell whether an Ollama version takes a parameter in a Modelfile."""
    return name in KINDS and SINCE.get(name, (0,)) <= release


def typed(name: str, text: str) -> Parameter | None:
    """Return the value that Ollama makes of a known parameter's text, None where it is not of its kind."""
    kind = KINDS[name]
    if kind == "list":
        return (text,)
    if kind == "boolean":
        return boolean(text)
    return integer(text) if kind == "integer" else _number(text)


def unknown(name: str, release: Release) -> str:
    """Say that Ollama has no such parameter, and which one was probably meant."""
    if not name:
        return "the parameter's name is empty: one blank, not more, should stand between PARAMETER and its name"
    if name in SINCE:
        return f"{name} is a parameter only from Ollama {'.'.join(map(str, SINCE[name]))} on"
    near = nearest(name.lower(), tuple(known for known in KINDS if is_known(known, release)))
    return f"{name!r} is not a parameter{f', did you mean {near}?' if near else ' of Ollama'}"


def nearest(word: str, known: tuple[str, ...]) -> str | None:
    """Return the known word that was probably meant."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, 1)), None)


def is_version(text: str) -> bool:
    """Tell whether REQUIRES takes a text: a semantic version, shortened or not, with or without `v`."""
    return _SEMVER.fullmatch(text) is not None


def _number(text: str) -> float | None:
    """Read a number as Go's `strconv.ParseFloat` does at 32 bits; what overflows is none."""
    if _NOT_FINITE.fullmatch(text):
        return float(text)
    if _DECIMAL.fullmatch(text):
        value = float(text)
    elif _HEXADECIMAL.fullmatch(text):
        value = _from_hex(text.replace("_", ""))
    else:
        return None
    return value if abs(value) < _FLOAT32_OVERFLOW else None


def _from_hex(text: str) -> float:
    """Convert a hexadecimal number, infinity where it overflows."""
    try:
        return float.fromhex(text)
    except OverflowError:
        return float("inf")
