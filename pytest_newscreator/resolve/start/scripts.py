"""What the scripts of a container do with the environment that the container is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve import values
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.resolve.start.container_files import ContainerFiles
from pytest_newscreator.resolve.start.startup import Script, Startup, health_scripts, startup
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.shell.reader import read_script
from pytest_newscreator.sources.sites import Read, SourceFile

if TYPE_CHECKING:
    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.sources.lines import Locate
    from pytest_newscreator.sources.ollama.commands import OllamaCall
    from pytest_newscreator.sources.shell.overwrites import Overwrite

Written = tuple[str, str, Place | None]
"""A variable that a container is given, its text, and where that text is written as it is."""


@frozen
class Ran:
    """A script run on paper: its calls of `ollama`, what it overwrites, and every text that its words come to.

    `problems` are what of it could not be followed.
    """

    calls: tuple[OllamaCall, ...]
    overwrites: tuple[Overwrite, ...]
    texts: frozenset[str]
    problems: tuple[tuple[Place, str], ...] = ()


@frozen
class Running:
    """One Compose service of a project with what it is given, what it starts and the files it has.

    `health` are the scripts of its health check, `written` is its environment with places.
    """

    compose: ComposeService
    given: Given
    startup: Startup
    files: ContainerFiles
    written: tuple[Written, ...] = ()
    health: tuple[Script, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """Return the texts of the environment."""
        return {name: text for name, text, _ in self.written}

    def ran(self, script: Script) -> Ran:
        """Return what a script does in this container."""
        return run(script.source, self.written)

    def calls(self, verb: str) -> Iterator[tuple[Script, OllamaCall]]:
        """Yield the calls of `ollama` with a subcommand, with the script of each."""
        for script in self.startup.scripts:
            yield from ((script, call) for call in self.ran(script).calls if call.verb == verb)

    def asked(self) -> Iterator[tuple[Script, str, Place]]:
        """Yield the models that the start and the health check ask for, each with its script and where it is named.

        One that they remove as well is asked for only to be rid of it.
        """
        scripts = (*self.startup.scripts, *self.health)
        calls = [(script, call) for script in scripts for call in self.ran(script).calls]
        removed = [name for _, call in calls if call.verb == "rm" for name in call.names if name]
        for script, call in calls:
            name, place = (*call.names, None)[0], (*call.name_places, None)[0]
            if call.verb in ASKING and name and not any(names.same(name, gone) for gone in removed):
                yield script, name, place or call.place


@frozen
class Creation:
    """One `ollama create`: who runs it, by which script."""

    by: Running
    script: Script
    call: OllamaCall

    @property
    def name(self) -> str | None:
        """Return the name that is there behind it, `None` where only running can tell."""
        return self.call.names[-1] if self.call.names else None

    @property
    def name_place(self) -> Place:
        """Return where that name is written, as its script tells it."""
        return (self.call.name_places[-1] if self.call.name_places else None) or self.call.place

    def makes(self, variant: str) -> bool:
        """Return whether it creates a variant."""
        return self.name is not None and names.same(self.name, variant)


ASKING = ("show", "run", "cp")
"""The subcommands that need a model to be there: the first name they are given."""

_KNOWN: WeakKeyDictionary[Repository, dict[tuple[int, str], Running]] = WeakKeyDictionary()


def running(repository: Repository, project: Project, compose: ComposeService) -> Running:
    """Return a Compose service as it starts; it is found out once for every project."""
    known = _KNOWN.setdefault(repository, {})
    # The entry keeps its project alive, so that the number stays its own.
    key = id(project), compose.name
    if key not in known:
        own = repository.container(compose)
        files = ContainerFiles(repository.root, project, own)
        written = _environment(repository, own)
        known[key] = _followed(Running(compose, own, startup(files), files, written, health_scripts(files)))
    return known[key]


def _followed(one: Running) -> Running:
    """Return a service that says what of its scripts could not be followed, if nothing else of its start is unknown."""
    problems = (
        f"{script.at(place)}: {message}"
        for script in (*one.startup.scripts, *one.health)
        for place, message in one.ran(script).problems
    )
    unknown = one.startup.unknown or next(problems, "")
    return replace(one, startup=replace(one.startup, unknown=unknown))


def _environment(repository: Repository, own: Given) -> tuple[Written, ...]:
    """Return the environment of a container, in the order of its names."""
    given = own.environment.items()
    return tuple(sorted((name, v.text, _written(repository, v)) for name, v in given if v.text is not None))


def _written(repository: Repository, value: values.Value) -> Place | None:
    """Return where a text stands as it is: nowhere, where it is put together of several or spelled with escapes."""
    place = value.origin
    if place is None or not place.line or not value.text:
        return None
    return place if repository.line(place)[(place.column or 1) - 1 :].startswith(value.text) else None


def word_place(repository: Repository, script: Script, name: str, place: Place) -> Place:
    """Return where a name that a script uses is written; of a text in a command, its file tells the places."""
    if script.inline is None or place.path != script.source.path:
        return place
    path, begin = script.inline.path, script.inline
    read = repository.reads.get(path)
    named = (site.place for site in (read.sites if read else ()) if site.value == name and site.place >= begin)
    return min(named, default=begin)


@lru_cache(maxsize=64)
def reading(source: SourceFile) -> Read:
    """Return what a script says, whatever its file is called."""
    text = source.text.replace("\r\n", "\n")
    return read_script(text, Lines(source.path, text).place).result()


@lru_cache(maxsize=512)
def run(source: SourceFile, environment: tuple[Written, ...]) -> Ran:
    """Run a script on paper with an environment; names that are not in it are unset."""
    from pytest_newscreator.resolve.start.noting import noting
    from pytest_newscreator.sources.shell.overwrites import overwrites
    from pytest_newscreator.sources.shell.values import State, Value

    text = source.text.replace("\r\n", "\n")
    followed, texts = noting(text, Lines(source.path, text).place)
    given = {name: Value(value, frozenset({name}), _along(place)) for name, value, place in environment}
    followed.run(State({name: (value,) for name, value in given.items()}))
    calls = sorted(dict.fromkeys(followed.calls), key=lambda call: call.place)
    return Ran(tuple(calls), overwrites(followed), frozenset(texts), tuple(dict.fromkeys(followed.problems)))


def _along(place: Place | None) -> Locate | None:
    """Return where the characters of a text on one line are written."""
    if place is None:
        return None
    return lambda index: Place(place.path, place.line, (place.column or 1) + index)
