"""What a cell of a recorded table says: which figure its heading names, and its value in the base unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

COLUMNS: Final[Mapping[str, str]] = {
    "case": r"case|name|label|prompt|row",
    "model": r"model|base|variant|model name",
    "characters": r"(prompt |input )?(characters|chars)|character count|文字数",
    "tokens": r"(prompt |input )?tokens|prompt eval count",
    "answer": r"(output|answer|completion|generated) tokens|eval count",
    "num_ctx": r"num ctx|context( length| window)?|window",
    "ttft": r"(median |p50 )?(ttft|time to first token)( p50| median)?",
    "ttft_p90": r"p90 ttft|ttft p90",
    "ttft_p95": r"p95 ttft|ttft p95",
    "ttft_p99": r"p99 ttft|ttft p99",
    "load": r"(model )?load( time| duration)?|reload",
    "total": r"total( time| duration| latency)?|e2e( latency)?|end-to-end( latency)?",
    "decode": r"decode( rate| speed)?( p50| median)?|generation( rate| speed)|eval rate",
    "prefill": r"prefill( rate| speed)?( p50| median)?|prompt eval(uation)?( rate)?",
    "cached": r"cache( |-)?(hit|hits|hit rate|hit ratio)|cached( share)?",
    "requests": r"requests|n|samples|runs|measurements",
    "vram": r"vram( used| in use| after load| peak)?|gpu memory( used)?",
    "size": r"(file|model|disk|download) size|size",
}
"""The headings that are understood, as what they read in lower case, without unit and markup."""

_TEXTS: Final = frozenset({"case", "model"})
_SECONDS: Final = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "seconds": 1.0, "min": 60.0}
_RATES: Final = {"": 1.0, "tok/s": 1.0, "tokens/s": 1.0, "t/s": 1.0, "tok s": 1.0, "tokens/sec": 1.0, "tps": 1.0}
_MEMORY: Final = {
    "mib": 1.0, "gib": 1024.0, "mb": 1e6 / 2**20, "gb": 1e9 / 2**20, "b": 2.0**-20, "bytes": 2.0**-20,
}  # fmt: skip
_COUNTS: Final = dict.fromkeys(("", "tokens", "tok", "characters", "chars", "字", "文字"), 1.0)
_SHARES: Final = {"%": 0.01, "": 1.0}
UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    **dict.fromkeys(("ttft", "ttft_p90", "ttft_p95", "ttft_p99", "load", "total"), _SECONDS),
    **dict.fromkeys(("decode", "prefill"), _RATES),
    **dict.fromkeys(("characters", "tokens", "answer", "num_ctx", "requests"), _COUNTS),
    **dict.fromkeys(("vram", "size"), _MEMORY),
    "cached": _SHARES,
}
"""The units of each figure, as multiples of seconds, tokens a second, MiB, one; "" where it may have none."""

_PATTERNS: Final = {key: re.compile(pattern) for key, pattern in COLUMNS.items()}
_ALL_UNITS: Final = sorted({unit for units in UNITS.values() for unit in units if unit}, key=len, reverse=True)
_BRACKETS: Final = re.compile(r"^(?P<name>.*?)\s*[(\[](?P<unit>[^)\]]*)[)\]]$|^(?P<bare>.*?),\s*(?P<after>[^,]+)$")
_NUMBER: Final = re.compile(
    r"(?:[~≈≃約]|ca\.|about)?\s*(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|0,[0-9]+)"
    r"\s*(?P<rest>.*)"
)
LONGEST: Final = 200
_START: Final = re.compile(r"[<>~≈≃約]?\s*-?[0-9]")
_MARKUP: Final = re.compile(r"[*`]|<[^>]*>")
_ABSENT: Final = frozenset({"", "-", "\u2013", "\u2014", "n/a", "?", "…", "none"})


@frozen
class Cell:
    """A text of a table and where it begins."""

    text: str
    place: Place


@frozen
class Heading:
    """The figure that a heading names, and the unit it names for all of its cells."""

    key: str
    unit: str = ""


@frozen
class Figure:
    """One value in its base unit (seconds, tokens a second, MiB, a number, a share), as written, and its place."""

    value: float
    text: str
    place: Place


def plain(text: str) -> str:
    """Return a text without emphasis, code marks and tags, cut where no figure and no heading is so long."""
    return " ".join(_MARKUP.sub("", text[:LONGEST]).split())


def heading(text: str) -> Heading | None:
    """Return what a heading names, None for one that is not understood."""
    read = plain(text).casefold().replace("_", " ").strip(" :")
    for name, unit in _split(read):
        for key, pattern in _PATTERNS.items():
            if pattern.fullmatch(name.strip()) and (not unit or unit in UNITS.get(key, ())):
                return Heading(key, unit)
    return None


def _split(text: str) -> list[tuple[str, str]]:
    """Return the ways to read a heading as a name and a unit: whole, in brackets, or as its last word."""
    ways = [(text, "")]
    found = _BRACKETS.match(text)
    if found:
        ways.append((found["name"] or found["bare"] or "", (found["unit"] or found["after"] or "").strip()))
    ways += [(text.removesuffix(f" {unit}"), unit) for unit in _ALL_UNITS if text.endswith(f" {unit}")]
    return ways


def is_absent(text: str) -> bool:
    """Return whether a cell says that there is no figure."""
    return plain(text).casefold() in _ABSENT


def counts(text: str) -> bool:
    """Return whether a cell begins with a number, whatever follows it: such a one is meant as a figure."""
    return _START.match(plain(text)) is not None


def figure(cell: Cell, named: Heading) -> Figure | None:
    """Return the figure of a cell, None where it is none, or its unit cannot be known."""
    text = plain(cell.text)
    found = _NUMBER.fullmatch(text)
    if found is None or named.key in _TEXTS:
        return None
    number = found["number"].replace("0,", "0.", 1) if re.fullmatch(r"0,[0-9]+", found["number"]) else found["number"]
    factor = _factor(named, found["rest"].strip().casefold())
    return None if factor is None else Figure(float(number.replace(",", "")) * factor, text, cell.place)


def _factor(named: Heading, unit: str) -> float | None:
    """Return what a number is multiplied by: `16K` of a window is 16,384, of anything else 16,000."""
    units = UNITS[named.key]
    prefix, _, after = unit.partition(" ")
    if units is _COUNTS and prefix in {"k", "m"}:
        step = 1024.0 if named.key == "num_ctx" else 1000.0
        return step ** (1 if prefix == "k" else 2) if after in units else None
    return units.get(unit or named.unit)
