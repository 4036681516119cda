"""Level `resolved`: every address that a service is given reaches the server that has the model it will ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_newscreator.checks.facts.routes import Route, View
from pytest_newscreator.checks.facts.texts import Text, place_of, texts
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.lacking import Lack, gone, lack
from pytest_newscreator.checks.resolved.values import UNSET, chain
from pytest_newscreator.contract.model import Model, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.addresses import Entry, entries, masked
from pytest_newscreator.resolve.compose.project import Project
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.verdicts import Finding, NotVerified


@frozen
class Use:
    """One address setting of one service under one invocation, and the models that it must reach."""

    view: View
    setting: str
    models: tuple[Model, ...]

    @property
    def under(self) -> str:
        """Return the end of a message: under which invocation."""
        return f" (invocation {self.view.invocation.name})" if self.view.invocation else ""


@frozen
class Asked:
    """One entry of such a setting, and where its address leads; None where it has none."""

    entry: Entry
    route: Route | None

    @property
    def is_wrong(self) -> bool:
        """Return whether surely nothing that serves models answers."""
        route = self.route
        return route is not None and not (route.models or route.is_server or route.is_unknown)

    def reaches(self, model: Model) -> bool:
        """Return whether the address leads to the server of a model."""
        return self.route is not None and model.key in self.route.models


def endpoint_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield invocation x service x address setting; without Compose it is service x address setting."""
    for service in repository.contract.services.values():
        for setting, models in _settings(repository, service.uses):
            for use in _uses(repository, service, setting, models):
                name = f"{use.view.invocation.name} " if use.view.invocation else ""
                yield Subject(f"{name}{service.key} {setting}", service.place, use)


def _settings(repository: Repository, uses: Mapping[str, str]) -> Iterator[tuple[str, tuple[Model, ...]]]:
    """Yield each address setting with the models that it must reach."""
    models = repository.contract.models
    for setting in dict.fromkeys(uses.values()):
        asked = tuple(models[key] for key, name in uses.items() if name == setting and models[key].service)
        if asked:
            yield setting, asked


def _uses(repository: Repository, service: Service, setting: str, models: tuple[Model, ...]) -> Iterator[Use]:
    """Yield a setting under each invocation that starts the service; a process of the host is started by none."""
    for name, project in repository.resolved.items():
        compose = repository.compose_service(project, service)
        if compose is not None or service.process is not None:
            view = View(repository, project, service, repository.contract.invocations[name], compose)
            yield Use(view, setting, models)
    if service.process is not None and not repository.resolved:
        view = View(repository, Project("", ".", {}, {}, (), (), (), ()), service)
        yield Use(view, setting, models)


