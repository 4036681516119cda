"""The longest prompt that the contract declares for a variant: made to measure, and read to its end by the server."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.checks.served.names import Served
from pytest_newscreator.contract.model import Contract
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Finding

if TYPE_CHECKING:
    from pytest_newscreator.measure.streaming import Streamed
    from pytest_newscreator.observe.ollama import Shown

PARAGRAPH: Final = "東京都は二十三日、新しい図書館を開館した。地域の住民が多数訪れ、初日から賑わいを見せた。\n"
OUTPUT_TOKENS: Final = 256
SCALE_TOKENS: Final = 16
STANDIN_TOKENS: Final = 2048
"""The longest prompt that a stand-in reads to its end: on a CPU it reads some hundred tokens a second."""
ANSWER_S: Final = 300.0
TAKEN_S: Final = 3.0
"""A server refuses a prompt at once: what it is silent about for so long it has taken."""
READ_S: Final = 1800.0
SLACK: Final = 0.02
"""How far the count may be from what the paragraphs come to: the seams between them are the tokenizer's own."""


@frozen
class Longest:
    """A prompt length in tokens and the room for its answer; `place` is where it is declared."""

    tokens: int
    output: int
    place: Place | None = None


def of(served: Served, contract: Contract) -> Longest | None:
    """Return the longest declared prompt of a variant or base, else what its num_ctx leaves; None where neither is."""
    cases = contract.latency.cases.values() if contract.latency else ()
    asked = (served.variant.name,) if served.variant else (served.model.base,)
    mine = [case for case in cases if case.model and any(names.same(case.model, name) for name in asked)]
    if mine:
        case = max(mine, key=lambda one: one.prompt_tokens)
        return Longest(case.prompt_tokens, case.output_tokens, case.place)
    window = served.variant.num_ctx if served.variant else None
    if window is None or window <= 2 * OUTPUT_TOKENS:
        return None
    return Longest(window - OUTPUT_TOKENS, OUTPUT_TOKENS)


@frozen
class Scale:
    """What a prompt comes to in a model's tokens: `overhead` for its turns, `each` for a paragraph."""

    overhead: float
    each: float

    @classmethod
    def measured(cls, ask: Callable[[str], Streamed]) -> Scale | None:
        """Measure with a short and a longer prompt; None where the server does not count."""
        few, more = 4, 12
        short, long = (int(ask(_text(count)).last.get("prompt_eval_count") or 0) for count in (few, more))
        if not 0 < short < long:
            return None
        each = (long - short) / (more - few)
        return cls(short - few * each, each)

    def text(self, tokens: int) -> str:
        """Return the longest prompt of at most so many tokens."""
        return _text(max(1, int((tokens - self.overhead) / self.each)))

    def tokens(self, text: str) -> float:
        """Return what a prompt comes to."""
        return self.overhead + text.count(PARAGRAPH) * self.each


def _text(paragraphs: int) -> str:
    """Return a prompt that no cache knows: its beginning is like no other's."""
    return f"{secrets.randbelow(10**8):08d}\n" + PARAGRAPH * paragraphs


def is_silent(streamed: Streamed) -> bool:
    """Return whether nothing came back in time."""
    return not streamed.chunks and (streamed.error or "").startswith("TimeoutError")


def judge(  # noqa: PLR0913, PLR0917 - one answer, and what it is held to
    streamed: Streamed, name: str, prompt: Longest, sent: float, shown: Shown | None, subject: Subject
) -> Finding | None:
    """Return what is wrong with the answer to a prompt of about `sent` tokens."""
    window = ", ".join(shown.parameters.get("num_ctx", ())) if shown is not None else ""
    says = f"num_ctx {window}" if window else "no num_ctx of its own"
    if streamed.error and "context length" in streamed.error:
        return Finding(
            f"{name} refuses its longest declared prompt of {prompt.tokens} tokens: it has {says}",
            subject.place,
            f"{prompt.tokens} tokens",
            streamed.error,
            fix="raise num_ctx, or declare a shorter prompt",
        )
    finding = judge_answer(streamed, name, subject)
    read = streamed.last.get("prompt_eval_count") or 0
    if finding is None and read < sent * (1 - SLACK):
        return Finding(
            f"{name} read {read} of about {sent:.0f} prompt tokens: the prompt was truncated ({says})",
            subject.place,
            f"about {sent:.0f}",
            str(read),
            fix="raise num_ctx, or declare a shorter prompt",
        )
    return finding


def judge_answer(streamed: Streamed, name: str, subject: Subject) -> Finding | None:
    """Return what is wrong with an answer whatever its length: an error, a broken stream, no visible text."""
    if streamed.error:
        message, fix = f"{name} answered with an error: {streamed.error}", "the server's log tells more"
        return Finding(message, subject.place, observed=streamed.error, fix=fix)
    if not streamed.is_done:
        message = f"{name} broke off: the stream ended without `done`"
        return Finding(message, subject.place, fix="see the server's log")
    if not any(character.isprintable() and not character.isspace() for character in streamed.text):
        message = f"{name} answered without visible text ({len(streamed.text)} characters)"
        return Finding(message, subject.place, observed=streamed.text[:80], fix="check its TEMPLATE and its base")
    return None
