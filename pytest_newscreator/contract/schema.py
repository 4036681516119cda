"""The table of `newscreator.yaml`: every key, what it holds, and what it is for.

Both the validation and the JSON Schema in `data/` are made from this table alone.
"""

from __future__ import annotations

from typing import Final

from pytest_newscreator.contract import units
from pytest_newscreator.contract.shapes import Amount, ByForm, Choice, Day, Keys, Many, Named, Shape, Text, Whole
from pytest_newscreator.contract.stack_keys import GPU, INVOCATION, MODEL, MOST_TOKENS, SERVICE
from pytest_newscreator.contract.vocabulary import NAME, model_name

VERSION: Final = 1


def _metrics() -> dict[str, Shape]:
    """Build the table of objectives: a ceiling for times and shares, a floor for rates."""
    figures = {
        "ttft": ("Time to first token", "at most", units.DURATION, "2 s"),
        "itl": ("Inter-token latency", "at most", units.DURATION, "30 ms"),
        "e2e": ("Time to the last token", "at most", units.DURATION, "20 s"),
        "decode": ("Decode rate", "at least", units.TOKEN_RATE, "40 tok/s"),
        "prefill": ("Prefill rate", "at least", units.TOKEN_RATE, "500 tok/s"),
    }
    table: dict[str, Shape] = {}
    for name, (noun, side, quantity, example) in figures.items():
        for level in (50, 90, 95, 99):
            about = f"{noun}, {side} this for {level} % of the requests."
            title = f"{noun}, P{level}"
            table[f"{name}_p{level}"] = Amount(title=title, about=about, example=example, quantity=quantity)
    shares = {
        "oom_rate": ("Out-of-memory rate", "The share of requests that end for want of memory, at most.", "5 %"),
        "error_rate": ("Error rate", "The share of requests that fail, at most.", "1 %"),
        "rouge_drop": ("Loss of quality", "How far ROUGE may fall behind the rollback base, at most.", "10 %"),
    }
    for name, (title, about, example) in shares.items():
        table[name] = Amount(title=title, about=about, example=example, quantity=units.SHARE)
    return table


METRICS: Final = _metrics()
"""Every objective a contract can name, with its unit."""

_CASE = Keys(
    title="Case",
    about="One prompt length, sent to one model.",
    example="{model: news-16k, prompt_tokens: 950}",
    required=("prompt_tokens",),
    keys={
        "model": model_name(
            "Model", "The variant or base that is asked; left out, the only one that can be meant.", "news-16k"
        ),
        "prompt_tokens": Whole(
            title="The length of the prompt",
            about="The length of the prompt, in tokens.",
            example="950",
            low=1,
            high=MOST_TOKENS,
        ),
        "output_tokens": Whole(
            title="Answer length",
            about="The longest answer, in tokens; 256 where it is left out.",
            example="256",
            low=1,
            high=MOST_TOKENS,
        ),
        "targets": Choice(
            title="Targets",
            about="none: the figures of this case are recorded and not judged.",
            example="none",
            words=("none",),
        ),
    },
)

_RECORD: Final = Text(
    title="Record", about="A file with a table of recorded results, Markdown or JSON.", example="docs/record.md"
)

