"""What the contract says about one site: the texts it may have, and the name it is known by there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_newscreator.contract.model import Setting
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import names
from pytest_newscreator.sources.sites import Site

# Python's float() takes `1_024` and `inf` too; neither Go nor a shell does.
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
MODELFILE_KINDS = ("modelfile-from", "modelfile-parameter")


@dataclass(frozen=True, slots=True)
class Claim:
    """A site that the contract speaks about: `allowed` empty means that only a retired name is wrong there."""

    site: Site
    label: str
    allowed: tuple[str, ...] = ()
    retired: str | None = None

    @property
    def is_open(self) -> bool:
        """Return whether only running the program can tell what the site says; what is handed on is told elsewhere."""
        return self.site.value is None and not self.site.handed_on

    @property
    def holds(self) -> bool:
        """Return whether the site says what the contract says; a value nobody can know statically is not wrong."""
        if self.site.value is None:
            return True
        if self.allowed:
            return any(agrees(self.site.value, text) for text in self.allowed)
        return self.retired is None


def agrees(value: str, text: str) -> bool:
    """Return whether two texts mean one value: equal, equal as numbers, or one model under two spellings."""
    if value == text:
        return True
    if NUMBER.fullmatch(value) and NUMBER.fullmatch(text):
        return float(value) == float(text)
    return (_is_tagged(value) or _is_tagged(text)) and names.same(value, text)


def _is_tagged(text: str) -> bool:
    """Return whether Ollama would take the text for a tagged model name."""
    return ":" in text and names.parse(text).is_valid


def claims(repository: Repository) -> Iterator[Claim]:
    """Yield the sites that the contract speaks about, in file order; Modelfiles have a check of their own."""
    aliases = aliases_of(repository)
    for site in repository.sites:
        if site.kind in MODELFILE_KINDS:
            continue
        claim = claim_of(repository, site, aliases)
        if claim is not None:
            yield claim


def claim_of(repository: Repository, site: Site, aliases: Mapping[str, frozenset[str]]) -> Claim | None:
    """Return what the contract says about a site, or None where it says nothing."""
    for name in _known_as(site, aliases):
        allowed = tuple(
            text for setting in _settings_for(repository, site, name) for text in _texts(repository, setting)
        )
        if allowed:
            return Claim(site, site.setting or name, allowed)
    retired = retired_name(repository, site.value, names_model=_names_model(site))
    if retired:
        return Claim(site, site.setting or f"literal {site.value}", retired=retired)
    return None


def _known_as(site: Site, aliases: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield the names of a site, its own first, then those its value is handed on under."""
    if site.setting:
        yield site.setting
    if site.into:
        yield site.into
    yield from sorted(aliases.get(site.setting or "", ()))


def _texts(repository: Repository, setting: Setting) -> tuple[str, ...]:
    """Return the texts that a declared setting may have."""
    return repository.contract.allowed(setting)


def _settings_for(repository: Repository, site: Site, name: str) -> Iterator[Setting]:
    """Yield the declarations of `name` that reach this site: those of the service whose file or block it is in."""
    declared = repository.declared.get(name, ())
    if not declared or _is_of_others(repository, site):
        return
    if site.kind in ("compose-value", "compose-default") and site.scope:
        ours = [setting for service, setting in declared if service is None or service.compose == site.scope]
    else:
        here = repository.services_of(site.place.path)
        near = [setting for service, setting in declared if service is None or service in here]
        ours = near if here else [setting for _, setting in declared]
    yield from ours


def _is_of_others(repository: Repository, site: Site) -> bool:
    """Return whether a dotenv file is given to services outside the contract alone, as their own `env_file`."""
    owners = repository.env_file_owners.get(site.place.path) if site.kind == "dotenv" else None
    ours = {service.compose for service in repository.contract.services.values()}
    return bool(owners) and not ours & (owners or frozenset())


def aliases_of(repository: Repository) -> dict[str, frozenset[str]]:
    """Return, for each name a value is interpolated from, the declared settings it ends in."""
    found: dict[str, set[str]] = {}
    for site in repository.sites:
        if site.setting and site.into and site.into != site.setting and site.into in repository.declared:
            found.setdefault(site.setting, set()).add(site.into)
    return {name: frozenset(into) for name, into in found.items() if name not in repository.declared}


def _names_model(site: Site) -> bool:
    """Return whether what stands at a site is a model's name whatever it looks like: a word of `ollama`, `model=`."""
    return site.kind == "ollama-argument" or (site.setting or "").lower() == "model"


def retired_name(repository: Repository, value: str | None, *, names_model: bool = False) -> str | None:
    """Return the retired model that a value names, if it names one.

    A word without a tag counts only where `names_model` says that nothing but a model can stand there: `llama3` is
    an ordinary word anywhere else.
    """
    if not value or not (names_model or _is_tagged(value)):
        return None
    for model in repository.contract.models.values():
        for retired in model.retired:
            if names.same(value, retired):
                return retired
    return None
