"""The rules by which recorded figures contradict each other, each a pure function of a row and what is known.

A median time and a median rate need not come from one request, so that a tenth is allowed everywhere. What a rule
calls an error cannot be true in any reading; what may have another cause is a note.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.decide import quantiles
from pytest_newscreator.measure.decide.sequential import least_requests
from pytest_newscreator.measure.record import memory
from pytest_newscreator.measure.record.figures import Figure
from pytest_newscreator.measure.record.memory import Known
from pytest_newscreator.measure.record.tables import Row

SLACK: Final = 1.1
MOST_CHARACTERS_A_TOKEN: Final = 6.0
"""More than any tokenizer of a language model packs into a token of prose: Japanese has 1 to 3, English 4 to 5."""
LONGEST_OVERHEAD_S: Final = 1.0
"""What a warm request may take beside prefill: tokenising, the scheduler, the network."""
OUTLIER: Final = 10
"""How many times faster than its neighbours a prefill is only from a cache; short prompts differ by 2 or 3."""
LEVELS: Final = {"ttft": 50, "ttft_p90": 90, "ttft_p95": 95, "ttft_p99": 99}


@frozen
class Doubt:
    """Why a figure cannot be true beside the others, and what would."""

    figure: Figure
    message: str
    expected: str
    fix: str
    severity: Literal["error", "note"] = "error"


Judge = Callable[[Row, Sequence[Row], Known], "Doubt | None"]


@frozen
class Rule:
    """A rule, and the figures without which it has nothing to say; of each group in `any_of` one is enough."""

    name: str
    judge: Judge
    needs: tuple[str, ...]
    any_of: tuple[str, ...] = ()

    def applies(self, row: Row, known: Known) -> bool:
        """Return whether a row has what the rule compares."""
        there = {*row.figures, *(name for name in ("num_ctx", "base") if getattr(known, name) is not None)}
        return there.issuperset(self.needs) and (not self.any_of or not there.isdisjoint(self.any_of))


def _value(row: Row, key: str, default: float = 0.0) -> float:
    return row.figures[key].value if key in row.figures else default


def _evaluated(row: Row) -> float:
    """Return the most tokens that can have been evaluated before the first came: TTFT x prefill rate."""
    return _value(row, "ttft") * _value(row, "prefill")


def _speed(row: Row) -> str:
    return f"TTFT {row.figures['ttft'].text} at {row.figures['prefill'].text}"


def characters(row: Row, _: Sequence[Row], known: Known) -> Doubt | None:
    """A label in characters: as many tokens as it takes were not evaluated in the time, nor do they fit the window."""
    given, fits = row.figures["characters"], known.num_ctx or float("inf")
    held = _evaluated(row) / max(1 - _value(row, "cached"), 1e-9) * SLACK
    if given.value <= min(held, fits) * MOST_CHARACTERS_A_TOKEN:
        return None
    if held <= fits:
        what = f"{_speed(row)} evaluates at most {_evaluated(row):,.0f} tokens"
    else:
        what = f"the window holds {fits:,.0f} tokens"
    per = given.value / max(min(held / SLACK, fits), 1)
    return Doubt(
        given,
        f"{row.label} has {given.text} characters, {what}: {per:.1f} characters a token, should be at most "
        f"{MOST_CHARACTERS_A_TOKEN:g}",
        f"at most {min(held, fits) * MOST_CHARACTERS_A_TOKEN:,.0f} characters",
        "measure again with the tokens that the server counts; the prompt was cut, or came from the prefix cache",
    )


def text(row: Row, others: Sequence[Row], _: Known) -> Doubt | None:
    """One table, one kind of text: a row with twice the characters a token of another is short of time."""
    mine = _value(row, "characters") / max(_evaluated(row), 1e-9)
    found = [
        (_value(one, "characters") / _evaluated(one), one.label)
        for one in others
        if {"characters", "ttft", "prefill"} <= one.figures.keys() and _evaluated(one) and one.model == row.model
    ]
    if not found or mine <= 2 * min(found)[0] or mine > MOST_CHARACTERS_A_TOKEN:
        return None
    least, label = min(found)
    message = f"{row.label} has {mine:.1f} characters a token by its TTFT and prefill rate, {label} has {least:.1f}"
    return Doubt(
        row.figures["characters"], f"{message}: should be alike where the text is", f"about {least:.1f}",
        "record the tokens that the server counts (prompt_eval_count)", "note",
    )  # fmt: skip


def prefill(row: Row, _: Sequence[Row], __: Known) -> Doubt | None:
    """TTFT is never shorter than the prompt's tokens take at the recorded rate, those from the cache aside."""
    tokens, ttft = row.figures["tokens"], row.figures["ttft"]
    least = tokens.value * (1 - _value(row, "cached")) / max(_value(row, "prefill"), 1e-9)
    if ttft.value * SLACK >= least:
        return None
    message = f"{row.label} has TTFT {ttft.text}, {tokens.text} tokens at {row.figures['prefill'].text} take"
    return Doubt(
        ttft, f"{message} {least:.2f} s, should be no shorter", f"at least {least:.2f} s",
        "measure again with a fresh prefix and without truncation; drop first tokens that came before the prefill",
    )  # fmt: skip


