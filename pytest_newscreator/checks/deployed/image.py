"""Whether an image was built of this tree: its instructions and its configuration beside those of its Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_newscreator.checks.deployed.arrivals import chain_of
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.docker.image import ImageConfig
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources.docker.dockerfile import Dockerfile, Instruction
from pytest_newscreator.sources.docker.words import pairs, parts
from pytest_newscreator.sources.lines import Spelled

if TYPE_CHECKING:
    from pytest_newscreator.observe.records import Image

_LAYERS = frozenset(
    [
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL"),
        *("MAINTAINER", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    ]
)
_LEGACY = re.compile(r"\S+ -\S*c #\(nop\)\s+")
_ONBUILD = re.compile(r"(?:\S+ -\S*c #\(nop\)\s+)?ONBUILD\b")
_RUN = re.compile(r"(?:RUN )?(?:\|\d+ .*? )?((?:/bin/)?\S+ -\S*c .*)\Z", re.DOTALL)
_BLANKS = re.compile(r"\s+")
_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


@frozen
class Stale:
    """One thing by which an image is not what its Dockerfile would make: where, what it says, what the image has."""

    place: Place | None
    what: str
    declared: str
    built: str


def stale(parsed: Dockerfile, image: ImageConfig, built: Image, base: Image | None = None) -> Iterator[Stale]:
    """Yield by what an image differs from its Dockerfile; what the file leaves to its base image is not compared.

    `base` is the image that its first stage starts from, where this machine has it: it tells what lies below.
    """
    lines = chain_of(parsed, image.stage)
    last = {line.keyword: line.place for line in lines}
    history, below = (_layers(one) for one in (built, base))
    yield from _instructions(lines, history)
    yield from _more(lines, history, below)
    yield from _environment(image, built.config)
    yield from _commands(image, built.config, last)
    yield from _labels(lines, built.config)
    yield from _health(image, built.config, last)


def duration_ns(text: str) -> int | None:
    """Return a duration as Docker and Compose write it, `1m30s`, in nanoseconds; None for what is none."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(round(float(number) * _NS[unit]) for number, unit in parts)


def _layers(image: Image | None) -> tuple[str, ...]:
    """Return what made an image; of ONBUILD only the older builder keeps a word."""
    return tuple(text for text in image.history if not _ONBUILD.match(text)) if image is not None else ()


def _instructions(lines: Sequence[Instruction], history: Sequence[str]) -> Iterator[Stale]:
    """Compare the instructions with what made the layers, the newest last; of a flattened image nothing is said."""
    ours = [line for line in lines if line.keyword in _LAYERS]
    theirs = [_keyword(text) for text in history[: len(ours)]][::-1]
    if len(theirs) < len(ours) or None in theirs:
        return
    for line, keyword, text in zip(ours, theirs, history[: len(ours)][::-1], strict=True):
        if line.keyword != keyword:
            yield Stale(line.place, "instruction", line.keyword, _shortened(text))
            return
        if keyword == "RUN" and not line.heredocs and line.words is None and not _ran(line, text):
            yield Stale(line.place, "RUN", _shortened(line.rest.text), _shortened(_command(text)))


def _more(lines: Sequence[Instruction], history: Sequence[str], base: Sequence[str]) -> Iterator[Stale]:
    """Compare how many instructions made the image above its base: one that is gone may have been the first."""
    above = len(history) - len(base)
    ours = [line for line in lines if line.keyword in _LAYERS]
    if base and ours and tuple(history[above:]) == tuple(base) and above > len(ours):
        yield Stale(ours[0].place, "instruction", "nothing before this line", _shortened(history[len(ours)]))


def _keyword(created_by: str) -> str | None:
    """Return the instruction that made a layer, as BuildKit (`RUN /bin/sh -c …`) or the builder before it wrote it."""
    text = created_by.strip()
    nop = _LEGACY.match(text)
    word = (text[nop.end() :] if nop else text).split(None, 1)[:1]
    if word and word[0] in _LAYERS:
        return word[0]
    return "RUN" if not nop and (text.startswith("/bin/sh -c ") or re.match(r"\|\d+ ", text)) else None


def _command(created_by: str) -> str:
    """Return the command of a RUN layer without what the builder puts around it."""
    found = _RUN.match(created_by.strip().removesuffix("# buildkit").strip())
    return found[1].partition("c ")[2] if found else created_by


