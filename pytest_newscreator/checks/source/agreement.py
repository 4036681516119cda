"""Level `source`, across files: what must agree wherever one request can meet another's runner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_newscreator.checks.facts.asking import (
    RUNNER_OPTIONS,
    Sent,
    by_setting,
    left_out,
    models_on,
    sent_under_each,
    servers_asked_from,
    variants_asked,
    written,
)
from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.source.creations import states
from pytest_newscreator.contract.model import Service, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.ollama.modelfile import parse
from pytest_newscreator.sources.sites import Site
from pytest_newscreator.verdicts import Finding, NotVerified


@frozen
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


@frozen
class Meeting:
    """A request option that no Modelfile states, and those of the requests for the same model that come before it."""

    sent: Sent
    others: tuple[Sent, ...]


def agreement_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield each option a service sends by a setting, and each option written into a request of its sources."""
    for service in repository.contract.services.values():
        yield from _by_setting(repository, service)
    for site in repository.sites:
        if site.kind == "json-body" and site.setting in RUNNER_OPTIONS and site.value is not None:
            if states(repository, site):
                continue
            variants = _asked(repository, site)
            # A model that is named says whose runner it is, wherever the request is written.
            is_ours = site.model is not None or bool(repository.services_of(site.place.path))
            if is_ours and _speaks_of(repository, site.setting, variants):
                stated = _stated(repository, site.setting, variants)
                pair = Pair(site.setting, site.value, site.place, "a request written here", variants, stated)
                yield Subject(f"{site.place.path} {site.setting}", site.place, pair)
    yield from _meetings(repository)


def _asked(repository: Repository, site: Site) -> tuple[Variant, ...]:
    """Return the variants that a request may be for: the one it names, or any of its servers' without a literal."""
    models = models_on(repository, servers_asked_from(repository, site.place.path))
    every = [variant for model in models for variant in model.variants.values()]
    return tuple(variant for variant in every if site.model is None or names.same(site.model, variant.name))


def _by_setting(repository: Repository, service: Service) -> Iterator[Subject]:
    """Yield what a service sends under each invocation, against the variant that its options go to."""
    variants = variants_asked(repository, service)
    for option, name in service.options.items():
        if not _speaks_of(repository, option, variants):
            continue
        stated = _stated(repository, option, variants)
        for invocation, text, place in sent_under_each(repository, service, name):
            pair = Pair(option, text, place, f"{service.key}'s {name} (invocation {invocation})", variants, stated)
            yield Subject(f"{invocation} {service.key} {option}", place, pair)


def _meetings(repository: Repository) -> Iterator[Subject]:
    """Yield the options that only requests decide, where two requests for one model can meet."""
    created = {site.place for site in repository.sites if site.kind == "json-body" and states(repository, site)}
    asking = (sent for sent in written(repository) if sent.place not in created)
    requests = (*by_setting(repository), *asking, *left_out(repository))
    open_ones = [sent for sent in requests if not _is_stated(repository, sent)]
    for index, sent in enumerate(open_ones):
        others = tuple(other for other in open_ones[:index] if not other.is_left_out and sent.meets(other))
        if others:
            yield Subject(f"{sent.by} {sent.option}", sent.place, Meeting(sent, others))


def _is_stated(repository: Repository, sent: Sent) -> bool:
    """Return whether the Modelfile of what is asked states an option, or should."""
    models = models_on(repository, {sent.target.server})
    variants = [v for model in models for v in model.variants.values() if names.same(v.name, sent.target.name)]
    return _speaks_of(repository, sent.option, variants)


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
        source = repository.source(variant.modelfile) if variant.modelfile else None
        commands = [c for c in parse(source.text).commands if c.name == option] if source else []
        if commands and source:
            last = commands[-1]
            found.append((variant, last.value, Place(source.path, last.value_line, last.value_column)))
    return tuple(found)


def context_agreement(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Whoever asks for a variant asks with its Modelfile's num_ctx and num_batch, and else as everybody else does.

    Ollama starts the runner again whenever one of them differs from what is loaded: seconds per request, hidden
    in the time to first token, whenever two clients take turns. It happened with a preload that sent no
    num_batch. Give both sides one value.
    """
    newscreator_conclude("context-agreement", newscreator_subject)


def judge_agreement(subject: Subject, _: Repository) -> Finding | None:
    """Return where a request differs from the Modelfile of what it asks for, or from another request for it."""
    pair: Pair | Meeting = subject.data
    if isinstance(pair, Meeting):
        return _apart(pair)
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


def _apart(meeting: Meeting) -> Finding | None:
    """Return where two requests for one model differ in what no Modelfile states."""
    sent = meeting.sent
    other = next((other for other in meeting.others if not sent.agrees(other)), None)
    if other is None:
        return None
    what = f"no {sent.option}" if sent.is_left_out else f"{sent.option} {sent.value or 'nothing'}"
    return Finding(
        f"{what} of {sent.who} meets {sent.option} {other.value} of {other.who}, both for {sent.target.name} on "
        f"{sent.target.server}: each turn restarts the runner",
        place=sent.place,
        expected=other.value,
        observed=None if sent.is_left_out else sent.value,
        chain=(f"{other.place}: {other.who} sends {sent.option} {other.value}",),
        fix=f"send {other.value} here, or change {other.place}",
        lacks=sent.option if sent.is_left_out else "",
        causes=(other.place,),
    )


CONTEXT_AGREEMENT = Check(
    "context-agreement", "source", "config", context_agreement, agreement_subjects, judge_agreement
)
