"""The names that a server must have, the server itself, and loading without pushing out what is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pytest_newscreator.checks.deployed.services import endpoint_of, step_back
from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.model import Contract, Model, Service, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Loaded, Ollama
    from pytest_newscreator.stack.model import Stack

VERSION_S: Final = 10.0
"""How long a server may take to say its version, whatever else it does: one that is paused says nothing."""


@frozen
class Served:
    """One name that a server must have; `variant` None is the base itself."""

    service: Service
    model: Model
    variant: Variant | None

    def name(self, contract: Contract, stack: Stack) -> str:
        """Return the name that a request would use: an invocation may replace the base, and so its name."""
        return self.variant.name if self.variant else contract.base_in(self.model, stack.invocation)


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


def server(stack: Stack, service: Service, selected: frozenset[str]) -> Ollama:
    """Return the server that must have the model; one that does not answer is told by `healthy`, where that runs."""
    from pytest_newscreator.observe.fate import because
    from pytest_newscreator.observe.ollama import Ollama, ServerError

    endpoint = endpoint_of(stack, service, selected)
    if endpoint.url is None:
        raise NotVerified(
            f"{service.key} publishes no port that this machine reaches",
            needs="stack",
            fix="publish its port on 127.0.0.1, or run inside its network",
        )
    ollama = Ollama(endpoint.url, ca=endpoint.ca)
    try:
        Ollama(endpoint.url, timeout_s=VERSION_S, ca=endpoint.ca).version()
    except ServerError as error:
        step_back(f"healthy[{service.key}]", selected)
        said = f"{service.key}{because(endpoint)}: {error.message}"
        fail(said, place=service.place, observed=error.message, fix=error.fix)
    return ollama


def has(ollama: Ollama, name: str, subject: Subject, selected: frozenset[str]) -> None:
    """Leave it to `models` to say that the server does not have the model, where that runs."""
    if ollama.show(name) is None:
        served: Served = subject.data
        item = served.variant.name if served.variant else f"{served.model.key} base"
        step_back(f"models[{item}]", selected)
        fail(f"{served.service.key} does not have {name}", place=subject.place, fix="make it again")


def load(ollama: Ollama, name: str, stack: Stack) -> Loaded | None:
    """Return the runner of a model, loaded unless that could push another one out of a stack that is not ours.

    One that runs in a stack that is not ours is left as it is: asking it with its own options could restart it.
    """
    runner = ollama.runner_of(name)
    if runner is not None and (not stack.owned or runner.digest == ollama.digest(name)):
        return runner
    others = [one.name for one in ollama.loaded()]
    if others and not stack.owned:
        raise NotVerified(
            f"{name} is not loaded, and loading it could push out {', '.join(others)}",
            needs="",
            fix=f"ollama stop {others[0]}, or verify it on a stack of its own (--newscreator-stack compose)",
        )
    if runner is not None:
        ollama.unload(name)  # it was started for what the name meant before, or for another name of its blob
    _load(ollama, name, stack)
    return ollama.runner_of(name)


def _load(ollama: Ollama, name: str, stack: Stack) -> None:
    """Load a model; raises `ServerError` with what became of its server."""
    from pytest_newscreator.observe.fate import because
    from pytest_newscreator.observe.ollama import ServerError

    try:
        ollama.load(name)
    except ServerError as error:
        key, endpoint = next((key, one) for key, one in stack.endpoints.items() if one.url == ollama.url)
        said = f"{name} cannot be loaded by {key}{because(endpoint)}: {error.message}"
        raise ServerError(said, fix=error.fix) from None


def may_ask(ollama: Ollama, name: str, stack: Stack) -> None:
    """Load a model to ask it; in a stack that is not ours, raise `NotVerified` where the request would restart it."""
    runner = load(ollama, name, stack)
    shown = ollama.show(name)
    own = shown.parameters.get("num_ctx", ()) if shown is not None else ()
    if stack.owned or runner is None or not own or runner.context_length is None:
        return
    if str(runner.context_length) != own[0]:
        raise NotVerified(
            f"{name} runs with a context of {runner.context_length}; a request with its own {own[0]} would restart it",
            needs="",
            fix="see loaded; or verify it on a stack of its own (--newscreator-stack compose)",
        )


def short(digest: str | None) -> str:
    """Return the first 12 digits of a digest."""
    return digest[:12] if digest else "unknown"
