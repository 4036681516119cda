"""Level `source`, across files: what must agree wherever one request can meet another's runner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_newscreator.checks.claims import agrees
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Service, Variant
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import names, tree
from pytest_newscreator.sources.modelfile import parse
from pytest_newscreator.sources.sites import Site
from pytest_newscreator.verdicts import Finding, NotVerified

RUNNER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "num_thread", "main_gpu", "use_mmap")
"""The request options by which Ollama decides whether a loaded runner will do (server/sched.go, needsReload)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A request option as one side sends it, and what the Modelfiles of the variants that it can meet state."""

    option: str
    sent: str
    sent_at: Place
    sender: str
    variants: tuple[Variant, ...]
    stated: tuple[tuple[Variant, str, Place], ...]

    @property
    def agrees(self) -> bool:
        """Return whether one of the Modelfiles states what is sent, or none states anything to compare with."""
        return not self.stated or any(agrees(self.sent, value) for _, value, _ in self.stated)


def agreement_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each option a service sends by a setting, and each option written into a request of its sources."""
    for service in repository.contract.services.values():
        yield from _by_setting(repository, service)
    for site in repository.sites:
        if site.kind == "json-body" and site.setting in RUNNER_OPTIONS and site.value is not None:
            variants = _asked(repository, site)
            if _speaks_of(repository, site.setting, variants) and repository.services_of(site.place.path):
                stated = _stated(repository, site.setting, variants)
                pair = Pair(site.setting, site.value, site.place, "a request written here", variants, stated)
                yield Subject(f"{site.place.path} {site.setting}", site.place, pair)


def _asked(repository: Repository, site: Site) -> tuple[Variant, ...]:
    """Return the variants that a request may be for: the one it names, or any where that is no literal."""
    every = [variant for model in repository.contract.models.values() for variant in model.variants.values()]
    return tuple(variant for variant in every if site.model is None or names.same(site.model, variant.name))


def _by_setting(repository: Repository, service: Service) -> Iterator[Subject]:
    """Yield what a service sends under each invocation, against the variant that its options go to."""
    variants = _selected(repository, service)
    for option, name in service.options.items():
        if not _speaks_of(repository, option, variants):
            continue
        stated = _stated(repository, option, variants)
        for invocation, project in repository.resolved.items():
            given = repository.given(project, service)
            value = given.environment.get(name) if given else None
            if value is None or value.text is None:
                continue
            place, sender = value.origin or service.place, f"{service.key}'s {name} (invocation {invocation})"
            pair = Pair(option, value.text, place, sender, variants, stated)
            yield Subject(f"{invocation} {service.key} {option}", place, pair)


def _selected(repository: Repository, service: Service) -> tuple[Variant, ...]:
    """Return the variant that a service's settings name first: its options go there. Without one, all of its models'.

    A service that names a second variant asks for that one with options of its own, which its code writes.
    """
    models = repository.contract.models
    every = {name: variant for model in models.values() for name, variant in model.variants.items()}
    named = [every[text] for setting in service.settings.values() for text in setting.allowed if text in every]
    return tuple(named[:1] or (variant for key in service.uses for variant in models[key].variants.values()))


def _speaks_of(repository: Repository, option: str, variants: Sequence[Variant]) -> bool:
    """Return whether a Modelfile states an option, or the contract says that it should."""
    made = {variant for variant in variants if variant.modelfile}
    models = [model for model in repository.contract.models.values() if made & set(model.variants.values())]
    declared = any(option in model.parameters for model in models)
    declared = declared or (option == "num_ctx" and any(variant.num_ctx is not None for variant in made))
    return declared or bool(_stated(repository, option, variants))


def _stated(repository: Repository, option: str, variants: Sequence[Variant]) -> tuple[tuple[Variant, str, Place], ...]:
    """Return what the Modelfiles of these variants state for an option."""
    found = []
    for variant in variants:
        source = tree.read_text(repository.root, variant.modelfile) if variant.modelfile else None
        commands = [c for c in parse(source.text).commands if c.name == option] if source else []
        if commands and source:
            last = commands[-1]
            found.append((variant, last.value, Place(source.path, last.value_line, last.value_column)))
    return tuple(found)


def context_agreement(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Whoever asks for a variant asks with its Modelfile's num_ctx and num_batch.

    Ollama starts the runner again whenever one of them differs from what is loaded: seconds per request, hidden
    in the time to first token, whenever two clients take turns. It happened with a preload that sent no
    num_batch. Give both sides one value.
    """
    newscreator_conclude("context-agreement", newscreator_subject)


def judge_agreement(subject: Subject, _: Repository) -> Finding | None:
    """Return where a request and the Modelfile of what it asks for differ."""
    pair: Pair = subject.data
    if not pair.stated:
        reason = f"the Modelfile of {pair.variants[0].name} states no {pair.option}: `modelfile` says so"
        raise NotVerified(reason, needs="", fix="")
    if pair.agrees:
        return None
    variant, value, place = pair.stated[0]
    return Finding(
        f"{pair.option} {pair.sent or 'nothing'} of {pair.sender} meets {pair.option} {value} of {variant.name}: "
        + ("each turn restarts the runner" if pair.option in RUNNER_OPTIONS else "the request overrides the model"),
        place=pair.sent_at,
        expected=value,
        observed=pair.sent,
        chain=tuple(f"{at}: {v.name} has {pair.option} {text}" for v, text, at in pair.stated),
        fix=f"send {value}, or change {place}",
        causes=tuple(place for _, _, place in pair.stated),
    )


CONTEXT_AGREEMENT = Check(
    "context-agreement", "source", "config", context_agreement, agreement_subjects, judge_agreement
)