LATENCY: Final = Keys(
    title="Latency",
    about="What is measured, and what the figures must be.",
    example="{cases: {small: {prompt_tokens: 950}}, targets: {ttft_p50: 2 s}}",
    keys={
        "load": Keys(
            title="Load",
            about="How requests are sent: by so many clients one after the other, or at a rate. One client by default.",
            example="{clients: 1}",
            one_of=(("clients", "rate"),),
            keys={
                "clients": Whole(
                    title="Clients",
                    about="How many clients send one request after the other.",
                    example="1",
                    low=1,
                    high=100_000,
                ),
                "rate": Amount(
                    title="Rate",
                    about="How many requests are sent in a second, whether or not the last was answered.",
                    example="0.5/s",
                    quantity=units.FREQUENCY,
                ),
            },
        ),
        "cases": Named(
            title="Cases",
            about="The prompt lengths that are measured, by name.",
            example="{small: {prompt_tokens: 950}}",
            of=_CASE,
            name=NAME,
        ),
        "targets": Keys(
            title="Targets",
            about="The figures that every case must reach.",
            example="{ttft_p50: 2 s, decode_p50: 40 tok/s}",
            keys=METRICS,
        ),
        "rollback": Keys(
            title="Rollback limits",
            about="The figures at which the migration is undone.",
            example="{ttft_p50: 3 s, oom_rate: 5 %}",
            keys=METRICS,
        ),
        "record": ByForm(
            title="Record",
            about="Files with tables of recorded results (Markdown or JSON): no figure in them may contradict another.",
            example="docs/record.md",
            forms=(
                _RECORD,
                Many(title="Records", about="Several such files.", example="[docs/record.md]", of=_RECORD),
            ),
        ),
    },
)

WAIVER: Final = Keys(
    title="Waiver",
    about="A finding that is accepted until a day, with its reason.",
    example="{check: floating-tag, where: compose.yaml, reason: follows upstream, until: 2027-01-31}",
    required=("check", "where", "reason", "until"),
    keys={
        "check": Text(title="The check", about="The check whose finding is accepted.", example="floating-tag"),
        "where": Text(
            title="The place", about="A glob over paths, or over the subjects of the check.", example="compose.yaml"
        ),
        "reason": Text(title="The reason", about="Why the finding is accepted.", example="follows upstream"),
        "until": Day(title="The last day", about="The last day on which it is accepted.", example="2027-01-31"),
    },
)

CONTRACT: Final = Keys(
    title="newscreator.yaml",
    about="What a self-hosted LLM stack is supposed to be.",
    example="{version: 1, model: {base: gemma3:4b-it-qat}}",
    required=("version",),
    one_of=(("models", "model"),),
    keys={
        "version": Whole(
            title="The version of this format",
            about="The version of this format.",
            example="1",
            low=VERSION,
            high=VERSION,
        ),
        "models": Named(
            title="The models it is about",
            about="The models of the stack, each under a key of your choice.",
            example="{news: {base: gemma3:4b-it-qat}}",
            of=MODEL,
            name=NAME,
            least=1,
        ),
        "model": MODEL,
        "services": Named(
            title="Services",
            about="The services of the stack that the contract speaks about, each under a key of your choice.",
            example="{backend: {kind: ollama, compose: ollama}}",
            of=SERVICE,
            name=NAME,
        ),
        "gpus": Named(
            title="GPUs",
            about="The cards that the services run on, each under a key of your choice.",
            example="{rtx: {memory: 8188 MiB, vram_budget: 7000 MiB}}",
            of=GPU,
            name=NAME,
        ),
        "compose": Keys(
            title="Compose",
            about="How the stack is started with Docker Compose.",
            example="{invocations: {default: {files: [compose.yaml]}}}",
            keys={
                "invocations": Named(
                    title="Invocations",
                    about="The ways in which people really start it; each is resolved and checked.",
                    example="{default: {files: [compose.yaml]}}",
                    of=INVOCATION,
                    name=NAME,
                )
            },
        ),
        "latency": LATENCY,
        "security": Choice(
            title="Security",
            about="baseline makes hardening findings errors; without it they are notes.",
            example="baseline",
            words=("baseline",),
        ),
        "sources": Keys(
            title="Sources",
            about="Which files are read.",
            example='{exclude: ["legacy/**"]}',
            keys={
                "exclude": Many(
                    title="Left out",
                    about="Globs of files that are not read, beyond tests, documentation, vendored and generated ones.",
                    example='["legacy/**"]',
                    of=Text(title="Glob", about="A glob, as in .gitignore.", example="legacy/**"),
                )
            },
        ),
        "waivers": Many(
            title="Waivers",
            about="Findings that are accepted for a time.",
            example="[{check: floating-tag, where: compose.yaml, reason: follows upstream, until: 2027-01-31}]",
            of=WAIVER,
        ),
    },
)