def waiting(row: Row, _: Sequence[Row], known: Known) -> Doubt | None:
    """TTFT is not much longer than a prompt as long as it can be takes: the rest is a reload, a queue, a spill."""
    ttft, most = row.figures["ttft"], min(_value(row, "tokens", float("inf")), known.num_ctx or float("inf"))
    least = most / max(_value(row, "prefill"), 1e-9)
    rest = ttft.value - least * SLACK - _value(row, "load")
    if rest <= LONGEST_OVERHEAD_S:
        return None
    what = "its prompt has" if most == _value(row, "tokens", float("inf")) else "the window holds"
    message = f"{row.label} has {_speed(row)}, enough for {_evaluated(row):,.0f} tokens, and {what} {most:,.0f}"
    return Doubt(
        ttft,
        f"{message}: {ttft.value - least:.1f} s are no prefill, should be at most {LONGEST_OVERHEAD_S:g} s",
        f"at most {least + LONGEST_OVERHEAD_S:.2f} s",
        "record load_duration beside it: a reload, a queue or a prompt that was cut is no time to the first token",
        "note" if known.queues else "error",
    )


def window(row: Row, _: Sequence[Row], known: Known) -> Doubt | None:
    """A prompt fits its window: Ollama cuts a longer one in silence, and measures what is left."""
    tokens = row.figures["tokens"]
    if known.num_ctx is None or tokens.value <= known.num_ctx:
        return None
    return Doubt(
        tokens, f"{row.label} has {tokens.text} tokens, the window holds {known.num_ctx:,}, should fit",
        f"at most {known.num_ctx:,}", 'send "truncate": false, and measure a prompt that fits',
    )  # fmt: skip


def reload(row: Row, _: Sequence[Row], __: Known) -> Doubt | None:
    """The time of loading a model is no part of a time to the first token."""
    load, ttft = row.figures["load"], row.figures["ttft"]
    if load.value <= LONGEST_OVERHEAD_S and load.value <= ttft.value * SLACK:
        return None
    message = f"{row.label} has TTFT {ttft.text} and a load of {load.text}"
    return Doubt(
        load, f"{message}: the model was loaded for this request, should be warm", f"at most {LONGEST_OVERHEAD_S:g} s",
        "warm up first, and send the same options in every request",
    )  # fmt: skip


def cache(row: Row, others: Sequence[Row], _: Known) -> Doubt | None:
    """A prefill many times as fast as its neighbours is a prefix cache; a share of hits is a share."""
    cached, rate = row.figures.get("cached"), row.figures.get("prefill")
    if cached is not None and not 0 <= cached.value <= 1:
        message = f"{row.label} has a cache-hit rate of {cached.text}, should be a share of one"
        return Doubt(cached, message, "0 % to 100 %", "record the share of the prompt's tokens")
    near = [_value(one, "prefill") for one in others if "prefill" in one.figures and one.model == row.model]
    usual = quantiles.quantile(near, Fraction(1, 2)) if near else 0.0
    if rate is None or not near or rate.value <= OUTLIER * usual:
        return None
    return Doubt(
        rate, f"{row.label} has a prefill of {rate.text}, the others have {usual:,.0f}: a cached prefix, should "
        "be evaluated", f"about {usual:,.0f} tok/s", "begin every prompt with something fresh",
    )  # fmt: skip


def decode(row: Row, others: Sequence[Row], _: Known) -> Doubt | None:
    """Decoding does not get faster behind a longer prompt: attention reads more."""
    unit = "tokens" if "tokens" in row.figures else "characters"
    shorter = [
        (_value(one, "decode"), one.label)
        for one in others
        if {unit, "decode"} <= one.figures.keys() and _value(one, unit) < _value(row, unit) and one.model == row.model
    ]
    rate = row.figures["decode"]
    if not shorter or rate.value <= min(shorter)[0] * 1.05:
        return None
    least, label = min(shorter)
    return Doubt(
        rate, f"{row.label} decodes at {rate.text}, {label} with a shorter prompt at {least:g}: should not be faster",
        f"at most {least * 1.05:.1f} tok/s", "take the rate of the client over answers of one length (16 or more)",
        "note",
    )  # fmt: skip


