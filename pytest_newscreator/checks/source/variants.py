"""Level `source`: a variant that a service selects is created, of its own Modelfile, which is in the container."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.source.asked import AskedName, asked, asked_names, containers, judge_asked
from pytest_newscreator.checks.source.variant_files import modelfile_finding
from pytest_newscreator.contract.model import Model, Variant
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.start.scripts import Creation, Running, reading, word_place
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.shell import reader as shell
from pytest_newscreator.verdicts import Finding, NotVerified

_ASKS_TO_CREATE = re.compile(r"/api/create\b|\b(?:ollama\w*|client)\.create\(")
_SEPARATORS = re.compile(r"[\s,;]+")
_ALIKE = 0.7


def variant_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every variant of a model that a Compose service serves, and every other name asked of that service."""
    servers = {}
    for model in repository.contract.models.values():
        service = repository.contract.services.get(model.service or "")
        if service is None or service.compose is None:
            continue
        if any(service.compose in project.services for project in repository.resolved.values()):
            yield from (Subject(v.name, v.place, (model, v)) for v in model.variants.values())
            servers[service.key] = service
    for server in servers.values():
        for name, place in asked_names(repository, server).items():
            yield Subject(f"asked {name}", place, AskedName(server, name))


def variant_chain(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """A variant that a service selects is created at the start, of its own Modelfile, which is in the container.

    Each link is written in another file: the setting, the list of the start script, the COPY, the .dockerignore. It
    happened with a variant that the application was switched to and that the script's list did not have: the first
    request ended with `model not found`. What the health check and the start scripts ask for by `ollama show` or
    `ollama run` is made as well: with a name of old in a health check, no container ever becomes healthy. Mend the
    link at the place named.
    """
    newscreator_conclude("variant-chain", newscreator_subject)


def judge_variant(subject: Subject, repository: Repository) -> Finding | None:
    """Return the first broken link of a variant's chain, under the first invocation that has one."""
    if isinstance(subject.data, AskedName):
        return judge_asked(subject.data, repository)
    model, variant = subject.data
    service = repository.contract.services[model.service or ""]
    selected = _selectors(repository, variant)
    unsure: NotVerified | None = None
    for name, project in repository.resolved.items():
        own = repository.compose_service(project, service)
        if own is None:
            continue
        around = containers(repository, project, own)
        verbs = ("create", "cp") if variant.modelfile else ("create", "cp", "pull")
        made = [Creation(by, *found) for by in around for verb in verbs for found in by.calls(verb)]
        asking = [f"{at} asks for" for text, at in asked(repository, around) if names.same(text, variant.name)]
        wanted = (*selected, *dict.fromkeys(asking))
        try:
            finding = _judged(repository, model, variant, wanted, made, around[0], name)
        except NotVerified as missing:
            unsure = unsure or missing
            continue
        if finding is not None:
            return finding
    if unsure is not None:
        raise unsure
    return None


def _selectors(repository: Repository, variant: Variant) -> tuple[str, ...]:
    """Return the settings that may hold a variant's name, for people."""
    return tuple(
        f"{service.key}'s {setting.name} may be"
        for service in repository.contract.services.values()
        for setting in service.settings.values()
        if any(names.same(text, variant.name) for text in repository.contract.allowed(setting))
    )


def _judged(  # noqa: PLR0913, PLR0917 - the links of the chain
    repository: Repository,
    model: Model,
    variant: Variant,
    wanted: Sequence[str],
    made: Sequence[Creation],
    own: Running,
    invocation: str,
) -> Finding | None:
    """Judge a variant under one invocation."""
    creation = next((creation for creation in made if creation.makes(variant.name)), None)
    if creation is not None:
        return modelfile_finding(repository, model, variant, creation)
    if not wanted:
        return None
    unknown = next((one for one in made if one.name is None and one.call.verb == "create"), None)
    if unknown is not None:
        place = unknown.script.at(unknown.call.place)
        raise NotVerified(f"{place}: which models are created is computed when it runs", needs="", fix="")
    return _uncreated(repository, model, variant, wanted, made, own, invocation)


def _uncreated(  # noqa: PLR0913, PLR0917 - what the message tells
    repository: Repository,
    model: Model,
    variant: Variant,
    wanted: Sequence[str],
    made: Sequence[Creation],
    own: Running,
    invocation: str,
) -> Finding:
    """Say that nothing creates a variant; NotVerified where something may that is not read here."""
    others = [name for name in model.variants if name != variant.name]
    asking = next((one for one in made if _ASKS_TO_CREATE.search(one.script.source.text)), None)
    if asking is not None:
        reason = f"{asking.script.place} may create {variant.name}: it asks Ollama to create models"
        raise NotVerified(reason, needs="", fix="")
    beside = next(((made_, name) for name in others for made_ in made if made_.makes(name)), None)
    stray = _stray(repository, variant, made, own, beside[0] if beside else None)
    if stray is not None:
        return _of_a_stray(repository, variant, wanted, stray, invocation)
    if beside is None:
        _raise_if_made_elsewhere(repository, variant, own)
    place = _list_place(*beside) if beside else own.compose.place
    return Finding(
        f"{wanted[0]} {variant.name}, which nothing creates (invocation {invocation})",
        place=place,
        expected=variant.name,
        observed=", ".join(dict.fromkeys(one.name for one in made if one.name)) or "nothing is created",
        chain=(f"{variant.place}: declares {variant.name}",),
        fix=f"add {variant.name} there" if beside else f"create {variant.name} when the container starts",
        lacks=variant.name,
    )


def _stray(
    repository: Repository, variant: Variant, made: Sequence[Creation], own: Running, beside: Creation | None
) -> Creation | None:
    """Return what creates a name that the contract does not know, where it may be meant for a variant.

    It is the one most like it; where others are created, one of their list, or one that is very like it.
    """
    contract = repository.contract
    known = [name for model in contract.models.values() for name in (*model.names, *model.retired, model.rollback)]
    servers = {one.compose for one in contract.services.values() if one.kind == "ollama"} - {own.compose.name}
    found: list[tuple[float, Creation]] = []
    for one in made:
        name = one.name
        is_foreign = one.by.compose.name in servers or one.call.verb == "pull"
        if name is None or is_foreign or any(names.same(name, other) for other in known if other):
            continue
        likeness = difflib.SequenceMatcher(None, name, variant.name).ratio()
        is_listed = beside is not None and (one.script, one.call.place) == (beside.script, beside.call.place)
        if beside is None or is_listed or likeness >= _ALIKE:
            found.append((likeness, one))
    return max(found, key=lambda pair: pair[0], default=(0.0, None))[1]


def _of_a_stray(
    repository: Repository, variant: Variant, wanted: Sequence[str], stray: Creation, invocation: str
) -> Finding:
    """Say that another name than a variant's is created."""
    name = stray.name or ""
    return Finding(
        f"creates {name}, which the contract does not know; {wanted[0]} {variant.name}, which nothing creates "
        f"(invocation {invocation})",
        place=word_place(repository, stray.script, name, stray.name_place),
        expected=variant.name,
        observed=name,
        chain=(f"{variant.place}: declares {variant.name}",),
        fix=f"create {variant.name} there, or declare {name}",
    )


def _raise_if_made_elsewhere(repository: Repository, variant: Variant, own: Running) -> None:
    """Raise NotVerified where a variant may be created by what no container is seen to start."""
    context = own.files.context
    for source in repository.sources:
        path = source.path
        # A script that the image has, and that nothing starts, creates nothing; one beside it may be run by hand.
        is_inside = context is not None and shell.matches(path) and PurePosixPath(path).is_relative_to(context.folder)
        for call in shell.ollama_calls(source) if shell.matches(path) and not is_inside else ():
            if call.verb == "create" and any(name and names.same(name, variant.name) for name in call.names):
                reason = f"{call.place} creates {variant.name}, and no container starts that script"
                raise NotVerified(reason, needs="", fix="run it from the container's start")
        if _ASKS_TO_CREATE.search(source.text):
            raise NotVerified(f"{path} may create {variant.name}: it asks Ollama to create models", needs="", fix="")
    if own.startup.unknown:
        raise NotVerified(f"who creates {variant.name} is not known: {own.startup.unknown}", needs="", fix="")


def _list_place(creation: Creation, name: str) -> Place:
    """Return where the list stands that a created name comes from, else the call."""
    for source in creation.call.sources:
        value = creation.by.given.environment.get(source)
        if value is not None and value.origin is not None and _lists(value.text, name):
            return value.origin
    if creation.script.inline is None:
        sites = reading(creation.script.source).sites
        listing = [site for site in sites if site.setting in creation.call.sources and _lists(site.value, name)]
        listing += [site for site in sites if site.kind == "shell-assignment" and _lists(site.value, name)]
        listing += [site for site in sites if site.kind == "literal" and _lists(site.value, name)]
        if listing:
            return listing[0].place
    return creation.script.at(creation.call.place)


def _lists(text: str | None, name: str) -> bool:
    """Return whether a text is a list with a name in it, or of pairs that begin with it."""
    return text is not None and any(word.partition("=")[0] == name for word in _SEPARATORS.split(text))


VARIANT_CHAIN = Check("variant-chain", "source", "config", variant_chain, variant_subjects, judge_variant)
