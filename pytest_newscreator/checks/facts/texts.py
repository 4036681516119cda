"""What a service really has for a setting: the text it is given or its own default, and the place of any part of it."""

from __future__ import annotations

from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import Project
from pytest_newscreator.resolve.repository import DEFAULT_KINDS, Repository
from pytest_newscreator.resolve.values import Value


@frozen
class Text:
    """A text that a service has for a setting; None where only running the program tells. `value` is what gives it."""

    text: str | None
    place: Place
    value: Value | None = None


def texts(repository: Repository, project: Project, service: Service, name: str) -> tuple[Text, ...]:
    """Return what a service has for a setting: what it is given, else every default that its own sources have."""
    if service.process is not None:
        own = service.process.environment.get(name)
        return _own_defaults(repository, name) if own is None else (Text(own, service.place),)
    given = repository.given(project, service)
    value = given.environment.get(name) if given else None
    if value is not None and value.text is not None:
        return (Text(value.text, value.origin or service.place, value),)
    if given is None:
        return ()
    return tuple(Text(site.value, site.place) for site in repository.source_defaults(service, name))


def _own_defaults(repository: Repository, name: str) -> tuple[Text, ...]:
    """Return the defaults that a process may have for a setting: those of every file that no image is built from."""
    sites = [site for site in repository.sites if site.setting == name and site.kind in DEFAULT_KINDS]
    return tuple(Text(site.value, site.place) for site in sites if not repository.services_of(site.place.path))


def place_of(repository: Repository, text: Text, start: int, whole: str, part: str = "") -> Place:
    """Return where `whole`, which begins at `start` of a text, is written: the text's literal, moved to it.

    Where the text is put together of several literals, it is the one that says `whole`, or else its `part`.
    """
    if text.text is not None and _written(repository, text.place).startswith(text.text):
        return _moved(text.place, start)
    won = [hop for hop in text.value.chain if hop.won and hop.place is not None] if text.value else []
    for wanted in filter(None, (whole, part)):
        said = [hop.place for hop in won if hop.place is not None and hop.value == wanted]
        said = [place for place in said if _written(repository, place).startswith(wanted)]
        if said:
            return said[-1]
    entry = won[0].place if won else None
    written = _written(repository, entry) if entry else ""
    if entry is not None and whole in written:
        return _moved(entry, written.index(whole))
    return entry if entry is not None and part and part in written else text.place


def _moved(place: Place, columns: int) -> Place:
    """Return a place some columns to the right."""
    return Place(place.path, place.line, place.column + columns)


def _written(repository: Repository, place: Place) -> str:
    """Return the rest of the line at a place."""
    return repository.line(place)[place.column - 1 :] if place.column else ""
