"""Level `served`: what Ollama really has, has loaded and answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed import endpoint_of, step_back
from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Model, Service, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.measure.streaming import Streamed
    from pytest_newscreator.observe.ollama import Ollama, Shown
    from pytest_newscreator.stack.model import Stack

PROMPT = "次の文を一文で要約してください。東京で新しい図書館が開館しました。"
MOST_TOKENS = 512


@frozen
class Served:
    """One name that a server must have; `variant` None is the base itself."""

    service: Service
    model: Model
    variant: Variant | None

    @property
    def name(self) -> str:
        """Return the name that a request would use."""
        return self.variant.name if self.variant else self.model.base


def model_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every base and variant of every model that an Ollama of the contract serves."""
    for model in repository.contract.models.values():
        service = repository.contract.services.get(model.service or "")
        if service is None or service.kind != "ollama":
            continue
        yield Subject(f"{model.key} base", model.base_place, Served(service, model, None))
        for variant in model.variants.values():
            yield Subject(variant.name, variant.place, Served(service, model, variant))


def variant_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield what requests name: the variants, or the base of a model that has none."""
    for subject in model_subjects(repository):
        served: Served = subject.data
        if served.variant is not None or not served.model.variants:
            yield subject


def loaded_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each servable name, and again for the GPU where its service has one."""
    for subject in variant_subjects(repository):
        yield subject
        if subject.data.service.gpu:
            yield Subject(f"{subject.id} gpu", subject.place, subject.data, marker="gpu")


def models(
    newscreator_subject: Subject,
    newscreator_stack: Stack,
    newscreator_repository: Repository,
    newscreator_selected: frozenset[str],
) -> None:
    """The server has every variant, made of the decided base and with the decided parameters.

    A start script that skips a variant that exists keeps serving the old base under the new configuration: the
    name is right, the weights are not. Compared are digests, not names. Make the variant again from its Modelfile.
    """
    served: Served = newscreator_subject.data
    ollama = _server(newscreator_stack, served, newscreator_selected)
    wanted = newscreator_repository.contract.base_in(served.model, newscreator_stack.invocation)
    name = served.name if served.variant else wanted
    shown = ollama.show(name)
    if shown is None:
        has = ", ".join(sorted(ollama.digests())) or "no model"
        fail(
            f"{served.service.key} does not have {name}; it has {has}",
            place=newscreator_subject.place,
            expected=name,
            observed=has,
            fix=f"make it again (up -d of {served.service.compose or served.service.key})",
        )
    if served.variant is not None:
        _made_of(ollama, shown, wanted, newscreator_subject)
        _parameters(shown, served, newscreator_subject)
    if served.model.quantization and shown.standin is None and shown.quantization != served.model.quantization:
        fail(
            f"{name} is quantised {shown.quantization}, the contract says {served.model.quantization}",
            place=newscreator_subject.place,
            expected=served.model.quantization,
            observed=shown.quantization,
        )


def _server(stack: Stack, served: Served, selected: frozenset[str]) -> Ollama:
    """Return the server that must have the model; one that does not answer is told by `healthy`, where that runs."""
    from pytest_newscreator.observe.ollama import Ollama, ServerError

    endpoint = endpoint_of(stack, served.service, selected)
    if endpoint.url is None:
        raise NotVerified(
            f"{served.service.key} publishes no port that this machine reaches",
            needs="stack",
            fix="publish its port on 127.0.0.1, or run inside its network",
        )
    ollama = Ollama(endpoint.url, ca=endpoint.ca)
    try:
        ollama.version()
    except ServerError as error:
        step_back(f"healthy[{served.service.key}]", selected)
        fail(error.message, place=served.service.place, observed=error.message, fix=error.fix)
    return ollama


def _has(ollama: Ollama, served: Served, subject: Subject, selected: frozenset[str]) -> None:
    """Leave it to `models` to say that the server does not have the model, where that runs."""
    if ollama.show(served.name) is None:
        step_back(f"models[{subject.id.removesuffix(' gpu')}]", selected)
        fail(f"{served.service.key} does not have {served.name}", place=subject.place, fix="make it again")


def _made_of(ollama: Ollama, shown: Shown, base: str, subject: Subject) -> None:
    """Hold a variant to its base, by parent name and by the digest of the weights."""
    parent = ollama.show(base)
    if not names.same(shown.parent, base):
        fail(
            f"{shown.name} is made of {shown.parent or 'nothing named'}, the contract says {base}",
            place=subject.place,
            expected=base,
            observed=shown.parent,
            fix="make it again from its Modelfile",
        )
    if parent is not None and parent.weights != shown.weights:
        fail(
            f"{shown.name} names {base} as its parent and carries other weights"
            f" (sha256 {_short(shown.weights)}, {base} has {_short(parent.weights)})",
            place=subject.place,
            expected=parent.weights,
            observed=shown.weights,
            fix="the base changed after the variant was made: make it again",
        )


