"""What `docker compose` would make of a project for one way of starting it, with every value's provenance."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import beside
from pytest_newscreator.resolve.compose.consistency import check
from pytest_newscreator.resolve.compose.environment import Variable, Variables, from_shell, unread
from pytest_newscreator.resolve.compose.loading import Files, Loader, NamedAt, Parsed, nowhere
from pytest_newscreator.resolve.compose.reading import Reading
from pytest_newscreator.resolve.compose.services import Build, ComposeService, Mount, Port, make_service
from pytest_newscreator.resolve.compose.tree import Node
from pytest_newscreator.sources.sites import SourceFile

__all__ = ["Build", "ComposeService", "Mount", "Node", "Port", "Project", "load_project"]

DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


@frozen
class Project:
    """A resolved project: `files` are all that the invocation reads; `warnings` are what Compose would warn of."""

    name: str
    directory: str
    services: Mapping[str, ComposeService]
    disabled: Mapping[str, ComposeService]
    files: tuple[str, ...]
    compose_files: tuple[str, ...]
    dotenv_files: tuple[str, ...]
    env_files: tuple[str, ...]
    warnings: tuple[tuple[Place, str], ...] = ()
    tree: Node = field(default=Node(None, Place("")), repr=False)

    def get(self, path: str) -> Node | None:
        """Return what the merged files say at a dotted path such as `volumes.models`, or None."""
        return self.tree.get(path)


def load_project(  # noqa: PLR0913 - the options of the command line
    root: Path,
    *,
    files: Sequence[str] = (),
    env_files: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    environment_place: Place | None = None,
    named_at: NamedAt = nowhere,
    profiles: Sequence[str] = (),
    project_directory: str | None = None,
    dialect: str = "2.40",
    parsed: Parsed | None = None,
) -> Project:
    """Resolve a project as `docker compose`, run in `root`, would; paths are relative to `root`.

    `environment` is the whole shell environment there is: the process's own is never read. `named_at` tells where a
    file of the command line is named. `parsed` keeps what is parsed, for the next project of the same files. Raises
    ResolutionError, with the place, where Compose would refuse the project.
    """
    root = root.absolute()
    shell = from_shell(dict(environment or {}), environment_place)
    numbers = tuple(int(part) for part in re.findall(r"\d+", dialect))
    read = Files(root, numbers, parsed or Parsed(), named_at)
    start = _Start(read, shell, tuple(files), tuple(env_files), project_directory)
    variables, paths = start.settle()
    directory = start.directory(paths)
    name = _name(read, paths, variables, directory)
    project = Variable("COMPOSE_PROJECT_NAME", name, "shell", None)
    variables = Variables({**variables.known, project.name: project}, variables.unread)
    model = Loader(read, directory, variables).model(paths)
    if not model.children:
        message = "the Compose file is empty, should have `services:`"
        raise ResolutionError(message, place=Place(paths[0]), fix="fill it, or name another")
    return _project(name, directory, model, variables, read, _profiles(profiles, variables))


def _project(  # noqa: PLR0913, PLR0917 - everything that was found out
    name: str, directory: str, model: Node, variables: Variables, read: Files, profiles: frozenset[str]
) -> Project:
    declared = model.children.get("services")
    services: dict[str, ComposeService] = {}
    disabled: dict[str, ComposeService] = {}
    for key, node in (declared.children if declared else {}).items():
        enabled = _is_enabled(node, profiles)
        (services if enabled else disabled)[key] = _service(key, node, variables, read, enabled=enabled)
    check(model, services, disabled)
    parts = (tuple(read.compose), tuple(read.dotenv), tuple(read.env_file))
    everything = tuple(dict.fromkeys(path for part in parts for path in part))
    warnings = tuple(dict.fromkeys(read.warnings))
    return Project(name, directory, services, disabled, everything, *parts, warnings, model)


def _service(name: str, node: Node, variables: Variables, read: Files, *, enabled: bool) -> ComposeService:
    """Return the service of a tree, made once where nothing but the tree decides what it is."""
    if not _decides_alone(node):
        return make_service(name, node, variables, read, enabled=enabled)
    made = read.parsed.services
    if (id(node), name) not in made:
        made[id(node), name] = node, make_service(name, node, variables, read, enabled=enabled)
    return made[id(node), name][1]


def _decides_alone(service: Node) -> bool:
    """Tell whether a service needs neither an env_file nor the invocation's variables for a name without a value."""
    named = [service.get("environment"), service.get("build.args")]
    bare = (entry.content is None for node in named if node is not None for entry in node.children.values())
    return "env_file" not in service.children and not any(bare)


def _is_enabled(service: Node, profiles: frozenset[str]) -> bool:
    named = service.children.get("profiles")
    wanted = {str(profile.value) for profile in named.elements} if named is not None else set()
    return not wanted or "*" in profiles or bool(wanted & profiles)


def _profiles(given: Sequence[str], variables: Variables) -> frozenset[str]:
    named = given or [part.strip() for part in (variables.text("COMPOSE_PROFILES") or "").split(",")]
    return frozenset(name for name in named if name)


