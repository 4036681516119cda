"""What the scripts of a container do with the environment that the container is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pytest_newscreator.resolve.compose import ComposeService, Project
from pytest_newscreator.resolve.container_files import ContainerFiles
from pytest_newscreator.resolve.given import Given, given
from pytest_newscreator.resolve.startup import Script, Startup, startup
from pytest_newscreator.sources import names
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.shell import read_script
from pytest_newscreator.sources.sites import Read, SourceFile

if TYPE_CHECKING:
    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.sources._ollama import OllamaCall
    from pytest_newscreator.sources._shell_overwrites import Overwrite


@dataclass(frozen=True, slots=True)
class Ran:
    """A script run on paper: its calls of `ollama`, what it overwrites, and every text that its words come to."""

    calls: tuple[OllamaCall, ...]
    overwrites: tuple[Overwrite, ...]
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Running:
    """One Compose service of a project with what it is given, what it starts and the files it has."""

    compose: ComposeService
    given: Given
    startup: Startup
    files: ContainerFiles

    @property
    def environment(self) -> dict[str, str]:
        """Return the texts of the environment."""
        return {name: value.text for name, value in self.given.environment.items() if value.text is not None}

    def ran(self, script: Script) -> Ran:
        """Return what a script does in this container."""
        return run(script.source, tuple(sorted(self.environment.items())))

    def calls(self, verb: str) -> Iterator[tuple[Script, OllamaCall]]:
        """Yield the calls of `ollama` with a subcommand, with the script of each."""
        for script in self.startup.scripts:
            yield from ((script, call) for call in self.ran(script).calls if call.verb == verb)


@dataclass(frozen=True, slots=True)
class Creation:
    """One `ollama create`: who runs it, by which script."""

    by: Running
    script: Script
    call: OllamaCall

    @property
    def name(self) -> str | None:
        """Return the name that is there behind it, `None` where only running can tell."""
        return self.call.names[-1] if self.call.names else None

    def makes(self, variant: str) -> bool:
        """Return whether it creates a variant."""
        return self.name is not None and names.same(self.name, variant)


_KNOWN: WeakKeyDictionary[Repository, dict[tuple[int, str], Running]] = WeakKeyDictionary()


def running(repository: Repository, project: Project, compose: ComposeService) -> Running:
    """Return a Compose service as it starts; it is found out once for every project."""
    known = _KNOWN.setdefault(repository, {})
    # The entry keeps its project alive, so that the number stays its own.
    key = id(project), compose.name
    if key not in known:
        own = given(repository.root, compose)
        files = ContainerFiles(repository.root, project, own)
        known[key] = Running(compose, own, startup(files), files)
    return known[key]


def reading(source: SourceFile) -> Read:
    """Return what a script says, whatever its file is called."""
    text = source.text.replace("\r\n", "\n")
    return read_script(text, Lines(source.path, text).place).result()


@lru_cache(maxsize=512)
def run(source: SourceFile, environment: tuple[tuple[str, str], ...]) -> Ran:
    """Run a script on paper with an environment; names that are not in it are unset."""
    from pytest_newscreator.resolve._noting import noting
    from pytest_newscreator.sources._shell_overwrites import overwrites
    from pytest_newscreator.sources._shell_values import State, Value

    text = source.text.replace("\r\n", "\n")
    followed, texts = noting(text, Lines(source.path, text).place)
    followed.run(State({name: (Value(value, frozenset({name})),) for name, value in environment}))
    calls = sorted(dict.fromkeys(followed.calls), key=lambda call: call.place)
    return Ran(tuple(calls), overwrites(followed), frozenset(texts))
