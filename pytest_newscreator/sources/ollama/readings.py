"""What Ollama's server makes of the text of one variable, by the variable's kind (its `envconfig`, from 0.14.3 on)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.ollama import go_values as go
from pytest_newscreator.sources.ollama.host import host_text, mistaken_host

NO_START = "no start"
"""The value of a reading that ends the server."""

NO_LOAD = "no load"
"""The value of a reading that lets the server start and every load of a model fail."""

OFF = frozenset(
    {"", "0", "0.0", "f", "false", "n", "no", "none", "nope", "null", "off", "disable", "disabled", "never"}
)
ON = frozenset({"t", "true", "y", "yes", "on", "enable", "enabled", "always"})

_NUMBER = re.compile(r"([+-]?[0-9][0-9_,]*(?:\.[0-9]+)?)\s*([a-z]*)")
_SIZES = {"": 1, "b": 1} | {
    prefix + suffix: 1024**power
    for power, prefix in enumerate("kmgt", 1)
    for suffix in ("", "b", "i", "ib")
}  # fmt: skip
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*")
_SPANS = {
    name: seconds
    for seconds, names in (
        (1, "s sec secs second seconds"),
        (60, "m min mins minute minutes"),
        (3600, "h hr hrs hour hours"),
        (86400, "d day days"),
        (604800, "w week weeks"),
    )
    for name in names.split()
}
_ENDLESS = frozenset({"always", "forever", "infinite", "infinity", "inf", "never", "unlimited"})
_LEVEL_WORDS = {"debug": "DEBUG", "trace": "DEBUG-4", "info": "INFO", "warn": "WARN", "warning": "WARN"}
_CACHE_WORDS = {"fp16": "f16", "fp32": "f32", "bfloat16": "bf16", "q8": "q8_0", "q4": "q4_0"}
_ORIGIN_SCHEMES = (
    "http://",
    "https://",
    "chrome-extension://",
    "safari-extension://",
    "moz-extension://",
    "ms-browser-extension://",
)


@frozen
class Reading:
    """What the server takes for the value, what a person would take, and the rule that tells them apart.

    `looks_like` is None where a person could not tell; it equals `value` where the text is read as it looks.
    """

    value: str
    looks_like: str | None
    why: str = ""


@frozen
class Variable:
    """One variable that Ollama reads: its kind, its default, what it does, and since which known version.

    `reader` is the part that reads it: `server`, `runner` (the process beside it that holds a model), `cli`, `app`.
    """

    name: str
    kind: str
    default: str
    effect: str
    since: str
    reader: str = "server"
    values: tuple[str, ...] = ()


def clean(text: str) -> str:
    """Return a text as `envconfig` does: without the blanks around it, then without the quotes around that."""
    return text.strip(go.BLANKS).strip("\"'")


def read(variable: Variable, text: str) -> Reading:
    """Return the reading of a text: trimmed where `envconfig` reads it, as it stands where something else does."""
    if variable.kind in _WHOLE:
        return _WHOLE[variable.kind](variable, text)
    if not clean(text):
        return Reading(variable.default, variable.default, "an empty text is an unset variable")
    return _TRIMMED[variable.kind](variable, clean(text))


def _plain(_variable: Variable, text: str) -> Reading:
    """Read what is taken as it is written."""
    return Reading(text, text)


def _boolean(_variable: Variable, text: str) -> Reading:
    """Read a truth value: what `strconv.ParseBool` refuses is true."""
    value = go.boolean(text)
    if value is not None:
        return Reading(_said(value), _said(value))
    return Reading("true", _as_truth(text), "Ollama takes every text that is no boolean for true")


def _said(value: bool) -> str:
    """Print a truth value as Go does."""
    return "true" if value else "false"


def _as_truth(text: str) -> str | None:
    """Return the truth value that a person sees in a text."""
    word = text.strip().lower()
    if word in OFF or re.fullmatch(r"0+(?:\.0+)?", word):
        return "false"
    return "true" if word in ON or re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", word) else None


def _present(_variable: Variable, text: str) -> Reading:
    """Read a variable that llama.cpp only looks for: whatever its text, it is on."""
    return Reading("true", _as_truth(text) or "true", "it is on whenever it is set, whatever its text")


def _nonempty(_variable: Variable, text: str) -> Reading:
    """Read a variable that is on by any text but the empty one."""
    if not text:
        return Reading("false", "false", "an empty text is an unset variable")
    return Reading("true", _as_truth(text) or "true", "it is on by every text that is not empty")


def _level(_variable: Variable, text: str) -> Reading:
    """Read a log level: a boolean, else a whole number; what is neither changes nothing."""
    if go.boolean(text):
        return Reading("DEBUG", "DEBUG")
    number = go.integer(text)
    if number is not None or go.boolean(text) is not None:
        value = go.level_text(go.wrapped((number or 0) * -4))
        return Reading(value, value)
    word = text.strip().lower()
    looks = _LEVEL_WORDS.get(word) or {"true": "DEBUG", "false": "INFO"}.get(_as_truth(word) or "")
    return Reading("INFO", looks, "it is neither a boolean nor a whole number")


def _unsigned(variable: Variable, text: str) -> Reading:
    """Read a whole number; with anything else the server warns and takes the default."""
    number = go.unsigned(text)
    if number is not None:
        return Reading(str(number), str(number))
    if variable.kind == "bytes":
        return Reading(variable.default, _as_number(text), "it is no whole number of bytes, which takes no unit")
    automatic = variable.default == "0"
    meant = {"default", "auto"} if automatic else {"default"}
    looks = variable.default if text.lower() in meant else _as_number(text)
    return Reading(variable.default, looks, "it is no whole number" + (", and 0 is automatic" if automatic else ""))


def _as_number(text: str) -> str | None:
    """Return the number that a person sees in a text: `8k`, `1.0`, `4_096`, `2 GiB`."""
    found = _NUMBER.fullmatch(text.strip().lower())
    if not found or found[2] not in _SIZES:
        return None
    value = float(found[1].replace("_", "").replace(",", "")) * _SIZES[found[2]]
    return str(int(value)) if value.is_integer() else str(value)


def _duration(variable: Variable, text: str) -> Reading:
    """Read a duration: Go's, else whole seconds, else the default without a word."""
    value = go.duration(text)
    if value is None and (seconds := go.integer(text)) is not None:
        value = go.wrapped(seconds * go.SECOND)
    if value is None:
        return Reading(
            variable.default,
            _as_span(text),
            "it is neither a duration of Go (5m, 24h, 1h30m: no days, no blanks) nor whole seconds",
        )
    endless = value < 0 or value == go.FOREVER or (value == 0 and variable.name == "OLLAMA_LOAD_TIMEOUT")
    said = "forever" if endless else go.duration_text(value)
    return Reading(said, said)