def total(row: Row, _: Sequence[Row], __: Known) -> Doubt | None:
    """The last token comes after the first, by as much as the answer takes."""
    whole, least = row.figures["total"], _value(row, "ttft")
    if {"answer", "decode"} <= row.figures.keys():
        least += max(_value(row, "answer") - 1, 0) / max(_value(row, "decode"), 1e-9)
    if whole.value * SLACK >= least and whole.value >= _value(row, "ttft"):
        return None
    message = f"{row.label} took {whole.text} in all, its first token and its answer take {least:.2f} s"
    return Doubt(
        whole, f"{message}, should be no shorter", f"at least {least:.2f} s", "record both of one run of requests"
    )


def order(row: Row, _: Sequence[Row], __: Known) -> Doubt | None:
    """A higher quantile of the same times is no smaller."""
    there = [(row.figures[key], level) for key, level in LEVELS.items() if key in row.figures]
    for (low, below), (high, above) in pairwise(there):
        if high.value < low.value:
            message = f"{row.label} has a TTFT P{above} of {high.text} and a P{below} of {low.text}"
            expected = f"at least {low.text}"
            return Doubt(high, f"{message}, should be no smaller", expected, "record both of the same requests")
    return None


def requests(row: Row, _: Sequence[Row], __: Known) -> Doubt | None:
    """A quantile from few requests is a guess: it has no bound, and proves nothing of its limit."""
    given = row.figures["requests"]
    level = Fraction(max(level for key, level in LEVELS.items() if key in row.figures), 100)
    least, bound = least_requests(level), quantiles.fewest(level)
    if given.value >= least:
        return None
    message = f"{row.label} has a TTFT P{int(level * 100)} from {given.text} requests: a pass at 1 % needs {least}"
    return Doubt(
        given, f"{message}, and its interval (95 %) has both ends from {bound}", f"at least {least}",
        "measure more requests, or record a lower quantile", "note",
    )  # fmt: skip


def vram(row: Row, _: Sequence[Row], known: Known) -> Doubt | None:
    """The memory in use holds the weights of the model, is no more than the card has, and is as forecast."""
    given = row.figures["vram"]
    for judge in (memory.beyond_card, memory.below_weights, memory.unlike_forecast):
        wrong = judge(given.value, known)
        if wrong is not None:
            message, expected, fix = wrong
            severity: Literal["error", "note"] = "note" if judge is memory.unlike_forecast else "error"
            return Doubt(given, f"{row.label} uses {given.text} of VRAM, {message}", expected, fix, severity)
    return None


def size(row: Row, _: Sequence[Row], known: Known) -> Doubt | None:
    """The size of a model's file is that of its tensors."""
    given, true = row.figures["size"], memory.file_mib(known)
    if true is None or abs(given.value - true) <= 0.05 * true:
        return None
    gigabytes = true * 2**20 / 1e9
    return Doubt(
        given, f"{row.label} has a size of {given.text}, the tensors of {known.base} are {gigabytes:.1f} GB",
        f"{gigabytes:.1f} GB", "copy it from `ollama list`; an estimate from the quantization misses the embedding",
    )  # fmt: skip


RULES: Final = (
    Rule("characters", characters, ("characters", "ttft", "prefill")),
    Rule("text", text, ("characters", "ttft", "prefill")),
    Rule("prefill", prefill, ("tokens", "ttft", "prefill")),
    Rule("waiting", waiting, ("ttft", "prefill"), any_of=("tokens", "num_ctx")),
    Rule("window", window, ("tokens", "num_ctx")),
    Rule("reload", reload, ("load", "ttft")),
    Rule("cache", cache, (), any_of=("cached", "prefill")),
    Rule("decode", decode, ("decode",), any_of=("tokens", "characters")),
    Rule("total", total, ("total", "ttft")),
    Rule("order", order, ("ttft",), any_of=("ttft_p90", "ttft_p95", "ttft_p99")),
    Rule("requests", requests, ("requests",), any_of=tuple(LEVELS)),
    Rule("vram", vram, ("vram",)),
    Rule("size", size, ("size", "base")),
)
"""Every rule, by the name that its items carry."""
