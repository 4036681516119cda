"""Contracts that no stack can keep: each function names one kind, and says why it cannot be."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_newscreator.contract.document import OUTPUT_TOKENS, Document, canonical, family
from pytest_newscreator.contract.faults import either, nearest
from pytest_newscreator.contract.references import fault
from pytest_newscreator.contract.schema import METRICS
from pytest_newscreator.contract.shapes import Amount
from pytest_newscreator.contract.units import TOKEN_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_newscreator.contract.checked import Leaf, Section
    from pytest_newscreator.errors import ContractError
    from pytest_newscreator.places import Place


def variants_without_a_service(document: Document) -> Iterator[ContractError]:
    """Refuse a variant that no service makes and serves."""
    serving = document.serving()
    for model in document.models.values():
        variants = tuple(model.section("variants").keys)
        if serving is None or not variants or "service" in model.keys or len(serving) == 1:
            continue
        found = f"{len(serving)} services could serve it" if serving else "no service of the contract serves models"
        message = f"{model.where} has variants but {found}, should name the service that makes and serves them"
        fix = f"add 'service: {serving[0]}'" if serving else "add one under services, of kind ollama"
        yield fault(model.section("variants").place, message, fix)


def variants_of_one_name(document: Document) -> Iterator[ContractError]:
    """Refuse a name that two variants share, or a variant and a base."""
    bases = {canonical(base): model for model in document.models.values() if (base := model.text("base"))}
    seen: dict[str, tuple[Section, Place]] = {}
    for model in document.models.values():
        variants = model.section("variants")
        for name, place in variants.keys.items():
            taken = seen.setdefault(canonical(name), (model, place))
            if taken[1] != place:
                message = f"variant {name!r} of {model.where} has the name of one of {taken[0].where}, at {taken[1]}"
                yield fault(place, f"{message}; should be a name of its own", "rename one of the two")
            elif canonical(name) in bases:
                message = f"variant {name!r} has the name of the base of {bases[canonical(name)].where}"
                yield fault(place, f"{message}, should have one of its own", "rename the variant, in its service too")


def rollback_to_itself(document: Document) -> Iterator[ContractError]:
    """Refuse a rollback to the base itself."""
    for model in document.models.values():
        base, rollback = model.leaf("base"), model.leaf("rollback")
        if base is not None and rollback is not None and canonical(base.text) == canonical(rollback.text):
            message = f"{model.where}.rollback is {rollback.text}, the base itself, should be the base to go back to"
            yield fault(rollback.place, message, "name the base that was served before, or remove 'rollback'")


def retired_in_use(document: Document) -> Iterator[ContractError]:
    """Refuse to retire a name that the contract itself uses."""
    for model in document.models.values():
        used = {canonical(name): name for name, owner in document.requestable() if owner is model}
        for leaf in model.leaves("retired"):
            if canonical(leaf.text) in used:
                what = "the base itself" if canonical(leaf.text) == canonical(model.text("base") or "") else "a variant"
                message = f"{model.where}.retired names {leaf.text}, {what}, should name only models that are gone"
                yield fault(leaf.place, message, f"remove {leaf.text} from the list, or change {model.where}")


def modelfiles_elsewhere(document: Document) -> Iterator[ContractError]:
    """Refuse a Modelfile outside the repository."""
    for model in document.models.values():
        for _, variant in model.section("variants").sections():
            leaf = variant.leaf("modelfile")
            if leaf is not None and _leaves(leaf.text):
                message = (
                    f"{variant.where}.modelfile is {leaf.text}, outside the repository, should be a path inside it"
                )
                yield fault(leaf.place, message, "write it relative to the contract, as in ollama/Modelfile.news-16k")


def records_elsewhere(document: Document) -> Iterator[ContractError]:
    """Refuse a file of recorded results outside the repository."""
    for leaf in document.root.section("latency").leaves("record"):
        if _leaves(leaf.text):
            message = f"latency.record is {leaf.text}, outside the repository, should be a path inside it"
            yield fault(leaf.place, message, "write it relative to the contract, as in docs/record.md")


def budget_beyond_memory(document: Document) -> Iterator[ContractError]:
    """Refuse a VRAM budget beyond the memory of its card."""
    for _, gpu in document.root.section("gpus").sections():
        memory, budget = gpu.leaf("memory"), gpu.leaf("vram_budget")
        if memory is None or budget is None or (gpu.number("vram_budget") or 0) <= (gpu.number("memory") or 0):
            continue
        message = f"{gpu.where}.vram_budget is {budget.text}, the card has {memory.text}, should be at most that"
        yield fault(budget.place, message, "leave room for the driver and the desktop: some 600 MiB below the memory")


def settings_naming_no_model(document: Document) -> Iterator[ContractError]:
    """Refuse a switch, or a model of a declared family, that is neither a base nor a variant."""
    names = {canonical(name): name for name, _ in document.requestable()}
    families = {family(base) for model in document.models.values() if (base := model.text("base"))}
    for where, setting, leaf in _setting_values(document):
        if canonical(leaf.text) in names:
            continue
        switched = [model for model in document.models.values() if model.text("switch") == setting]
        if switched and switched[0].text("base"):
            yield _wrong_base(where, leaf, switched[0])
        elif family(leaf.text) is not None and family(leaf.text) in families:
            yield _wrong_model(where, leaf, tuple(names.values()), _role(document, leaf.text))


def addresses_that_contradict(document: Document) -> Iterator[ContractError]:
    """Refuse an address whose port cannot be, or that contradicts the keys beside it."""
    for service in document.services.values():
        url, port, ca = service.leaf("url"), service.leaf("port"), service.leaf("ca")
        given = _port(url.text) if url is not None else None
        if url is not None and given is None:
            yield fault(
                url.place, f"{service.where}.url is {url.text}, should have a port from 1 to 65535", "mend the port"
            )
        elif port is not None and given is not None and port.value != given:
            message = f"{service.where}.port is {port.text}, the url has {given}, should be the same"
            yield fault(port.place, message, "remove 'port': the url says it")
        if (
            ca is not None
            and not (url is not None and url.text.startswith("https://"))
            and not service.is_broken("url")
        ):
            message = f"{service.where} has a ca and no https address, should have both or neither"
            yield fault(service.keys["ca"], message, "write the url with https://, or remove 'ca'")


def prompts_that_cannot_fit(document: Document) -> Iterator[ContractError]:
    """Refuse a prompt that, with its answer, is longer than the context of the model asked."""
    default = document.asked_by_default()
    for case in document.cases.values():
        name = case.text("model") if "model" in case.keys else default[0] if len(default) == 1 else None
        context = document.context_of(name) if name is not None else None
        prompt, output = case.whole("prompt_tokens"), case.whole("output_tokens") or OUTPUT_TOKENS
        if context is None or prompt is None or prompt + output <= context:
            continue
        message = f"{case.where} needs {prompt} + {output} tokens, {name} holds num_ctx {context}, should fit"
        fix = f"ask for at most {max(context - output, 0)} prompt tokens, or name a variant with a longer context"
        yield fault(case.entries["prompt_tokens"].place, message, fix)


def rollback_limits_beyond_targets(document: Document) -> Iterator[ContractError]:
    """Refuse a rollback limit that undoes a run which meets its target."""
    targets, limits = (
        document.root.section("latency").section("targets"),
        document.root.section("latency").section("rollback"),
    )
    for metric, limit in limits.values():
        target, value, shape = targets.leaf(metric), limits.number(metric), METRICS[metric]
        floor = isinstance(shape, Amount) and shape.quantity is TOKEN_RATE
        aim = targets.number(metric)
        if target is None or value is None or aim is None or (value <= aim if floor else value >= aim):
            continue
        side = "at most" if floor else "at least"
        message = f"{limits.where}.{metric} is {limit.text}, stricter than its target, should be {side} {target.text}"
        yield fault(limit.place, message, "a run that meets the target would be undone: loosen the limit")


def _leaves(path: str) -> bool:
    normal = posixpath.normpath(path.replace("\\", "/"))
    drive = len(normal) > 1 and normal[1] == ":"
    return drive or normal == ".." or normal.startswith(("/", "~", "../"))


def _setting_values(document: Document) -> Iterator[tuple[str, str, Leaf]]:
    for service in document.services.values():
        settings = service.section("settings")
        for name in settings.entries:
            yield from ((f"{settings.where}.{name}", name, leaf) for leaf in settings.leaves(name))


def _wrong_base(where: str, leaf: Leaf, model: Section) -> ContractError:
    base = model.text("base")
    message = f"{where} is {leaf.text!r}, it switches {model.where} and should name its base {base!r} or a variant"
    return fault(leaf.place, message, f"write {base}")


def _wrong_model(where: str, leaf: Leaf, names: tuple[str, ...], role: str) -> ContractError:
    near = None if role else nearest(leaf.text, names)
    should = f", did you mean {near!r}?" if near else f", should be {either(names)}"
    message = f"{where} is {leaf.text!r}, {role or 'which is neither a base nor a variant of this contract'}{should}"
    return fault(leaf.place, message, f"write {near or names[0]}")


def _role(document: Document, name: str) -> str:
    """Say why a name that the contract knows is still wrong as a declared value."""
    for model in document.models.values():
        if any(canonical(leaf.text) == canonical(name) for leaf in model.leaves("retired")):
            return f"a retired name of {model.where}"
        if canonical(model.text("rollback") or "") == canonical(name):
            return f"the rollback of {model.where}, not its base"
    return ""


def _port(url: str) -> int | None:
    """Return the port of an address, that of its scheme where it names none, or `None` where it is no port."""
    parts = urlsplit(url)
    try:
        return (parts.port if parts.port is not None else {"http": 80, "https": 443}[parts.scheme]) or None
    except ValueError:
        return None


def bodies_that_are_no_json(document: Document) -> Iterator[ContractError]:
    """Refuse a probe request whose body is a text that is no JSON."""
    for service in document.services.values():
        body = service.section("request").leaf("body")
        if body is None:
            continue
        try:
            json.loads(body.text)
        except ValueError as error:
            message = f"{service.where}.request.body is no JSON ({error}), should be JSON, or a mapping"
            yield fault(body.place, message, "write it as a mapping: {content: text}")


RULES: tuple[Callable[[Document], Iterator[ContractError]], ...] = (
    variants_without_a_service,
    variants_of_one_name,
    rollback_to_itself,
    retired_in_use,
    modelfiles_elsewhere,
    records_elsewhere,
    budget_beyond_memory,
    settings_naming_no_model,
    addresses_that_contradict,
    prompts_that_cannot_fit,
    rollback_limits_beyond_targets,
    bodies_that_are_no_json,
)
