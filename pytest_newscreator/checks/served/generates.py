"""`generates`: each variant streams a visible answer that it ends by itself, to its longest declared prompt too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.served import longest
from pytest_newscreator.checks.served.longest import Longest
from pytest_newscreator.checks.served.names import Served, has, may_ask, server, variant_subjects
from pytest_newscreator.contract.model import Contract
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

if TYPE_CHECKING:
    from pytest_newscreator.measure.streaming import Streamed
    from pytest_newscreator.observe.ollama import Ollama
    from pytest_newscreator.stack.model import Stack

PROMPT: Final = "次の文を一文で要約してください。東京で新しい図書館が開館しました。"
MOST_TOKENS: Final = 512
ANSWER_S: Final = 600.0
"""How long so many tokens may take in all, about one a second: a server may say something now and then for ever."""


def generates_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield what requests name, and again with the longest prompt that the contract declares for it."""
    for subject in variant_subjects(repository):
        served: Served = subject.data
        if served.model.task == "chat":
            yield subject
            if (prompt := longest.of(served, repository.contract)) is not None:
                yield Subject(f"{subject.id} longest", prompt.place or subject.place, (served, prompt))


def generates(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_contract: Contract,
    newscreator_selected: frozenset[str],
) -> None:
    """Each variant streams an answer with visible text that it ends by itself, and reads its longest prompt whole.

    A model can be listed, loaded and mute: a template that does not fit, a missing stop token, a broken import.
    An answer that runs into its limit is the usual sign. A prompt beyond num_ctx is cut from its beginning, with
    status 200 and a fluent answer about the rest: the server's own count says whether it read everything. Check the
    TEMPLATE and the stop texts; for the longest prompt num_ctx, and OLLAMA_CONTEXT_LENGTH where no Modelfile says it.
    """
    from pytest_newscreator.measure.streaming import generate

    data = newscreator_subject.data
    served, prompt = data if isinstance(data, tuple) else (data, None)
    subject = replace(newscreator_subject, data=served)
    ollama = server(newscreator_stack, served.service, newscreator_selected)
    name = served.name(newscreator_contract, newscreator_stack)
    has(ollama, name, subject, newscreator_selected)
    if prompt is not None:
        unless_live(newscreator_stack, name, prompt.tokens)
    may_ask(ollama, name, newscreator_stack)
    if prompt is not None:
        _reads_all(ollama, name, prompt, subject)
        return
    body = {"model": name, "prompt": PROMPT, "options": {"num_predict": MOST_TOKENS}}
    finding = judge(generate(ollama.url, body, within_s=ANSWER_S, ca=ollama.ca), name, subject)
    if finding is not None:
        raise Broken(_explained(finding, newscreator_stack, served))


def unless_live(stack: Stack, name: str, tokens: int) -> None:
    """Raise `NotVerified` for a stack that was found running: its users would wait until the prompt is read.

    An address that was named on the command line is meant.
    """
    if stack.kind == "attach" and not stack.owned:
        raise NotVerified(
            f"a prompt of {tokens} tokens to {name} would keep the users of a running server waiting",
            needs="",
            fix="verify it on a stack of its own (--newscreator-stack compose), or name the server's address there",
        )


def _explained(finding: Finding, stack: Stack, served: Served) -> Finding:
    """Return a finding with what became of the server meanwhile."""
    from pytest_newscreator.observe.fate import because

    endpoint = stack.endpoint(served.service.key)
    told = because(endpoint) if endpoint is not None else ""
    return replace(finding, message=f"{finding.message}; {served.service.key}{told}") if told else finding


def _reads_all(ollama: Ollama, name: str, prompt: Longest, subject: Subject) -> None:
    """Send the longest prompt; a stand-in, which reads slowly on a CPU, is only held to taking it."""
    from pytest_newscreator.measure.streaming import generate

    shown = ollama.show(name)
    is_cut_short = shown is not None and shown.standin is not None and prompt.tokens > longest.STANDIN_TOKENS

    def ask(text: str, most: int, timeout_s: float) -> Streamed:
        body = {"model": name, "prompt": text, "shift": False, "options": {"num_predict": most}}
        return generate(ollama.url, body, ca=ollama.ca, timeout_s=timeout_s)

    def measure(text: str) -> Streamed:
        return _whole(ask(text, longest.SCALE_TOKENS, longest.ANSWER_S), name, subject)

    scale = longest.Scale.measured(measure)
    if scale is None:
        raise NotVerified(f"{name} does not say how many tokens it read", needs="", fix=f"see generates[{subject.id}]")
    text = scale.text(prompt.tokens)
    streamed = ask(text, prompt.output, longest.TAKEN_S if is_cut_short else longest.READ_S)
    if is_cut_short and longest.is_silent(streamed):
        reason = f"{name} took a prompt of {prompt.tokens} tokens; a stand-in is not waited for until it has read it"
        raise NotVerified(reason, needs="", fix="verify it with the real model")
    finding = longest.judge(streamed, name, prompt, scale.tokens(text), shown, subject)
    if finding is not None:
        raise Broken(finding)


def _whole(streamed: Streamed, name: str, subject: Subject) -> Streamed:
    """Return an answer that is whole; one that breaks off is a finding, whatever it counts."""
    finding = longest.judge_answer(streamed, name, subject) if not streamed.is_done else None
    if finding is not None:
        raise Broken(finding)
    return streamed


def judge(streamed: Streamed, name: str, subject: Subject) -> Finding | None:
    """Return what is wrong with an answer: it is whole, visible and ended by the model."""
    finding = longest.judge_answer(streamed, name, subject)
    reason = streamed.last.get("done_reason")
    if finding is None and reason != "stop":
        return Finding(
            f"{name} did not end its answer by itself within {MOST_TOKENS} tokens (done_reason {reason})",
            subject.place,
            "stop",
            reason,
            fix="check its stop token and TEMPLATE",
        )
    return finding


GENERATES = Check("generates", "served", "infra", generates, generates_subjects)
