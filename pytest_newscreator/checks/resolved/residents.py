"""The models that may be in a card's memory under one way of starting the stack, and what each is started with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_newscreator.checks.facts.asking import Target, by_setting
from pytest_newscreator.checks.facts.effective import Held, held
from pytest_newscreator.checks.hygiene.subjects import Started, started
from pytest_newscreator.checks.hygiene.versions import engine
from pytest_newscreator.contract.model import Gpu, Model, Service, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.vram.forecast import Runner
from pytest_newscreator.measure.vram.versions import has_flash_attention
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama.settings import reads_as
from pytest_newscreator.verdicts import NotVerified

PARALLEL = "OLLAMA_NUM_PARALLEL"
_DEVICES = ("deploy.resources.reservations.devices", "gpus", "devices", "runtime")


@frozen
class Resident:
    """One name that a server on a card is asked for: a variant, or the base of a model that has none.

    `one` None is a server that Compose does not start; `version` is that of its Ollama, as far as files tell.
    """

    repository: Repository
    invocation: str
    gpu: Gpu
    service: Service
    model: Model
    variant: Variant | None
    base: str
    one: Started | None
    version: str | None

    @property
    def name(self) -> str:
        """Return the name that a request uses."""
        return self.variant.name if self.variant else self.base

    @property
    def place(self) -> Place:
        """Return where the contract declares it."""
        return self.variant.place if self.variant else self.model.base_place

    def given(self, name: str, version: str | None) -> tuple[str, Place | None]:
        """Return a variable as Ollama reads it, and its place; NotVerified where a script computes it."""
        found = self._variables().get(name)
        if found is None and self.one is not None:
            value = self.one.given.environment.get(name)
            if value is not None and value.text is not None and value.origin is not None:
                raise NotVerified(f"{name} of {self.service.key} is computed by its start script", needs="", fix="")
        text = (found.text if found is not None else None) or ""
        return reads_as(name, text, version).value, found.place if found is not None else None

    def _variables(self) -> Mapping[str, Held]:
        """Return what the files give to the server."""
        if self.one is not None:
            return held(self.one)
        if self.service.process is None:
            reason = f"no file here tells the variables of {self.service.key}"
            raise NotVerified(reason, needs="", fix="declare how it is started: compose or process")
        return {name: Held(text, self.service.place) for name, text in self.service.process.environment.items()}

    def runner(self, version: str | None) -> Runner:
        """Return what its runner is started with; NotVerified where the files leave it open."""
        wanted = self.given("OLLAMA_FLASH_ATTENTION", version)[0]
        flash = has_flash_attention(wanted, version)
        if flash is None:
            reason = f"Ollama {version} decides on flash attention by itself, by rules that are not known here"
            raise NotVerified(reason, needs="", fix="set OLLAMA_FLASH_ATTENTION")
        if self._largest("num_gpu") is not None:
            raise NotVerified(f"{self.name} is asked for with num_gpu, which decides by itself", needs="", fix="")
        parallel = number(PARALLEL, self.given(PARALLEL, version)[0])
        kv_type = self.given("OLLAMA_KV_CACHE_TYPE", version)[0]
        return Runner(self._window(version), max(1, parallel), self._largest("num_batch") or 512, kv_type, flash)

    def _window(self, version: str | None) -> int:
        """Return the largest num_ctx that is declared or sent, else the server's default."""
        default = self._variables().get("OLLAMA_CONTEXT_LENGTH")
        declared = self.variant.num_ctx if self.variant else None
        found = [size for size in (declared, self._largest("num_ctx")) if size]
        if not found and default is not None:
            found = [number("OLLAMA_CONTEXT_LENGTH", self.given("OLLAMA_CONTEXT_LENGTH", version)[0])]
        if not found or max(found) <= 0:
            raise NotVerified(f"{self.name} has no num_ctx in the contract", needs="", fix="declare one")
        return max(found)

    def _largest(self, option: str) -> int | None:
        """Return the largest value of an option in the contract's parameters and in what services send for it."""
        declared = self.model.parameters.get(option)
        target = Target(self.service.key, self.name)
        sent = [
            one.value
            for one in by_setting(self.repository)
            if one.option == option and one.invocation == self.invocation and one.target.is_met_by(target)
        ]
        found = [number(option, str(value)) for value in (declared, *sent) if value is not None]
        return max(found, default=None)


def number(name: str, text: str) -> int:
    """Return a whole number; NotVerified for what is none."""
    try:
        return int(text)
    except ValueError:
        raise NotVerified(f"{name} is {text or 'empty'}, which is no number", needs="", fix="") from None


def residents(repository: Repository) -> Iterator[Resident]:
    """Yield what may be on each card, under each invocation that gives its server one."""
    for gpu in repository.contract.gpus.values():
        servers = [one for one in repository.contract.services.values() if one.kind == "ollama" and one.gpu == gpu.key]
        for service in servers:
            if service.compose is None:
                yield from _of(repository, gpu, service, None)
            for one in _on_card(started(repository, service)):
                yield from _of(repository, gpu, service, one)


def _of(repository: Repository, gpu: Gpu, service: Service, one: Started | None) -> Iterator[Resident]:
    """Yield the names of one server under one invocation."""
    contract, name = repository.contract, one.invocation if one else ""
    version = engine(one).version if one else None
    for model in contract.models.values():
        base = contract.base_in(model, contract.invocations.get(name))
        for variant in tuple(model.variants.values()) or (None,) if model.service == service.key else ():
            yield Resident(repository, name, gpu, service, model, variant, base, one, version)


def _on_card(ways: tuple[Started, ...]) -> tuple[Started, ...]:
    """Return the ways that give a server devices; where none does, the host gives them to all."""
    found = tuple(one for one in ways if any(_is_given(one, path) for path in _DEVICES))
    return found or ways


def _is_given(one: Started, path: str) -> bool:
    """Return whether something stands under a key of a service."""
    node = one.compose.get(path)
    return node is not None and bool(node.content)
