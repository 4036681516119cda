"""The contract as frozen dataclasses; `contract.load` makes them, everything else reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

Kind = Literal["ollama", "http", "openai"]
Parameter = int | float | bool | str | tuple[str, ...]


@frozen
class Variant:
    """A model made from a base by a Modelfile."""

    name: str
    place: Place
    modelfile: str | None = None
    num_ctx: int | None = None


@frozen
class Model:
    """One decided base, the variants made of it and the switch that selects it."""

    key: str
    base: str
    place: Place
    base_place: Place
    service: str | None = None
    switch: str | None = None
    rollback: str | None = None
    retired: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    quantization: str | None = None
    digest: str | None = None
    stop: tuple[str, ...] | None = None
    template: str | None = None
    task: Literal["chat", "embed"] = "chat"

    @property
    def names(self) -> tuple[str, ...]:
        """The base and every variant: the names a request may use."""
        return (self.base, *self.variants)

    def stated(self, variant: Variant) -> dict[str, tuple[str, ...]]:
        """Return what a variant must state, as a Modelfile writes it: every parameter, its num_ctx, its stop words."""
        wanted: dict[str, tuple[str, ...]] = {} if variant.num_ctx is None else {"num_ctx": (str(variant.num_ctx),)}
        for name, value in self.parameters.items():
            wanted[name] = value if isinstance(value, tuple) else (_as_written(value),)
        return wanted if self.stop is None else {**wanted, "stop": self.stop}


def _as_written(value: Parameter) -> str:
    """Return a parameter as a Modelfile writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@frozen
class Setting:
    """The declared value of one environment variable: the allowed texts, or the names of a model."""

    name: str
    place: Place
    allowed: tuple[str, ...] = ()
    model: str | None = None


@frozen
class Process:
    """A service started without Docker."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@frozen
class Probe:
    """A request by which a service is made to ask its model; `body` is sent as JSON."""

    path: str
    place: Place
    method: str = "POST"
    body: Any = None


@frozen
class Service:
    """One process of the stack, how it is reached and what it must be given."""

    key: str
    kind: Kind
    place: Place
    compose: str | None = None
    process: Process | None = None
    url: str | None = None
    ca: str | None = None
    port: int | None = None
    health: str | None = None
    gpu: str | None = None
    ready_within_s: float = 120.0
    states_ready_within: bool = False
    settings: Mapping[str, Setting] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    uses: Mapping[str, str] = field(default_factory=dict)
    request: Probe | None = None


@frozen
class Gpu:
    """A card and what may be used of it; memory in MiB, temperature in degrees Celsius."""

    key: str
    place: Place
    memory_mib: int | None = None
    vram_budget_mib: int | None = None
    temperature_max_c: float | None = None


@frozen
class Invocation:
    """One way people really start the stack; empty `files` means Compose's own default names."""

    name: str
    place: Place
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    project_directory: str | None = None
    base: Mapping[str, str] = field(default_factory=dict)


@frozen
class Load:
    """Closed loop with `clients`, or open loop at `rate_per_s`."""

    clients: int | None = 1
    rate_per_s: float | None = None


@frozen
class LatencyCase:
    """One prompt length against one model; `targets` False leaves the figures without a verdict."""

    name: str
    place: Place
    prompt_tokens: int
    model: str | None = None
    output_tokens: int = 256
    targets: bool = True


@frozen
class Recorded:
    """A file of recorded results, relative to the root."""

    path: str
    place: Place


@frozen
class Latency:
    """Objectives in base units: seconds, tokens per second, fractions of one; `record` are earlier results."""

    load: Load = field(default_factory=Load)
    cases: Mapping[str, LatencyCase] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)
    rollback: Mapping[str, float] = field(default_factory=dict)
    record: tuple[Recorded, ...] = ()


@frozen
class Waiver:
    """A finding accepted until a date, with its reason; `where` is a glob over paths or item subjects."""

    check: str
    where: str
    reason: str
    until: date
    place: Place


@frozen
class Contract:
    """Everything `newscreator.yaml` says."""

    root: Path
    path: Path
    models: Mapping[str, Model]
    services: Mapping[str, Service] = field(default_factory=dict)
    gpus: Mapping[str, Gpu] = field(default_factory=dict)
    invocations: Mapping[str, Invocation] = field(default_factory=dict)
    latency: Latency | None = None
    security: Literal["baseline"] | None = None
    exclude: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    @property
    def modelfiles(self) -> frozenset[str]:
        """The Modelfiles that variants are made by, relative to the root."""
        variants = [variant for model in self.models.values() for variant in model.variants.values()]
        return frozenset(variant.modelfile for variant in variants if variant.modelfile)

    def base_in(self, model: Model, invocation: Invocation | None) -> str:
        """Return the base that `model` has under `invocation` (the rollback invocation names another)."""
        return invocation.base.get(model.key, model.base) if invocation else model.base

    def allowed(self, setting: Setting, invocation: Invocation | None = None) -> tuple[str, ...]:
        """Return the texts `setting` may have under `invocation`.

        Where an invocation replaces the base of a model, the model's switch must carry the new base; every
        other setting that names the old base may carry either, since requests name only the variants.
        """
        if setting.model is not None:
            model = self.models[setting.model]
            return (self.base_in(model, invocation), *model.variants)
        if invocation is None or not invocation.base:
            return setting.allowed
        texts: list[str] = []
        for text in setting.allowed:
            replaced = next((m for m in self.models.values() if m.base == text and m.key in invocation.base), None)
            if replaced is None:
                texts.append(text)
            elif setting.name == replaced.switch:
                texts.append(invocation.base[replaced.key])
            else:
                texts.extend((text, invocation.base[replaced.key]))
        return tuple(texts)
