"""Who asks which model, on which server, with which options: what can meet in one runner."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pytest_newscreator.checks.facts.claims import agrees
from pytest_newscreator.checks.facts.texts import texts
from pytest_newscreator.contract.model import Model, Service, Variant
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.sites import Site

RUNNER_OPTIONS = ("num_ctx", "num_batch", "num_gpu", "num_thread", "main_gpu", "use_mmap")
"""The request options by which Ollama decides whether a loaded runner will do (server/sched.go, needsReload)."""

_DEFAULTS = {"num_batch": "512", "num_gpu": "-1", "num_thread": "0", "main_gpu": "0"}
_CONTEXT_LENGTH = "4096"
_LOADS = re.compile(r"/api/(?:generate|chat|embed|embeddings)\b|/v1/(?:chat/)?completions\b")
_OPENS = re.compile(r'\{\s*\\?"')
_UNLOADS = re.compile(r'keep_alive\\?"\s*:\s*\\?"?0')


@frozen
class Target:
    """What a request is for: a name, on one server of the contract. Two models of one base there are one blob."""

    server: str
    name: str

    def is_met_by(self, other: Target) -> bool:
        """Return whether requests for both share a runner."""
        return self.server == other.server and names.same(self.name, other.name)


@frozen
class Sent:
    """One option of one request: `by` is where it comes from, `who` how a message calls it.

    `is_left_out` says that the request sends none, and `value` is then what the server takes, None if unknown.
    """

    target: Target
    option: str
    value: str | None
    place: Place
    by: str
    who: str
    invocation: str | None = None
    is_left_out: bool = False

    def meets(self, other: Sent) -> bool:
        """Return whether both can be asked of one running stack, for one model and one option."""
        together = None in {self.invocation, other.invocation} or self.invocation == other.invocation
        return together and self.option == other.option and self.target.is_met_by(other.target)

    def agrees(self, other: Sent) -> bool:
        """Return whether the runner of one will do for the other; a negative num_gpu takes what is loaded."""
        if self.value is None or other.value is None:
            return self.value == other.value
        if self.option == "num_gpu" and any(value.startswith("-") for value in (self.value, other.value)):
            return True
        return agrees(self.value, other.value)


def servers_of(repository: Repository, service: Service) -> frozenset[str]:
    """Return the servers that a service asks, by its `uses`; nothing where it declares none. A server asks itself."""
    models = repository.contract.models
    used = {models[key].service for key in service.uses}
    own = {service.key} if service.kind == "ollama" else set()
    return frozenset(server for server in used | own if server)


def servers_asked_from(repository: Repository, path: str) -> frozenset[str] | None:
    """Return the servers that the requests of a file go to; None where a service of it does not say."""
    services = repository.services_of(path)
    known = [servers_of(repository, service) for service in services]
    return frozenset().union(*known) if known and all(known) else None


def models_on(repository: Repository, servers: Iterable[str] | None) -> tuple[Model, ...]:
    """Return the models of some servers, all of them where the servers are not known."""
    models = repository.contract.models.values()
    return tuple(model for model in models if servers is None or model.service is None or model.service in servers)


def variants_asked(repository: Repository, service: Service) -> tuple[Variant, ...]:
    """Return the variant that a service's settings name first: its options go there. Without one, all of its models'.

    A service that names a second variant asks for that one with options of its own, which its code writes. One that
    names the base of a model, and none of its variants, asks for the base.
    """
    models = models_on(repository, servers_of(repository, service) or None)
    every = {name: variant for model in models for name, variant in model.variants.items()}
    named = [every[text] for text in _allowed(service) if text in every]
    by_base = {model.key for model in _named_by_base(repository, service)}
    used = [repository.contract.models[key] for key in service.uses if key not in by_base]
    return tuple(named[:1] or (variant for model in used for variant in model.variants.values()))


def target_of(repository: Repository, service: Service) -> Target | None:
    """Return what a service's options go to: the variant its settings name first, else its base; None if unclear."""
    servers = servers_of(repository, service)
    variants = variants_asked(repository, service)
    if variants:
        return _target(repository, variants[0].name, servers) if len(variants) == 1 else None
    named = _named_by_base(repository, service)
    used = [repository.contract.models[key] for key in service.uses]
    asked = named or (used if len(used) == 1 else [])
    return _target(repository, asked[0].base, servers) if asked else None


def _allowed(service: Service) -> list[str]:
    """Return the declared texts of a service's settings, in order."""
    return [text for setting in service.settings.values() for text in setting.allowed]


def _named_by_base(repository: Repository, service: Service) -> list[Model]:
    """Return the models that a service's settings name by their base, in the order of the settings."""
    models = models_on(repository, servers_of(repository, service) or None)
    return [model for text in _allowed(service) for model in models if names.same(text, model.base)]


def _target(repository: Repository, name: str, servers: Iterable[str] | None) -> Target | None:
    """Return a name with its server, None where it is no name of the contract or two servers have it."""
    models = models_on(repository, servers or None)
    found = {model.service for model in models if any(names.same(name, known) for known in model.names)}
    server = found.pop() if len(found) == 1 else None
    return None if server is None else Target(server, name)


