"""Level `source`: every knob that is turned is one that something reads, and reads as it looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_newscreator.checks.facts.effective import Held, container, held
from pytest_newscreator.checks.facts.named import Named, interpolates, is_plain
from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene.subjects import Started, over_invocations, services, started
from pytest_newscreator.checks.hygiene.versions import engine
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Service, Setting
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources.ollama import settings as ollama_settings
from pytest_newscreator.sources.ollama.settings import version_of_image
from pytest_newscreator.verdicts import Finding, NotVerified

_AS_WRITTEN = {"forever": "-1", "DEBUG": "1", "DEBUG-4": "2", "INFO": "0", "WARN": "-1"}


@frozen
class Knob:
    """A variable of a service, and what the service's programs read."""

    service: Service
    name: str
    named: Named


def misread_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every variable that an Ollama of the contract is given and its release reads."""
    for service in _ollamas(repository):
        named = Named(repository, service)
        found: dict[str, Held] = {}
        for one in started(repository, service):
            known = ollama_settings.known(engine(one).version)
            found |= {name: own for name, own in held(one).items() if name in known and name not in found}
        for name, own in found.items():
            yield Subject(f"{service.key} {name}", own.place, Knob(service, name, named))


def misread(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """What a variable of Ollama's says is what Ollama takes it for.

    `OLLAMA_KEEP_ALIVE: 1d` is no duration in Go, so the server went back to five minutes without a word, and the first
    request after lunch waited for the model to load. `OLLAMA_FLASH_ATTENTION: off` turns it on. Write what the finding
    proposes.
    """
    newscreator_conclude("misread", newscreator_subject)


def judge_misread(subject: Subject, repository: Repository) -> Finding | None:
    """Return how the server reads a value otherwise than it looks, under some invocation."""
    knob: Knob = subject.data
    return over_invocations(knob.service, repository, lambda one: _misread(one, knob.name))


def _misread(one: Started, name: str) -> Finding | None:
    """Judge one variable under one invocation."""
    own, ollama = held(one).get(name), engine(one)
    told = ollama_settings.misread(name, own.text, ollama.version) if own and own.text is not None else None
    if own is None or own.text is None or told is None:
        return None
    reading = ollama_settings.reads_as(name, own.text, ollama.version)
    meant = _AS_WRITTEN.get(reading.looks_like or "", reading.looks_like or "")
    is_right = meant and ollama_settings.misread(name, meant, ollama.version) is None
    return Finding(
        f"{name} of {one.service.key} is {own.text or 'empty'}, which {told} (Ollama {ollama.release})",
        place=own.place,
        expected=meant if is_right else None,
        observed=own.text,
        chain=own.chain,
        fix=f"write {meant}" if is_right else "write it as Ollama reads it, or take it away",
    )


def dead_setting_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield the OLLAMA_* names that an Ollama is given or declared with, and the declared settings of the others."""
    for service in _ollamas(repository):
        named = Named(repository, service)
        for name, place in _offered(named).items():
            yield Subject(f"{service.key} {name}", place, Knob(service, name, named))
    for service in services(repository):
        if service.kind != "ollama" and service.key in repository.contexts:
            named = Named(repository, service)
            for setting in service.settings.values():
                yield Subject(f"{service.key} {setting.name}", setting.place, Knob(service, setting.name, named))


def _ollamas(repository: Repository) -> Iterator[Service]:
    """Yield the services of the contract that are Ollamas and that Compose starts."""
    yield from (service for service in services(repository) if service.kind == "ollama")


def _offered(named: Named) -> dict[str, Place]:
    """Return the OLLAMA_* names of a service with the first place that gives each."""
    found: dict[str, Place] = {}
    for one in named.starts:
        for name, value in one.given.environment.items():
            place = _entry(value)
            if name.startswith(ollama_settings.PREFIX) and place is not None and value.text is not None:
                found.setdefault(name, place)
    for setting in named.service.settings.values():
        if setting.name.startswith(ollama_settings.PREFIX):
            found.setdefault(setting.name, setting.place)
    return found


def _entry(value: Value) -> Place | None:
    """Return where a value is given to the service itself: what leads to it may be there for others too."""
    return value.chain[0].place if value.chain else None


def _declared_at(repository: Repository, setting: Setting) -> Place:
    """Return where the contract says the value of a setting; the name's own place where that is on another line."""
    place = setting.place
    line = repository.line(place)
    key = re.compile(rf"[\"']?{re.escape(setting.name)}[\"']?\s*:\s+[\"']?(?=[^\s#])").match(line, place.column - 1)
    return Place(place.path, place.line, key.end() + 1) if key else place


