"""`generates`: each variant streams a visible answer that it ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served.names import Served, has, load, server, variant_subjects
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.measure.streaming import Streamed
    from pytest_newscreator.stack.model import Stack

PROMPT: Final = "次の文を一文で要約してください。東京で新しい図書館が開館しました。"
MOST_TOKENS: Final = 512


def generates(newscreator_subject: Subject, newscreator_stack: Stack, newscreator_selected: frozenset[str]) -> None:
    """Each variant streams an answer with visible text that it ends by itself.

    A model can be listed, loaded and mute: a template that does not fit, a missing stop token, a broken import.
    An answer that runs into its limit is the usual sign.
    """
    from pytest_newscreator.measure.streaming import generate

    served: Served = newscreator_subject.data
    ollama = server(newscreator_stack, served, newscreator_selected)
    has(ollama, served, newscreator_subject, newscreator_selected)
    if served.model.task == "embed":
        raise NotVerified(f"{served.name} embeds", needs="", fix="")
    load(ollama, served.name, newscreator_stack)
    body = {"model": served.name, "prompt": PROMPT, "options": {"num_predict": MOST_TOKENS}}
    streamed = generate(ollama.url, body, ca=ollama.ca)
    _judge(streamed, served.name, newscreator_subject)


def _judge(streamed: Streamed, name: str, subject: Subject) -> None:
    """Hold a stream to being whole, visible, in pieces and ended by the model."""
    if streamed.error:
        fail(
            f"{name} answered with an error: {streamed.error}",
            place=subject.place,
            observed=streamed.error,
            fix="the server's log tells more",
        )
    if not streamed.is_done:
        fail(f"{name} broke off: the stream ended without `done`", place=subject.place, fix="see the server's log")
    if not any(character.isprintable() and not character.isspace() for character in streamed.text):
        fail(
            f"{name} answered without visible text ({len(streamed.text)} characters)",
            place=subject.place,
            observed=streamed.text[:80],
            fix="check its TEMPLATE and its base",
        )
    reason = streamed.last.get("done_reason")
    if reason != "stop":
        fail(
            f"{name} did not end its answer by itself within {MOST_TOKENS} tokens (done_reason {reason})",
            place=subject.place,
            expected="stop",
            observed=reason,
            fix="check its stop token and TEMPLATE",
        )


GENERATES = Check("generates", "served", "infra", generates, variant_subjects)