def _ran(line: Instruction, created_by: str) -> bool:
    """Return whether a layer was made by this RUN; blanks and continued lines do not count."""
    said = _plain(created_by.strip().removesuffix("# buildkit"))
    return said.endswith(_plain(line.rest.text))


def _plain(text: str) -> str:
    """Return a command with its blanks made single ones."""
    return _BLANKS.sub(" ", text).strip()


def _shortened(text: str, most: int = 80) -> str:
    """Return a text as a message shows it."""
    plain = _plain(text.removesuffix("# buildkit"))
    return plain if len(plain) <= most else plain[:most] + "…"


def _environment(image: ImageConfig, config: Mapping[str, Any]) -> Iterator[Stale]:
    """Compare ENV; what hangs on a base image's own variable is left out, since nothing here knows that."""
    built = dict(pair.partition("=")[::2] for pair in config.get("Env") or ())
    for name, value in image.environment.items():
        if value.text is not None and _is_own(value) and built.get(name) != value.text:
            yield Stale(value.chain[0].place, f"ENV {name}", value.text, built.get(name, "none"))


def _is_own(value: Value) -> bool:
    """Return whether the Dockerfile alone says a value."""
    told = (hop.place is not None if hop.won else hop.kind != "interpolation" for hop in value.chain)
    return bool(value.chain) and all(told)


def _commands(image: ImageConfig, config: Mapping[str, Any], last: Mapping[str, Place]) -> Iterator[Stale]:
    """Compare what the image starts, as whom and where, and the ports it names."""
    pairs: list[tuple[str, object, object]] = [
        ("ENTRYPOINT", image.entrypoint, tuple(config.get("Entrypoint") or ())),
        ("CMD", image.cmd, tuple(config.get("Cmd") or ())),
        ("USER", image.user, config.get("User") or ""),
        ("WORKDIR", image.workdir, config.get("WorkingDir") or ""),
    ]
    for keyword, ours, theirs in pairs:
        if keyword in last and ours is not None and ours != theirs and "$" not in str(ours):
            yield Stale(last[keyword], keyword, _words(ours), _words(theirs))
    missing = [port for port in image.exposed if port not in (config.get("ExposedPorts") or {}) and "-" not in port]
    if missing and "EXPOSE" in last:
        yield Stale(last["EXPOSE"], "EXPOSE", missing[0], "none")


def _words(value: object) -> str:
    """Return a command as text."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _labels(lines: Sequence[Instruction], config: Mapping[str, Any]) -> Iterator[Stale]:
    """Compare the labels that are written plainly."""
    declared: dict[str, tuple[str, Place]] = {}
    for line in (line for line in lines if line.keyword == "LABEL"):
        for name, raw in pairs(line.rest):
            pieces = parts(raw) if raw is not None else ()
            texts = [piece.text for piece in pieces if isinstance(piece, Spelled)]
            declared.pop(name.strip("\"'"), None)
            if len(texts) == len(pieces):
                declared[name.strip("\"'")] = "".join(texts), line.place
    labels = config.get("Labels") or {}
    for name, (text, place) in declared.items():
        if labels.get(name) != text:
            yield Stale(place, f"LABEL {name}", text, labels.get(name, "none"))


def _health(image: ImageConfig, config: Mapping[str, Any], last: Mapping[str, Place]) -> Iterator[Stale]:
    """Compare the health check."""
    if image.healthcheck is None or "HEALTHCHECK" not in last:
        return
    built = config.get("Healthcheck") or {}
    if tuple(built.get("Test") or ()) != image.healthcheck:
        yield Stale(
            last["HEALTHCHECK"], "HEALTHCHECK", _words(image.healthcheck), _words(tuple(built.get("Test") or ()))
        )
        return
    for option, key in (("interval", "Interval"), ("timeout", "Timeout"), ("start-period", "StartPeriod")):
        text = image.healthcheck_options.get(option)
        if text and duration_ns(text) not in {None, built.get(key) or 0}:
            yield Stale(last["HEALTHCHECK"], f"HEALTHCHECK --{option}", text, f"{(built.get(key) or 0) / 1e9:g}s")
    retries = image.healthcheck_options.get("retries")
    if retries and retries.isdecimal() and int(retries) != (built.get("Retries") or 0):
        yield Stale(last["HEALTHCHECK"], "HEALTHCHECK --retries", retries, str(built.get("Retries") or 0))
