"""Names that lead somewhere: every service, model, card and setting that is mentioned is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_newscreator.contract.document import SERVING_KINDS, SHORT_FORM_KEY, Document
from pytest_newscreator.contract.faults import did_you_mean, either
from pytest_newscreator.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_newscreator.contract.checked import Section
    from pytest_newscreator.places import Place


def fault(place: Place, message: str, fix: str) -> ContractError:
    """Make one fault of the contract."""
    return ContractError(message, place=place, fix=fix)


def services_of_models(document: Document) -> Iterator[ContractError]:
    """Refuse a model whose service is not declared, or serves no models."""
    known = document.keys("services")
    for model in document.models.values():
        named = model.leaf("service")
        if named is None or known is None:
            continue
        kind = document.services[named.text].text("kind") if named.text in document.services else None
        if named.text not in known:
            yield _unknown(named.place, f"{model.where}.service", named.text, "service", known)
        elif kind is not None and kind not in SERVING_KINDS:
            message = f"{model.where}.service is {named.text!r} of kind {kind}, should be one that serves models"
            yield fault(named.place, message, f"name a service of kind {either(SERVING_KINDS)}")


def cards_of_services(document: Document) -> Iterator[ContractError]:
    """Refuse a service on a card that is not declared."""
    known = document.keys("gpus")
    for service in document.services.values():
        named = service.leaf("gpu")
        if named is not None and known is not None and named.text not in known:
            yield _unknown(named.place, f"{service.where}.gpu", named.text, "gpu", known)


def models_of_settings(document: Document) -> Iterator[ContractError]:
    """Refuse a setting that holds the names of a model not declared."""
    known = document.keys("models")
    for service in document.services.values():
        for _, setting in service.section("settings").sections():
            named = setting.leaf("model")
            if named is not None and known is not None and named.text not in known:
                yield _unknown(named.place, f"{setting.where}.model", named.text, "model", known)


def models_in_use(document: Document) -> Iterator[ContractError]:
    """Refuse the use of a model that is not declared, or not served."""
    known = document.keys("models")
    for service in document.services.values():
        uses = service.section("uses")
        for key, place in uses.keys.items():
            if known is not None and key not in known:
                yield _not_a_model(document, uses, key, known)
            elif key in document.models and _is_unserved(document, document.models[key]):
                message = f"{uses.where} names model {key!r} which no service serves, should name a served one"
                yield fault(
                    place, message, f"give {document.models[key].where} a service of kind {either(SERVING_KINDS)}"
                )


def settings_of_options(document: Document) -> Iterator[ContractError]:
    """Refuse a request option from a setting that the service does not declare."""
    for service in document.services.values():
        if service.is_broken("settings"):
            continue
        known = tuple(service.section("settings").keys)
        for option, named in service.section("options").values():
            if named.text not in known:
                yield _unknown(
                    named.place, f"{service.where}.options.{option}", named.text, "setting", known, owner=service.where
                )


def models_of_invocations(document: Document) -> Iterator[ContractError]:
    """Refuse another base for a model that is not declared."""
    known = document.keys("models")
    for invocation in document.invocations.values():
        base = invocation.section("base")
        for key, place in base.keys.items():
            if known is not None and key not in known:
                yield _unknown(place, base.where, key, "model", known)


def models_of_cases(document: Document) -> Iterator[ContractError]:
    """Refuse a latency case of a model that is not declared, or not clear."""
    names = dict(document.requestable())
    if document.keys("models") is None or len(document.models) < len(document.keys("models") or ()):
        return
    for case in document.cases.values():
        named = case.leaf("model")
        if named is not None and named.text not in names:
            yield _unknown(named.place, f"{case.where}.model", named.text, "base or variant", tuple(names))
        elif "model" not in case.keys and len(candidates := document.asked_by_default()) > 1:
            message = f"{case.where} names no model, should say which of {either(candidates)} is asked"
            yield fault(case.place, message, f"add 'model: {candidates[0]}'")


def _is_unserved(document: Document, model: Section) -> bool:
    return "service" not in model.keys and document.serving() is not None and document.service_of(model) is None


def _unknown(  # noqa: PLR0913 - the parts of one sentence
    place: Place, where: str, word: str, noun: str, known: Iterable[str], *, owner: str = "this contract"
) -> ContractError:
    known = tuple(known)
    hint = did_you_mean(word, known)
    message = f"{where} names {word!r}, which is no {noun} of {owner}{hint or ', should be a declared one'}"
    fix = f"name one of {', '.join(known)}" if known else f"declare the {noun} {word}"
    return fault(place, message, fix)


def _not_a_model(document: Document, uses: Section, key: str, known: tuple[str, ...]) -> ContractError:
    """Say which model was meant where somebody wrote the service, or the name of the model itself."""
    served = [name for name, model in document.models.items() if document.service_of(model) == key]
    named = [
        name for name, model in document.models.items() if key in {model.text("base"), *model.section("variants").keys}
    ]
    if not served and not named:
        return _unknown(uses.keys[key], uses.where, key, "model", known)
    what, meant = ("a service", served[0]) if served else ("the name of a model", named[0])
    message = f"{uses.where} names {key!r}, which is {what}, should be the key of a model: did you mean {meant!r}?"
    short = " (the key of the short form 'model:')" if meant == SHORT_FORM_KEY else ""
    return fault(uses.keys[key], message, f"write {meant}{short}")


RULES: tuple[Callable[[Document], Iterator[ContractError]], ...] = (
    services_of_models,
    cards_of_services,
    models_of_settings,
    models_in_use,
    settings_of_options,
    models_of_invocations,
    models_of_cases,
)
