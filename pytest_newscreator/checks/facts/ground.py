"""Whose ground a site is: the services of the contract that it speaks to, and the models that it can be about."""

from __future__ import annotations

from pytest_newscreator.contract.model import Model, Service
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.sites import Site


def of_site(repository: Repository, site: Site) -> tuple[Service, ...] | None:
    """Return the services that a site speaks to: None where that is not known, () where it is nobody of the contract.

    In a Compose file those are the service it stands in, and those that get it by `extends` or an anchor; what another
    service commands an Ollama of the contract to do (by OLLAMA_HOST: an init container, say) is that Ollama's. A dotenv
    line speaks to whoever interpolates it or is given the file; any other file to those whose build context it is in.
    A contract that tells of no Compose service leaves open which of them are meant, so that each of them may be.
    """
    if not any(service.compose for service in repository.contract.services.values()):
        return None
    path = site.place.path
    if path in repository.compose_files:
        return _of_compose(repository, site)
    if site.kind == "dotenv":
        return _of_dotenv(repository, site)
    return repository.services_of(path) or None


def _of_compose(repository: Repository, site: Site) -> tuple[Service, ...] | None:
    """Return the services that a place of a Compose file reaches."""
    reached = repository.reached.get((site.place.path, site.place.line), frozenset())
    names = reached | {site.scope}
    found = tuple(one for one in repository.contract.services.values() if one.compose in names)
    if found:
        return found
    served = repository.serving.get(site.scope)
    if served is not None and site.kind == "ollama-argument":
        return (served,)
    return () if site.scope or reached else None


def _of_dotenv(repository: Repository, site: Site) -> tuple[Service, ...] | None:
    """Return the services that a line of a dotenv file reaches: by `env_file`, or by interpolation of its name."""
    owners = repository.env_file_owners.get(site.place.path) or repository.interpolating.get(site.setting or "")
    if not owners:
        return repository.services_of(site.place.path) or None
    return tuple(one for one in repository.contract.services.values() if one.compose in owners)


def models_of(repository: Repository, here: tuple[Service, ...] | None) -> tuple[Model, ...]:
    """Return the models that services serve or use; all of them where that is not known of one of these services."""
    every = tuple(repository.contract.models.values())
    if here is None:
        return every
    found: dict[str, Model] = {}
    for service in here:
        served = {model.key: model for model in every if model.service == service.key}
        used = {key: repository.contract.models[key] for key in service.uses}
        if not (served or used):
            return every
        found |= served | used
    return tuple(found.values())