def _as_span(text: str) -> str | None:
    """Return the duration that a person sees in a text: `1d`, `24 h`, `2 hours`, `forever`."""
    word = text.strip().lower()
    if word in _ENDLESS:
        return "forever"
    parts = _SPAN.findall(word)
    if not parts or _SPAN.sub("", word) or any(unit not in _SPANS for _, unit in parts):
        return None
    return go.duration_text(int(sum(float(number) * _SPANS[unit] for number, unit in parts) * go.SECOND))


def _cache_type(variable: Variable, text: str) -> Reading:
    """Read a type of the KV cache: what the version does not know is f16, from 0.30 on it fails every load.

    A quantized type needs flash attention: without it 0.14.3 and 0.24.0 keep to f16, 0.30.0 fails the load.
    """
    word = text.lower()
    if word in variable.values:
        quantized = word not in {"f16", "f32", "bf16"}
        return Reading(word, word, "it needs flash attention" if quantized else "")
    known = ", ".join(variable.values)
    if "bf16" in variable.values:  # llama-server reads it itself from 0.30 on
        return Reading(NO_LOAD, _CACHE_WORDS.get(word), f"llama-server knows {known}")
    looks = _CACHE_WORDS.get(word, word if word in {"f32", "bf16"} else None)
    return Reading("f16", looks, f"Ollama knows {known}")


def _host(_variable: Variable, text: str) -> Reading:
    """Read where to listen or connect."""
    value = host_text(text)
    looks, why = mistaken_host(text)
    return Reading(value, looks or value, why)


def _origins(_variable: Variable, text: str) -> Reading:
    """Read the browser origins: one bad one ends the server (gin-contrib/cors 1.7.2)."""
    parts = text.split(",")
    for part in parts:
        if part.count("*") > 1:
            return Reading(NO_START, None, f"{part!r} has more than one *")
        if "*" not in part and not part.startswith(_ORIGIN_SCHEMES):
            return Reading(NO_START, None, f"{part!r} begins with neither http:// nor https:// and has no *")
    return Reading(",".join(parts), ",".join(parts))


def _names(variable: Variable, text: str) -> Reading:
    """Read a list of names, in which a blank beside a comma stays."""
    value = text.strip(go.BLANKS) or variable.default
    meant = ",".join(part.strip() for part in value.split(","))
    return Reading(value, meant, "a blank beside a comma stays part of the name")


def _path(_variable: Variable, text: str) -> Reading:
    """Read a folder: the server expands no tilde and no `$NAME`."""
    if text == "~" or text.startswith("~/"):
        return Reading(text, None, "a folder named ~, since the server expands no tilde")
    return Reading(text, text)


_WHOLE: Mapping[str, Callable[[Variable, str], Reading]] = {
    "string": _plain,
    "present": _present,
    "nonempty": _nonempty,
}
_TRIMMED: Mapping[str, Callable[[Variable, str], Reading]] = {
    "bool": _boolean,
    "bool-or-unset": _boolean,
    "level": _level,
    "uint": _unsigned,
    "bytes": _unsigned,
    "duration": _duration,
    "cache-type": _cache_type,
    "host": _host,
    "origins": _origins,
    "list": _names,
    "path": _path,
    "text": _plain,
}