def by_setting(repository: Repository) -> Iterator[Sent]:
    """Yield the runner options that services send by settings, under each invocation."""
    for service in repository.contract.services.values():
        target = target_of(repository, service)
        options = {option: name for option, name in service.options.items() if option in RUNNER_OPTIONS}
        for option, name in options.items() if target else ():
            for invocation, text, place in sent_under_each(repository, service, name):
                who = f"{service.key}'s {name} (invocation {invocation})"
                if target is not None:
                    yield Sent(target, option, text, place, f"{invocation} {service.key}", who, invocation)


def sent_under_each(repository: Repository, service: Service, name: str) -> Iterator[tuple[str, str, Place]]:
    """Yield what a service sends by a setting under each invocation, and its place; nothing where nobody can know."""
    for invocation, project in repository.resolved.items():
        for text in texts(repository, project, service, name)[:1]:
            if text.text is not None:
                yield invocation, text.text, text.place


def written(repository: Repository) -> Iterator[Sent]:
    """Yield the runner options of requests that are written out in the sources."""
    for site in repository.sites:
        if site.kind == "json-body" and site.setting in RUNNER_OPTIONS and site.value is not None:
            target = _target_of_site(repository, site)
            if target is not None:
                yield Sent(target, site.setting, site.value, site.place, site.place.path, "a request written here")


def left_out(repository: Repository) -> Iterator[Sent]:
    """Yield the runner options that a request in a script of the server leaves out: it loads the model without them."""
    for site in repository.sites:
        target = _target_of_site(repository, site) if (site.kind, site.setting) == ("json-body", "model") else None
        if target is None:
            continue
        server = repository.contract.services[target.server]
        body = _loading_body(repository, site) if server in repository.services_of(site.place.path) else None
        for option in RUNNER_OPTIONS if body else ():
            if option not in str(body):
                value = _taken(repository, server, option)
                path = site.place.path
                yield Sent(target, option, value, site.place, path, "a request written here", is_left_out=True)


def _taken(repository: Repository, server: Service, option: str) -> str | None:
    """Return what a server takes for an option that neither a request nor the model states."""
    if option != "num_ctx":
        return _DEFAULTS.get(option)
    given = [text for _, text, _ in sent_under_each(repository, server, "OLLAMA_CONTEXT_LENGTH") if text]
    return given[0] if given else _CONTEXT_LENGTH


def _target_of_site(repository: Repository, site: Site) -> Target | None:
    """Return what a written request is for: the model it names, else what the services of its file ask, if that is one.

    A file of no service may ask any server.
    """
    if site.model is None:
        path = site.place.path
        clients = [one for one in repository.services_of(path) if one.uses and repository.is_shipped(one, path)]
        targets = {_only_target(repository, client) for client in clients}
        return targets.pop() if len(targets) == 1 else None
    name = site.model.removeprefix(names.provider(site.model))
    return _target(repository, name, servers_asked_from(repository, site.place.path))


def _only_target(repository: Repository, service: Service) -> Target | None:
    """Return what every request of a service is for: the base of its one model, where it can name no other."""
    used = [repository.contract.models[key] for key in service.uses]
    texts_ = _allowed(service)
    others = (model for model in repository.contract.models.values() if model not in used)
    names_other = any(names.same(text, name) for text in texts_ for model in others for name in model.names)
    if len(used) != 1 or used[0].variants or names_other:
        return None
    return target_of(repository, service)


def _loading_body(repository: Repository, site: Site) -> str | None:
    """Return the JSON body around a model's name in a script, None unless its command surely loads the model."""
    source = None if site.place.path.endswith(".py") else repository.source(site.place.path)
    if source is None:
        return None
    lines = source.text.splitlines()
    before = sum(len(line) + 1 for line in lines[: site.place.line - 1])
    text = "\n".join(lines)
    start, end = _bounds(text, before + site.place.column - 1)
    body = text[start:end]
    if not _OPENS.match(body) or _UNLOADS.search(body):
        return None
    loads = _LOADS.search(_command(lines, text.count("\n", 0, start), text.count("\n", 0, end)))
    return body if loads else None


def _bounds(text: str, at: int) -> tuple[int, int]:
    """Return where the braces around an offset begin and end; an offset in none has an empty piece."""
    return _brace(text, range(at - 1, -1, -1), "{", at), _brace(text, range(at, len(text)), "}", at - 1) + 1


def _brace(text: str, offsets: range, wanted: str, otherwise: int) -> int:
    """Return where the first brace of one kind stands that has no partner on the way."""
    depth = 0
    for index in offsets:
        depth += 0 if text[index] not in "{}" else -1 if text[index] == wanted else 1
        if depth < 0:
            return index
    return otherwise


def _command(lines: Sequence[str], first: int, last: int) -> str:
    """Return the lines of the command that a body belongs to: continued ones, and the one a here-document is for."""
    if first and lines[first].lstrip().startswith("{"):
        first -= 1
    while first and lines[first - 1].endswith("\\"):
        first -= 1
    while last + 1 < len(lines) and lines[last].endswith("\\"):
        last += 1
    return "\n".join(lines[first : last + 1])
