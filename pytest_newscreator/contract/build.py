"""From a sound document to the `Contract`: names get their defaults here, and nowhere else."""

from __future__ import annotations

import json
import posixpath
from datetime import date
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from pytest_newscreator.contract.checked import Items, Leaf, Section
from pytest_newscreator.contract.document import OUTPUT_TOKENS, Document
from pytest_newscreator.contract.model import (
    Contract,
    Gpu,
    Invocation,
    Kind,
    Latency,
    LatencyCase,
    Load,
    Model,
    Parameter,
    Probe,
    Process,
    Recorded,
    Service,
    Setting,
    Variant,
    Waiver,
)
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_INVOCATION: Final = "default"
OLLAMA_PORT: Final = 11434
READY_WITHIN_S: Final = 120.0


def contract(document: Document, path: Path) -> Contract:
    """Build the contract; the document must have passed every rule."""
    root = document.root
    return Contract(
        root=path.parent,
        path=path,
        models={key: _model(key, model, document) for key, model in document.models.items()},
        services={key: _service(key, service) for key, service in document.services.items()},
        gpus={key: _gpu(key, gpu) for key, gpu in root.section("gpus").sections()},
        invocations=_invocations(document),
        latency=_latency(document) if "latency" in root.entries else None,
        security="baseline" if root.text("security") else None,
        exclude=root.section("sources").texts("exclude"),
        waivers=tuple(_waiver(item) for item in _items(root, "waivers")),
    )


def _model(key: str, model: Section, document: Document) -> Model:
    return Model(
        key=key,
        base=_needed(model, "base").text,
        place=model.place,
        base_place=_needed(model, "base").place,
        service=document.service_of(model),
        switch=model.text("switch"),
        rollback=model.text("rollback"),
        retired=model.texts("retired"),
        parameters=_parameters(model.section("parameters")),
        variants={name: _variant(name, part) for name, part in model.section("variants").sections()},
        quantization=model.text("quantization"),
        digest=model.text("digest"),
        stop=model.texts("stop") if "stop" in model.entries else None,
        template=model.text("template"),
        task="embed" if model.text("task") == "embed" else "chat",
    )


def _variant(name: str, variant: Section) -> Variant:
    return Variant(name, variant.place, variant.text("modelfile"), variant.whole("num_ctx"))


def _parameters(parameters: Section) -> dict[str, Parameter]:
    single = {name: leaf.value for name, leaf in parameters.values() if not isinstance(leaf.value, date)}
    lists = {name: parameters.texts(name) for name, part in parameters.entries.items() if isinstance(part, Items)}
    found: dict[str, Parameter] = {**single, **lists}
    return {name: found[name] for name in parameters.entries}


def _service(key: str, service: Section) -> Service:
    kind = cast("Kind", _needed(service, "kind").text)
    settings = service.section("settings")
    return Service(
        key=key,
        kind=kind,
        place=service.place,
        compose=service.text("compose"),
        process=_process(service.section("process")) if "process" in service.entries else None,
        url=service.text("url"),
        ca=service.text("ca"),
        port=_port(service, kind),
        health=service.text("health"),
        gpu=service.text("gpu"),
        ready_within_s=service.number("ready_within") or READY_WITHIN_S,
        states_ready_within="ready_within" in service.keys,
        settings={name: _setting(name, settings) for name in settings.entries},
        options=_texts(service.section("options")),
        uses=_texts(service.section("uses")),
        request=_request(service.section("request")) if "request" in service.entries else None,
    )


def _request(request: Section) -> Probe:
    text = request.text("body")
    body = _parameters(request.section("body")) if text is None else json.loads(text)
    return Probe(_needed(request, "path").text, request.place, request.text("method") or "POST", body or None)


def _process(process: Section) -> Process:
    return Process(process.texts("command"), _texts(process.section("environment")))


def _port(service: Section, kind: Kind) -> int | None:
    """Return the declared port, that of the address, or the one Ollama listens on unless it is told."""
    url = service.text("url")
    if url is not None:
        parts = urlsplit(url)
        return parts.port or {"http": 80, "https": 443}[parts.scheme]
    return service.whole("port") or (OLLAMA_PORT if kind == "ollama" else None)


def _setting(name: str, settings: Section) -> Setting:
    place, part = settings.keys[name], settings.entries[name]
    if isinstance(part, Section):
        return Setting(name, place, model=_needed(part, "model").text)
    return Setting(name, place, allowed=settings.texts(name))


def _gpu(key: str, gpu: Section) -> Gpu:
    return Gpu(key, gpu.place, gpu.whole("memory"), gpu.whole("vram_budget"), gpu.number("temperature_max"))


def _invocations(document: Document) -> dict[str, Invocation]:
    """Return the declared invocations, or Compose's own way where Compose can be meant at all."""
    declared = {name: _invocation(name, part) for name, part in document.invocations.items()}
    by_compose = any("compose" in service.entries for service in document.services.values())
    if declared or not (by_compose or not document.services):
        return declared
    return {DEFAULT_INVOCATION: Invocation(DEFAULT_INVOCATION, Place(document.root.place.path))}


def _invocation(name: str, invocation: Section) -> Invocation:
    return Invocation(
        name=name,
        place=invocation.place,
        files=invocation.texts("files"),
        env_files=invocation.texts("env_files"),
        environment=_texts(invocation.section("environment")),
        profiles=invocation.texts("profiles"),
        project_directory=invocation.text("project_directory"),
        base=_texts(invocation.section("base")),
    )


def _latency(document: Document) -> Latency:
    latency = document.root.section("latency")
    return Latency(
        load=_load(latency.section("load")) if "load" in latency.entries else Load(),
        cases={name: _case(name, case, document) for name, case in document.cases.items()},
        targets=_figures(latency.section("targets")),
        rollback=_figures(latency.section("rollback")),
        record=tuple(Recorded(posixpath.normpath(leaf.text), leaf.place) for leaf in latency.leaves("record")),
    )


def _load(load: Section) -> Load:
    return Load(clients=load.whole("clients"), rate_per_s=load.number("rate"))


def _case(name: str, case: Section, document: Document) -> LatencyCase:
    by_default = document.asked_by_default()
    return LatencyCase(
        name=name,
        place=case.place,
        prompt_tokens=case.whole("prompt_tokens") or 0,
        model=case.text("model") or (by_default[0] if by_default else None),
        output_tokens=case.whole("output_tokens") or OUTPUT_TOKENS,
        targets="targets" not in case.entries,
    )


def _figures(section: Section) -> dict[str, float]:
    return {name: cast("float", leaf.value) for name, leaf in section.values()}


def _waiver(waiver: Section) -> Waiver:
    check, where, reason = (_needed(waiver, key).text for key in ("check", "where", "reason"))
    return Waiver(check, where, reason, cast("date", _needed(waiver, "until").value), waiver.place)


def _texts(section: Section) -> dict[str, str]:
    return {name: leaf.text for name, leaf in section.values()}


def _items(root: Section, key: str) -> tuple[Section, ...]:
    part: Any = root.entries.get(key)
    return tuple(item for item in part.items if isinstance(item, Section)) if isinstance(part, Items) else ()


def _needed(section: Section, key: str) -> Leaf:
    return cast("Leaf", section.entries[key])
