"""How Go programs read and print values of environment variables: `strconv`, `time.ParseDuration`, `log/slog` levels.

Each reading returns None where Go returns an error.
"""

from __future__ import annotations

import re

FOREVER = (1 << 63) - 1
"""The longest duration there is, in nanoseconds: about 292 years."""

SECOND = 1_000_000_000

# What Go's unicode.IsSpace takes for a blank; Python's strip() takes some more.
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # noqa: E501

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_INT64 = 1 << 63
_UINT64 = 1 << 64
_INTEGER = re.compile(r"[+-]?[0-9]+")
_UNITS = {
    "ns": 1,
    "us": 1000,
    "\u00b5s": 1000,
    "\u03bcs": 1000,
    "ms": 1_000_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
}
_PIECE = re.compile(rf"([0-9]*)(?:\.([0-9]*))?({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![a-zA-Z])")
_LEVELS = ((0, "DEBUG", -4), (4, "INFO", 0), (8, "WARN", 4), (_INT64, "ERROR", 8))
_LONGEST = 4096  # more digits than this are not worth converting: no value has them but for leading zeros


def boolean(text: str) -> bool | None:
    """Read a truth value as `strconv.ParseBool` does: `yes` and `on` are none."""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None


def unsigned(text: str) -> int | None:
    """Read a whole number as `strconv.ParseUint(text, 10, 64)` does: no sign, no underscore."""
    if not text.isascii() or not text.isdigit() or len(text) > _LONGEST:
        return None
    value = int(text)
    return value if value < _UINT64 else None


def integer(text: str) -> int | None:
    """Read a whole number as `strconv.ParseInt(text, 10, 64)` does."""
    if not _INTEGER.fullmatch(text) or len(text) > _LONGEST:
        return None
    value = int(text)
    return value if -_INT64 <= value < _INT64 else None


def wrapped(value: int) -> int:
    """Return what an int64 holds after an overflow."""
    return (value + _INT64) % _UINT64 - _INT64


def duration(text: str) -> int | None:
    """Read a duration in nanoseconds as `time.ParseDuration` does: `1h30m`, `-1.5s`, `0`; no days, no blanks."""
    negative, rest = text.startswith("-"), text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0
    total, position = 0, 0
    while found := _PIECE.match(rest, position):
        piece = _piece(*found.groups())
        if piece is None or total + piece > _INT64:
            return None
        total, position = total + piece, found.end()
    if not position or position != len(rest) or (total == _INT64 and not negative):
        return None
    return -total if negative else total


def _piece(whole: str, fraction: str | None, unit: str) -> int | None:
    """Return the nanoseconds of one number with its unit; the fraction is a float there, and so here."""
    if not whole and not fraction:
        return None
    if len(whole) > _LONGEST or int(whole or "0") * _UNITS[unit] > _INT64:
        return None
    total = int(whole or "0") * _UNITS[unit]
    digits, scale = 0, 1.0
    for digit in fraction or "":
        if digits > FOREVER // 10 or digits * 10 + int(digit) > _INT64:
            break
        digits, scale = digits * 10 + int(digit), scale * 10
    total += int(digits * (_UNITS[unit] / scale))
    return total if total <= _INT64 else None


def duration_text(nanoseconds: int) -> str:
    """Print a duration as Go does: `24h0m0s`, `5m0s`, `1.5s`, `300ms`."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < SECOND:
        for unit in ("ms", "\u00b5s", "ns"):
            if rest >= _UNITS[unit]:
                return f"{sign}{_decimal(rest, _UNITS[unit])}{unit}"
        return "0s"
    hours, rest = divmod(rest, 3600 * SECOND)
    minutes, rest = divmod(rest, 60 * SECOND)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{_decimal(rest, SECOND)}s"


def _decimal(value: int, unit: int) -> str:
    """Print a number of units exactly, without trailing zeros."""
    whole, rest = divmod(value, unit)
    digits = str(rest + unit)[1:].rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def level_text(level: int) -> str:
    """Print a level of `log/slog`: `INFO`, `DEBUG-4`."""
    for below, name, base in _LEVELS[:-1]:
        if level < below:
            return name if level == base else f"{name}{level - base:+d}"
    _, name, base = _LEVELS[-1]
    return name if level == base else f"{name}{level - base:+d}"
