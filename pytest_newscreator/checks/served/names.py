"""The names that a server must have, the server itself, and loading without pushing out what is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_newscreator.checks.deployed.services import endpoint_of, step_back
from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.contract.model import Model, Service, Variant
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import NotVerified, fail

if TYPE_CHECKING:
    from pytest_newscreator.observe.ollama import Ollama
    from pytest_newscreator.stack.model import Stack


@dataclass(frozen=True, slots=True)
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


def server(stack: Stack, served: Served, selected: frozenset[str]) -> Ollama:
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


def has(ollama: Ollama, served: Served, subject: Subject, selected: frozenset[str]) -> None:
    """Leave it to `models` to say that the server does not have the model, where that runs."""
    if ollama.show(served.name) is None:
        step_back(f"models[{subject.id.removesuffix(' gpu')}]", selected)
        fail(f"{served.service.key} does not have {served.name}", place=subject.place, fix="make it again")


def load(ollama: Ollama, name: str, stack: Stack) -> None:
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


def short(digest: str | None) -> str:
    """Return the first 12 digits of a digest."""
    return digest[:12] if digest else "unknown"