def dead_setting(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """Whatever a service is given or declared with, something in it reads.

    `OLLAMA_NUM_BATCH=1024` stood in Compose for a year and was tuned twice; no release of Ollama has ever read it, and
    the batch was 512 all the time. Take the name away, or say it where it counts: the finding names the place.
    """
    newscreator_conclude("dead-setting", newscreator_subject)


def judge_dead_setting(subject: Subject, repository: Repository) -> Finding | None:
    """Return that nothing reads a name: an error for an Ollama, a note for a program of one's own."""
    knob: Knob = subject.data
    if knob.service.kind != "ollama":
        return _unnamed(knob, _declared_at(repository, knob.service.settings[knob.name]))
    return over_invocations(knob.service, repository, lambda one: _dead(one, knob))


def _dead(one: Started, knob: Knob) -> Finding | None:
    """Judge one name under one invocation."""
    value, setting = one.given.environment.get(knob.name), knob.service.settings.get(knob.name)
    is_given = value is not None and value.text is not None and _entry(value) is not None
    declared = _declared_at(one.repository, setting) if setting else None
    place = _entry(value) if value is not None and is_given else declared
    told = ollama_settings.dead(knob.name, engine(one).version)
    if place is None or told is None or _is_read(one, knob, value if is_given else None):
        return None
    _hold_known(one, knob)
    says_version = "Ollama " in told or "releases" in told
    where = "" if says_version else f" in Ollama {engine(one).release}"
    return Finding(
        f"{knob.name} of {one.service.key} has no effect{where}: {told}",
        place=place,
        observed=value.text if value is not None else None,
        chain=chain(value.chain) if value is not None and is_given else (),
        fix="take it away, or let a start script read it" if says_version else told,
    )


def _is_read(one: Started, knob: Knob, value: Value | None) -> bool:
    """Return whether something reads a name after all: the service, Compose itself, or whoever shares the entry."""
    if knob.named.is_read(knob.name) or _is_asked_from_outside(one.repository, knob.name):
        return True
    if value is None:
        return False
    sources = (one.repository.source(path) for path in one.project.compose_files)
    if value.chain[0].kind == "env_file" and any(source and interpolates(source.text, knob.name) for source in sources):
        return True
    others = {**one.project.disabled, **one.project.services}
    sharing = (name for name, other in others.items() if _has_entry(other.environment.get(knob.name), _entry(value)))
    return any(name != one.compose.name and _may_read(one, name, knob.name) for name in sharing)


def _has_entry(value: Value | None, place: Place | None) -> bool:
    """Return whether a value is given by the very entry, of an env_file or an anchor, at a place."""
    return value is not None and _entry(value) == place


def _may_read(one: Started, compose: str, name: str) -> bool:
    """Return whether a service beside the Ollama may read a name; of another Ollama its scripts tell."""
    services_ = one.repository.contract.services.values()
    ollamas = [service for service in services_ if service.compose == compose and service.kind == "ollama"]
    return not ollamas or any(Named(one.repository, service).is_read(name) for service in ollamas)


@lru_cache(maxsize=8)
def _is_asked_from_outside(repository: Repository, name: str) -> bool:
    """Return whether a script of the repository reads a name inside a container, by `docker compose exec`."""
    called = re.compile(rf"\bexec\b.*{re.escape(name)}(?![A-Za-z0-9_])")
    return any(name in source.text and called.search(source.text) for source in repository.sources)


def _hold_known(one: Started, knob: Knob) -> None:
    """Raise NotVerified where programs that the repository does not have may read the name."""
    reference, unknown = engine(one).reference, ""
    if not (reference and (version_of_image(f"{_stem(reference)}:0.0.0") or is_plain(reference))):
        unknown = f"{reference or 'its image'} may have programs of its own that read it"
    elif knob.named.oversized:
        unknown = f"{knob.named.oversized[0]}, which is too large to be read, may read it"
    elif not knob.named.reads and (missing := _unknown_start(one)):
        unknown = missing
    if unknown:
        raise NotVerified(f"{knob.name} of {one.service.key}: {unknown}", needs="", fix="")


def _stem(reference: str) -> str:
    """Return an image's name without tag and digest."""
    folder, slash, last = reference.partition("@")[0].rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def _unknown_start(one: Started) -> str:
    """Return what of the start of a service the repository does not tell."""
    return container(one).running.startup.unknown


def _unnamed(knob: Knob, place: Place) -> Finding | None:
    """Return that no spelling of a declared setting occurs in what a service is made of.

    Only where its programs are seen to read others: their sources are here, and no image below brings some more.
    """
    named, name = knob.named, knob.name
    around = {*knob.service.settings, *(given for one in named.starts for given in one.given.environment)} - {name}
    bases = [image.base for one in named.starts if (image := one.given.image) is not None]
    if not (bases and all(map(is_plain, bases)) and named.reads & around) or named.may_name(name):
        return None
    return Finding(
        f"{name} is declared for {knob.service.key}, and nothing that its image is made of names it",
        place=place,
        fix="correct the name, or take it out of the contract and Compose",
        severity="note",
    )


MISREAD = Check("misread", "source", "config", misread, misread_subjects, judge_misread)
DEAD_SETTING = Check("dead-setting", "source", "config", dead_setting, dead_setting_subjects, judge_dead_setting)
