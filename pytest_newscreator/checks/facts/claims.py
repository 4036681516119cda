"""What the contract says about one site: the texts it may have, and the name it is known by there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_newscreator.checks.facts import ground
from pytest_newscreator.checks.facts.parts import Part, is_tagged, parts
from pytest_newscreator.contract.model import Service, Setting
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.sites import Site

# Python's float() takes `1_024` and `inf` too; neither Go nor a shell does.
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MODEL_WORD = re.compile(r"(?:^|[_.-])models?(?:[_-]?(?:name|id))?$|(?:^|_)model_\w*name$", re.IGNORECASE)
_ROLLBACK = re.compile(r"roll[-_]?back|revert", re.IGNORECASE)
_IMAGES = ("image", "FROM")
MODELFILE_KINDS = ("modelfile-from", "modelfile-parameter")
_SILENT = (*MODELFILE_KINDS, "compared")
"""The kinds of sites that nothing is claimed of here: Modelfiles have a check, and what is compared is not used."""


@frozen
class Claim:
    """A site that the contract speaks about: `allowed` empty means that only a retired name is wrong there.

    `declared` are the places in the contract that say what should stand there, `provider` what the value has in front
    of the name that the claim is about.
    """

    site: Site
    label: str
    allowed: tuple[str, ...] = ()
    retired: str | None = None
    declared: tuple[Place, ...] = ()
    provider: str = ""

    @property
    def value(self) -> str | None:
        """Return what the claim is about: the value of the site, behind its provider."""
        return None if self.site.value is None else self.site.value.removeprefix(self.provider)

    @property
    def place(self) -> Place:
        """Return where that stands."""
        return _moved(self.site, len(self.provider)).place if self.provider else self.site.place

    @property
    def is_open(self) -> bool:
        """Return whether only running the program can tell what the site says; what is handed on is told elsewhere."""
        return self.site.value is None and not self.site.handed_on

    @property
    def holds(self) -> bool:
        """Return whether the site says what the contract says; a value nobody can know statically is not wrong."""
        if self.value is None:
            return True
        if self.allowed:
            value = as_read(self.site.setting or "", self.value)
            return any(agrees(value, text) for text in self.allowed)
        return self.retired is None


def as_read(name: str, value: str) -> str:
    """Return a value as its reader takes it: Ollama trims blanks, then quotes, around its own variables."""
    return value.strip().strip("\"'") if name.startswith("OLLAMA_") else value


def agrees(value: str, text: str) -> bool:
    """Return whether two texts mean one value: equal, equal as numbers, or one model under two spellings."""
    if value == text:
        return True
    if NUMBER.fullmatch(value) and NUMBER.fullmatch(text):
        return float(value) == float(text)
    return (is_tagged(value) or is_tagged(text)) and names.same(value, text)


def claims(repository: Repository) -> Iterator[Claim]:
    """Yield the sites that the contract speaks about, in file order."""
    aliases = aliases_of(repository)
    for site in repository.sites:
        claim = claim_of(repository, site, aliases) if site.kind not in _SILENT else None
        if claim is not None:
            yield claim
        if site.kind not in _SILENT and not (claim and claim.allowed):
            yield from _inside(repository, site)


def _inside(repository: Repository, site: Site) -> Iterator[Claim]:
    """Yield the retired names in a value that is a list, a map or an option, each at its own place."""
    names_models, here = _names_model(site), ground.of_site(repository, site)
    for part in parts(site.value or "", names_models=names_models):
        name = part.name.removeprefix(names.provider(part.name))
        if is_tagged(name) or (names_models and not part.is_key):
            place = _place_inside(repository, site, part)
            one = replace(site, setting=None, into=None, value=part.name, place=place, kind="literal")
            claim = _retired(repository, one, here, names_model=names_models)
            if claim is not None:
                yield claim


def _place_inside(repository: Repository, site: Site, part: Part) -> Place:
    """Return where a part of a value is written, also where quotes, escapes or line ends shift it."""
    place, value = site.place, site.value or ""
    end = part.start + len(part.name)
    if not place.line or repository.line(place)[place.column - 1 :].startswith(value[:end]):
        return replace(place, column=place.column + part.start)
    source = repository.source(place.path)
    lines = Lines(place.path, source.text if source else "")
    offset = lines.offset(place.line) + place.column - 2
    for _ in range(value.count(part.name, 0, end)):
        offset = source.text.find(part.name, offset + 1) if source else -1
        if offset < 0:
            return place
    return lines.place(offset)


def claim_of(repository: Repository, site: Site, aliases: Mapping[str, frozenset[str]]) -> Claim | None:
    """Return what the contract says about a site, or None where it says nothing."""
    here = ground.of_site(repository, site)
    if here == () or _is_way_back(repository, site):
        return None
    for name in _known_as(site, aliases):
        declared = repository.declared.get(name, ())
        ours = [(one, setting) for one, setting in declared if here is None or one is None or one in here]
        allowed = tuple(text for _, setting in ours for text in _allowed(repository, setting, site))
        if allowed:
            places = tuple(setting.place for _, setting in ours)
            return _behind_provider(Claim(site, site.setting or name, allowed, declared=places), ours)
    return _retired(repository, site, here, names_model=_names_model(site))


def _retired(
    repository: Repository, site: Site, here: tuple[Service, ...] | None, *, names_model: bool
) -> Claim | None:
    """Return the claim that a site names a retired model, or None where it names none."""
    if here == () or _is_way_back(repository, site):
        return None
    site = _without_provider(repository, site, here)
    retired = retired_name(repository, site.value, here, names_model=names_model)
    if retired is None:
        return None
    bases = tuple(model.base_place for model in ground.models_of(repository, here) if retired in model.retired)
    return Claim(site, site.setting or f"literal {site.value}", retired=retired, declared=bases)


def _behind_provider(claim: Claim, declared: Sequence[tuple[Service | None, Setting]]) -> Claim:
    """Return a claim about the name alone where the provider in front of it is what the contract says, or may stand."""
    provider = names.provider(claim.site.value or "")
    if not provider:
        return claim
    if all(text.startswith(provider) for text in claim.allowed):
        allowed = tuple(text.removeprefix(provider) for text in claim.allowed)
        return replace(claim, provider=provider, allowed=allowed)
    return replace(claim, provider=provider) if all(may_have_provider(*pair) for pair in declared) else claim


def may_have_provider(service: Service | None, setting: Setting) -> bool:
    """Tell whether `ollama/gemma3:4b` means `gemma3:4b` in a setting: a model's, read by a program that asks Ollama.

    To Ollama itself it is another name, and who reads a switch that no service declares is not known.
    """
    return service is not None and service.kind != "ollama" and setting.model is not None


def meant(service: Service, setting: Setting, value: str) -> str:
    """Return a value as the service that is given it means it: as its reader takes it, without a model's provider."""
    value = as_read(setting.name, value)
    return value.removeprefix(names.provider(value)) if may_have_provider(service, setting) else value