def endpoint(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Every address that a service is given reaches the declared server, which has the model it will ask for.

    Names, ports and networks are those of the containers: `localhost` is the container itself, a published port is
    the host's, and two services see each other only on a network that both have. It happened that an override gave a
    service the address of the developer's own machine: everything was healthy, and every summary failed. Write the
    address that is named.
    """
    newscreator_conclude("endpoint", newscreator_subject)


def judge_endpoint(subject: Subject, repository: Repository) -> Finding | None:
    """Return what is wrong with an address setting; NotVerified where files cannot tell what answers."""
    use: Use = subject.data
    found = texts(repository, use.view.project, use.view.service, use.setting)
    if not found and use.view.service.process is not None:
        reason = f"{use.setting} of {use.view.service.key} is in no environment that files tell"
        raise NotVerified(reason, needs="", fix=f"declare it under services.{use.view.service.key}.process.environment")
    if not found:
        return _unset(use)
    verdicts = [_judged(use, text) for text in found]
    finding = next((verdict for verdict in verdicts if isinstance(verdict, Finding)), None)
    missing = next((verdict for verdict in verdicts if isinstance(verdict, str)), None)
    if finding is None and missing is not None:
        raise NotVerified(missing, needs="", fix="")
    return finding


def _judged(use: Use, text: Text) -> Finding | str | None:
    """Return what is wrong with one text, or why files cannot tell."""
    if text.text is None:
        return f"{text.place}: the value of {use.setting} is computed when it runs"
    asked = [Asked(e, use.view.route(e.address) if e.address else None) for e in entries(text.text)]
    if not asked:
        return _empty(use, text)
    wrong = next((one for one in asked if one.is_wrong), None)
    if wrong is not None:
        return _misses(use, text, wrong, _meant(use, asked))
    return _mapped(use, text, asked) if _is_by_model(use, asked) else _listed(use, text, asked)


def _listed(use: Use, text: Text, asked: Sequence[Asked]) -> Finding | str | None:
    """Judge addresses without names: at least one must be the server of each model."""
    for model in use.models:
        right = next((one for one in asked if one.reaches(model)), None)
        if right is None:
            return _unknown(use, asked, model) or _misses(use, text, asked[0], model)
        finding = _unreachable(use, right, model)
        if finding is not None:
            return finding
    return None


def _mapped(use: Use, text: Text, asked: Sequence[Asked]) -> Finding | str | None:
    """Judge a map of addresses and models: each name must stand with its own server, none may be retired."""
    for one in asked:
        for label in one.entry.labels:
            owners = _owners(use, one.entry, label)
            if not owners and _is_retired(use, one, label):
                return _misnamed(use, text, one, label, f"{label}, which is retired by the contract")
            known = one.route is not None and not one.route.is_unknown
            if owners and known and not any(one.reaches(model) for model in owners):
                return _misses(use, text, one, owners[0])
    for model in use.models:
        right = [one for one in asked if one.reaches(model)]
        named = [one for one in right if any(model in _owners(use, one.entry, each) for each in one.entry.labels)]
        if right and not named:
            label = " and ".join(right[0].entry.labels) or "no model"
            return _misnamed(use, text, right[0], label, f"{label}, which is none of its names")
        if not right:
            return _unknown(use, asked, model) or _misses(use, text, asked[0], model)
        finding = _unreachable(use, named[0], model)
        if finding is not None:
            return finding
    return None


def _is_by_model(use: Use, asked: Sequence[Asked]) -> bool:
    """Return whether the entries are named by models, and not by labels of the program's own."""
    pairs = [(one, label) for one in asked for label in one.entry.labels]
    return any(
        one.entry.names_models or _owners(use, one.entry, label) or _is_retired(use, one, label) for one, label in pairs
    )


def _owners(use: Use, entry: Entry, label: str) -> list[Model]:
    """Return the models of the contract that a label of an entry names."""
    contract = use.view.repository.contract
    return [
        model
        for model in contract.models.values()
        if model.service
        if any(names.same(label, name) for name in (*model.names, contract.base_in(model, use.view.invocation)))
        or (label == model.key and not entry.names_models)
    ]


def _is_retired(use: Use, one: Asked, label: str) -> bool:
    """Return whether a label is a retired name of a model that the entry's address reaches."""
    models = use.view.repository.contract.models
    reached = [models[key] for key in one.route.models] if one.route else []
    return any(names.same(label, retired) for model in reached for retired in model.retired)


def _meant(use: Use, asked: Sequence[Asked]) -> Model:
    """Return the model that a wrong entry is most likely for: the first that no other entry reaches."""
    missed = [model for model in use.models if not any(one.reaches(model) for one in asked)]
    return (missed or use.models)[0]


def _server(use: Use, model: Model) -> Service:
    """Return the service that serves a model."""
    return use.view.repository.contract.services[str(model.service)]


def _is_started(use: Use, server: Service) -> bool:
    """Return whether the invocation starts a server, or it runs by itself."""
    return server.compose is None or server.compose in use.view.project.services


def _unknown(use: Use, asked: Sequence[Asked], model: Model) -> str | None:
    """Return why files cannot tell what answers: by the nature of an entry, or since the server is not started."""
    who = f"{use.view.service.key}'s {use.setting}"
    for one in asked:
        if one.route is None:
            return f"{who} holds {masked(one.entry.text)}, which cannot be read as an address{use.under}"
        if one.route.is_unknown:
            return f"{who} is {masked(one.entry.text)}, which {one.route.why}{use.under}"
    server = _server(use, model)
    if not _is_started(use, server):
        return f"{who} is {masked(asked[0].entry.text)}, and {server.key} is not started{use.under}"
    return None


def _misses(use: Use, text: Text, one: Asked, model: Model) -> Finding:
    """Say where an address leads, and where it should."""
    server = _server(use, model)
    why = one.route.why if one.route else "is no address"
    wanted = use.view.url(server)
    started = _is_started(use, server)
    taken = None if started else gone(use.view.project, server)
    should = f"should reach {server.key} at {wanted}" if started else f"{server.key} is not started"
    address = one.entry.address
    part = "" if address is None else str(address.port or "") if "at port" in why else address.host
    return Finding(
        f"{use.view.service.key}'s {use.setting} is {masked(one.entry.text)}, which {why}; {should}{use.under}",
        place=place_of(use.view.repository, text, one.entry.start, one.entry.text, part),
        expected=wanted if started else None,
        observed=masked(one.entry.text),
        chain=_chain(text),
        fix=f"write {wanted} there" if started else f"start {server.key} there, or give the address of what answers",
        causes=(text.place, *([taken.place] if taken else [])),
    )


def _misnamed(use: Use, text: Text, one: Asked, label: str, what: str) -> Finding:
    """Say that an entry has the right address and the wrong model."""
    contract = use.view.repository.contract
    reached = [model for model in contract.models.values() if one.reaches(model)]
    model = next((model for model in use.models if model in reached), reached[0])
    base = contract.base_in(model, use.view.invocation)
    wanted = " or ".join((base, *model.variants))
    return Finding(
        f"{use.view.service.key}'s {use.setting} asks {_server(use, model).key} for {what}; should name {wanted}"
        f"{use.under}",
        place=_named_at(use, text, one.entry, label),
        expected=wanted,
        observed=label,
        chain=_chain(text),
        fix=f"write {base} there",
        causes=(text.place,),
    )


def _named_at(use: Use, text: Text, entry: Entry, label: str) -> Place:
    """Return where an entry names a model; in JSON, where the two stand apart, where its address is."""
    at = entry.text.rfind(label) if entry.names_models else entry.text.find(label)
    whole, offset = (label, at) if at >= 0 else (entry.text, 0)
    return place_of(use.view.repository, text, entry.start + offset, whole)


def _unreachable(use: Use, one: Asked, model: Model) -> Finding | None:
    """Say that a server at the right address listens to its own container alone."""
    cause = one.route.cause if one.route else None
    if cause is None:
        return None
    server = _server(use, model)
    return Finding(
        f"OLLAMA_HOST of {server.key} is {cause.text}, which only its own container reaches; should be 0.0.0.0: "
        f"{use.view.service.key} asks it by {use.setting}{use.under}",
        place=cause.origin,
        expected="0.0.0.0",  # noqa: S104 - what a container must listen on to be asked by another
        observed=cause.text,
        chain=chain(cause.chain),
        fix="let it listen on every address of its container, and publish its port on 127.0.0.1 alone",
    )


def _empty(use: Use, text: Text) -> Finding | str:
    """Judge a text that is blank; a program may take its own default instead, which files cannot tell."""
    own = list(use.view.repository.source_defaults(use.view.service, use.setting))
    if own:
        return f"{use.setting} is given empty{use.under}, and whether {own[0].place} then counts is not known"
    wanted = use.view.url(_server(use, use.models[0]))
    message = f"{use.view.service.key}'s {use.setting} is empty, should be {wanted}{use.under}"
    return Finding(message, text.place, wanted, "", _chain(text), f"write {wanted} there")


def _unset(use: Use) -> Finding:
    """Say that nothing gives a service its address."""
    view, compose = use.view, use.view.compose
    server = _server(use, use.models[0])
    given = view.repository.given(view.project, view.service)
    value = given.environment.get(use.setting) if given else None
    missing = lack(compose, use.setting) if compose else Lack(view.service.place)
    place = value.chain[0].place if value and value.chain else missing.place
    return Finding(
        f"nothing gives {use.setting} to {view.service.key}, should be {view.url(server)}{use.under}{missing.since}",
        place=place,
        expected=view.url(server),
        observed=UNSET,
        chain=chain(value.chain) if value else (),
        fix=f"give it {view.url(server)}",
        lacks=use.setting,
    )


def _chain(text: Text) -> tuple[str, ...]:
    """Return the places that led to a text, without credentials."""
    return tuple(masked(line) for line in chain(text.value.chain)) if text.value else ()


ENDPOINT = Check("endpoint", "resolved", "config", endpoint, endpoint_subjects, judge_endpoint)