def _short(digest: str | None) -> str:
    """Return the first 12 digits of a digest."""
    return digest[:12] if digest else "unknown"


def _parameters(shown: Shown, served: Served, subject: Subject) -> None:
    """Hold a variant to its declared parameters."""
    wanted = served.model.stated(served.variant) if served.variant else {}
    for key, values in wanted.items():
        observed = shown.parameters.get(key, ())
        same = len(observed) == len(values) and all(any(agrees(o, v) for o in observed) for v in values)
        if not same:
            fail(
                f"{shown.name} serves {key} {', '.join(observed) or 'unset'}, the contract says {', '.join(values)}",
                place=subject.place,
                expected=", ".join(values),
                observed=", ".join(observed) or None,
                fix="make it again from its Modelfile",
            )


def loaded(newscreator_subject: Subject, newscreator_stack: Stack, newscreator_selected: frozenset[str]) -> None:
    """A loaded variant has the context length of its Modelfile and the digest of its name.

    Whoever loads with other options restarts the runner, and on a small card another context pushes layers to the
    CPU. On a stack that was found running nothing is loaded that would push another model out.
    """
    from pytest_newscreator.observe.gpu import has_nvidia

    served: Served = newscreator_subject.data
    on_gpu = newscreator_subject.id.endswith(" gpu")
    if on_gpu and not has_nvidia():
        raise NotVerified("no NVIDIA GPU on this machine", needs="gpu", fix="run on the GPU host")
    ollama = _server(newscreator_stack, served, newscreator_selected)
    _has(ollama, served, newscreator_subject, newscreator_selected)
    _load(ollama, served.name, newscreator_stack)
    runner = ollama.runner_of(served.name)
    if runner is None:
        fail(f"{served.name} was loaded and is gone from /api/ps", place=newscreator_subject.place, fix="see the log")
    if runner.digest != ollama.digest(served.name):
        fail(
            f"{served.name} runs from digest {_short(runner.digest)},"
            f" the name means {_short(ollama.digest(served.name))}",
            place=newscreator_subject.place,
            fix=f"ollama stop {served.name}",
        )
    wanted = served.variant.num_ctx if served.variant else None
    if wanted is not None and runner.context_length is not None and runner.context_length != wanted:
        fail(
            f"{served.name} runs with a context of {runner.context_length}, the contract says {wanted}",
            place=newscreator_subject.place,
            expected=wanted,
            observed=runner.context_length,
            fix="somebody loads it with another num_ctx: see context-agreement",
        )
    if on_gpu and runner.size_vram < runner.size:
        fail(
            f"{served.name} is partly on the CPU: {runner.size_vram / runner.size:.0%} of it is in VRAM",
            place=newscreator_subject.place,
            expected="100 %",
            fix="free VRAM, or lower num_ctx",
        )


def _load(ollama: Ollama, name: str, stack: Stack) -> None:
    """Load a model unless that could push another one out of a stack that is not ours."""
    if ollama.runner_of(name) is not None:
        return
    others = [runner.name for runner in ollama.loaded()]
    if others and not stack.owned:
        raise NotVerified(
            f"{name} is not loaded, and loading it could push out {', '.join(others)}",
            needs="",
            fix=f"ollama stop {others[0]}, or verify it on a stack of its own (--newscreator-stack compose)",
        )
    ollama.load(name)


def generates(newscreator_subject: Subject, newscreator_stack: Stack, newscreator_selected: frozenset[str]) -> None:
    """Each variant streams an answer with visible text that it ends by itself.

    A model can be listed, loaded and mute: a template that does not fit, a missing stop token, a broken import.
    An answer that runs into its limit is the usual sign.
    """
    from pytest_newscreator.measure.streaming import generate

    served: Served = newscreator_subject.data
    ollama = _server(newscreator_stack, served, newscreator_selected)
    _has(ollama, served, newscreator_subject, newscreator_selected)
    if served.model.task == "embed":
        raise NotVerified(f"{served.name} embeds", needs="", fix="")
    _load(ollama, served.name, newscreator_stack)
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


MODELS = Check("models", "served", "infra", models, model_subjects)
LOADED = Check("loaded", "served", "infra", loaded, loaded_subjects)
GENERATES = Check("generates", "served", "infra", generates, variant_subjects)