def _without_provider(repository: Repository, site: Site, here: tuple[Service, ...] | None) -> Site:
    """Return a site at the name behind its provider: `ollama/gemma3:4b`, unless an Ollama reads it or it is declared.

    What is an argument of `ollama`, or the name of an image, has a namespace there.
    """
    provider = names.provider(site.value or "")
    if not provider or site.kind == "ollama-argument" or site.setting in _IMAGES:
        return site
    models = ground.models_of(repository, here)
    declared = (name for model in models for name in (*model.names, *model.retired))
    return site if any(names.same(site.value or "", name) for name in declared) else _moved(site, len(provider))


def _moved(site: Site, columns: int) -> Site:
    """Return a site without the first characters of its value."""
    place = replace(site.place, column=site.place.column + columns)
    return replace(site, value=(site.value or "")[columns:], place=place)


def _allowed(repository: Repository, setting: Setting, site: Site) -> tuple[str, ...]:
    """Return the texts a setting may have at a site: those of a rollback in a file that only rollbacks load."""
    loading = [
        repository.contract.invocations[name]
        for name, project in repository.resolved.items()
        if site.place.path in project.files
    ]
    if not loading or not all(invocation.base for invocation in loading):
        return repository.contract.allowed(setting)
    return tuple(text for invocation in loading for text in repository.contract.allowed(setting, invocation))


def _is_way_back(repository: Repository, site: Site) -> bool:
    """Return whether a site is a rollback's own: a file named so gives a switch, or a model, the declared rollback.

    Only outside of what images are built of: what ships a rollback's value ships a wrong default.
    """
    if site.value is None or not _ROLLBACK.search(site.place.path) or repository.services_of(site.place.path):
        return False
    models = repository.contract.models.values()
    return any(model.rollback is not None and names.same(site.value, model.rollback) for model in models)


def _known_as(site: Site, aliases: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield the names of a site, its own first, then those its value is handed on under."""
    if site.setting:
        yield site.setting
    if site.into:
        yield site.into
    yield from sorted(aliases.get(site.setting or "", ()))


def aliases_of(repository: Repository) -> dict[str, frozenset[str]]:
    """Return, for each name a value is interpolated from, the declared settings it ends in."""
    found: dict[str, set[str]] = {}
    for site in repository.sites:
        if site.setting and site.into and site.into != site.setting and site.into in repository.declared:
            found.setdefault(site.setting, set()).add(site.into)
    return {name: frozenset(into) for name, into in found.items() if name not in repository.declared}


def _names_model(site: Site) -> bool:
    """Return whether what stands at a site is a model's name whatever it looks like: a word of `ollama`, `model=`."""
    return site.kind == "ollama-argument" or _MODEL_WORD.search(site.setting or "") is not None


def retired_name(
    repository: Repository, value: str | None, here: tuple[Service, ...] | None = None, *, names_model: bool = False
) -> str | None:
    """Return the retired model that a value names, if it names one.

    `here` are the services whose place it is: only their models count, and a name that one of them has decided on is
    right. A word without a tag counts only where `names_model` says that nothing but a model can stand there: `llama3`
    is an ordinary word anywhere else.
    """
    if not value or not (names_model or is_tagged(value)):
        return None
    models = ground.models_of(repository, here)
    if any(names.same(value, name) for model in models for name in model.names):
        return None
    retired = (name for model in models for name in model.retired)
    return next((name for name in retired if names.same(value, name)), None)