@dataclass(slots=True)
class _Start:
    """How Compose finds its dotenv files and its Compose files, which may name each other."""

    read: Files
    shell: Variables
    files: tuple[str, ...]
    env_files: tuple[str, ...]
    project_directory: str | None

    def settle(self) -> tuple[Variables, tuple[str, ...]]:
        explicit = self.env_files or tuple(filter(None, (self.shell.text("COMPOSE_ENV_FILES") or "").split(",")))
        given = tuple(beside(self.read.root, ".", path) for path in explicit)
        paths = tuple(beside(self.read.root, ".", path) for path in self.files)
        variables = self.with_working_directory(self.layered(self.shell, given, paths))
        paths = paths or self.from_variable(variables) or self.default_files()
        variables = self.layered(variables, given, paths)
        return self.with_unread(variables, given), paths

    def directory(self, paths: Sequence[str]) -> str:
        if self.project_directory:
            return beside(self.read.root, ".", self.project_directory)
        return posixpath.dirname(paths[0]) or "." if paths else "."

    def layered(self, variables: Variables, given: Sequence[str], paths: Sequence[str]) -> Variables:
        if given:
            return self.read.layered(variables, given)
        own = posixpath.normpath(posixpath.join(self.directory(paths), ".env"))
        disabled = self.shell.text("COMPOSE_DISABLE_ENV_FILE") in _TRUE
        return variables if disabled or not self.read.is_file(own) else self.read.layered(variables, [own])

    def with_working_directory(self, variables: Variables) -> Variables:
        """Compose itself sets PWD where the shell does not."""
        here = Variable("PWD", self.read.root.as_posix(), "shell", None)
        return Variables({"PWD": here, **variables.known}, variables.unread)

    def with_unread(self, variables: Variables, given: Sequence[str]) -> Variables:
        if ".env" in self.read.dotenv or not self.read.is_file(".env"):
            return variables
        why = "--env-file replaces .env" if given else ".env is only read in the project directory"
        if not given and self.shell.text("COMPOSE_DISABLE_ENV_FILE") in _TRUE:
            why = "COMPOSE_DISABLE_ENV_FILE is set"
        return Variables(variables.known, unread({self.read.source(".env", "the dotenv file"): why}))

    def from_variable(self, variables: Variables) -> tuple[str, ...]:
        named = variables.text("COMPOSE_FILE")
        if named is None:
            return ()
        separator = variables.text("COMPOSE_PATH_SEPARATOR") or ":"
        return tuple(beside(self.read.root, ".", path) for path in named.split(separator))

    def default_files(self) -> tuple[str, ...]:
        directory = self.directory(())
        for _ in range(len(self.read.root.parts) + directory.count("/") + 1):
            found = self.first(directory, DEFAULT_NAMES, "config")
            if found is not None:
                return tuple(filter(None, (found, self.first(directory, OVERRIDE_NAMES, "override"))))
            directory = posixpath.normpath(posixpath.join(directory, ".."))
        message = "there is no compose.yaml here nor above, should be one"
        raise ResolutionError(message, place=Place(self.directory(())), fix="name the Compose files of the invocation")

    def first(self, directory: str, names: Sequence[str], what: str) -> str | None:
        paths = [posixpath.normpath(posixpath.join(directory, name)) for name in names]
        found = [path for path in paths if self.read.is_file(path)]
        if len(found) > 1:
            self.read.warnings.append((Place(found[0]), f"there are several {what} files, Compose takes {found[0]}"))
        return found[0] if found else None


def _name(read: Files, paths: Sequence[str], variables: Variables, directory: str) -> str:
    """Return the project name: COMPOSE_PROJECT_NAME, else the last `name:`, else that of the directory."""
    imposed = variables.text("COMPOSE_PROJECT_NAME")
    if imposed:
        if _normalized(imposed) != imposed:
            message = f"`{imposed}` is no project name, should have only a-z, 0-9, - and _"
            raise ResolutionError(message, place=variables.known["COMPOSE_PROJECT_NAME"].place, fix="change the name")
        return imposed
    declared = [name for path in paths for name in _names(read, path, variables)]
    given = declared[-1] if declared else _folder(read.root / directory)
    name = _normalized(given)
    if not name:
        message = f"`{given}` leaves no project name, should have letters or digits"
        raise ResolutionError(message, place=Place(paths[0]), fix="write `name:`")
    return name


def _folder(path: Path) -> str:
    """Return the name of a folder, behind a link that of its target."""
    return path.resolve().name if path.name in {"", ".."} or path.is_symlink() else path.name


def _names(read: Files, path: str, variables: Variables) -> list[str]:
    source, roots = read.documents(path)
    names = []
    for root in roots:
        entries = root.value if isinstance(root, yaml.MappingNode) else ()
        for key, value in entries:
            if key.value == "name" and isinstance(value, yaml.ScalarNode) and value.value:
                names.append(_interpolated(source, value, variables, read))
    return names


def _interpolated(source: SourceFile, node: yaml.ScalarNode, variables: Variables, read: Files) -> str:
    return Reading(source, variables, read.lazy, []).interpolate(node, node.value)[0]


def _normalized(name: str) -> str:
    return re.sub(r"[^-_a-z0-9]", "", name.lower()).lstrip("-_")
