"""Level `source`: what containers mount from the repository is there, and is a file where a file is meant."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.contract.model import Invocation, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import beside
from pytest_newscreator.resolve.compose.project import ComposeService, Node, Project
from pytest_newscreator.resolve.docker.context import made_elsewhere
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.verdicts import Finding, NotVerified

_FILE_SUFFIXES = frozenset(
    [
        *(".cfg", ".conf", ".crt", ".env", ".gguf", ".ini", ".js", ".json", ".key", ".list", ".pem", ".properties"),
        *(".py", ".sh", ".sql", ".toml", ".txt", ".xml", ".yaml", ".yml"),
    ]
)
_FILE_NAMES = re.compile(r"Modelfile.*|Dockerfile.*|\.env(\..+)?|Caddyfile|Makefile|entrypoint")
_WORD = re.compile(r"[^\s\"'#,\]]+")
_OPTIONS = re.compile(r":[A-Za-z][A-Za-z,]*\Z")


@frozen
class Mounted:
    """A file or folder of the repository that a container sees: where it is written, and how strictly it is meant.

    `candidates` are the paths it may mean; all but one kind of mount have one. `is_strict` says that Docker would not
    make a folder where nothing is.
    """

    candidates: tuple[str, ...]
    target: str
    place: Place
    is_strict: bool
    is_folder: bool = False


def mount_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every target that a service of the contract mounts something of the repository at."""
    for service in repository.contract.services.values():
        found: dict[str, Place] = {}
        for _, mounted in _all(repository, service):
            found.setdefault(mounted.target, mounted.place)
        yield from (Subject(f"{service.key} {target}", place, (service, target)) for target, place in found.items())


def _all(repository: Repository, service: Service) -> Iterator[tuple[str, Mounted]]:
    """Yield what a service mounts of the repository, under each invocation."""
    for name, project in repository.resolved.items():
        compose = repository.compose_service(project, service)
        for mounted in _mounted(repository, project, compose, repository.contract.invocations[name]) if compose else ():
            if not any(_is_outside(path) for path in mounted.candidates):
                yield name, mounted


def _is_outside(path: str) -> bool:
    """Return whether a path leads out of the repository: what is there is a host's."""
    return path.startswith(("/", "~", "../")) or path in {"..", ""} or re.match(r"[A-Za-z]:[\\/]", path) is not None


def _mounted(
    repository: Repository, project: Project, compose: ComposeService, invocation: Invocation
) -> Iterator[Mounted]:
    """Yield the bind mounts of a service, then the configs and secrets that it takes from files."""
    volumes = compose.get("volumes")
    for node in volumes.elements if volumes else ():
        source, target = node.children.get("source"), node.children.get("target")
        kind = node.children.get("type")
        if kind is not None and kind.value == "bind" and source and target and source.text:
            made = node.get("bind.create_host_path")
            is_strict = source.place != node.place and (made is None or made.value not in {True, "true"})
            is_folder = _ends_as_folder(repository, target.place)
            yield Mounted((source.text,), str(target.value), _origin(source), is_strict, is_folder)
    for kind_, folder in (("configs", "/"), ("secrets", "/run/secrets")):
        used = compose.get(kind_)
        for node in used.elements if used else ():
            yield from _taken(repository, project, invocation, node, kind_, folder)


def _taken(  # noqa: PLR0913, PLR0917 - where a config is used, and where it is declared
    repository: Repository, project: Project, invocation: Invocation, node: Node, kind: str, folder: str
) -> Iterator[Mounted]:
    """Yield the config or secret that a service uses, where it is a file.

    What an included file declares is relative to the project directory of that include, which is its own folder
    unless it says otherwise.
    """
    named = node.children.get("source") or node
    declared = project.get(f"{kind}.{named.value}.file") if "." not in str(named.value) else None
    if declared is None or not declared.text:
        return
    given = {beside(repository.root, ".", path) for path in invocation.files}
    directories = [project.directory]
    if given and declared.place.path not in given:
        directories = [posixpath.dirname(declared.place.path) or ".", project.directory]
    paths = tuple(dict.fromkeys(beside(repository.root, directory, declared.text) for directory in directories))
    target = node.children.get("target")
    where = posixpath.join(folder, str(target.value if target else named.value))
    yield Mounted(paths, where, _origin(declared), is_strict=True)


def _origin(node: Node) -> Place:
    """Return where a path is written: in the last default or dotenv file that it comes whole from, else here."""
    won = [hop for hop in node.hops if hop.won and hop.place is not None and hop.value]
    whole = [hop.place for hop in won if hop.value and posixpath.normpath(str(node.value)).endswith(_bare(hop.value))]
    return whole[-1] or node.place if whole else node.place


def _bare(path: str) -> str:
    """Return a relative path without what leads to its folder."""
    return posixpath.normpath(path).lstrip("./")


def _ends_as_folder(repository: Repository, place: Place) -> bool:
    """Return whether the text at a place ends in a slash, options aside: Compose itself takes it off."""
    word = _WORD.match(repository.line(place)[place.column - 1 :].lstrip("\"'"))
    return word is not None and _OPTIONS.sub("", word[0]).endswith("/")


def _names_file(path: str) -> bool:
    """Return whether a path reads like that of a file."""
    name = posixpath.basename(path)
    return posixpath.splitext(name)[1].lower() in _FILE_SUFFIXES or _FILE_NAMES.fullmatch(name) is not None


def mount(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """What a container mounts from the repository is there, and is a file where a file is meant.

    Where nothing is, Docker makes an empty folder that belongs to root: a configuration that was moved becomes a
    folder of its name, and the program starts with its defaults, or not at all. Correct the path, or add the file.
    """
    newscreator_conclude("mount", newscreator_subject)


def judge_mount(subject: Subject, repository: Repository) -> Finding | None:
    """Return why a mount is not what it is meant to be, under the first invocation in which it is wrong."""
    service, target = subject.data
    notes: list[Finding] = []
    unsure: NotVerified | None = None
    for invocation, mounted in _all(repository, service):
        if mounted.target != target:
            continue
        try:
            finding = _wrong(repository, mounted, f"{service.key} mounts", invocation)
        except NotVerified as missing:
            unsure = unsure or missing
            continue
        if finding is not None and finding.severity == "error":
            return finding
        notes += [finding] if finding else []
    if notes:
        return notes[0]
    if unsure is not None:
        raise unsure
    return None


def _wrong(repository: Repository, mounted: Mounted, who: str, invocation: str) -> Finding | None:
    """Judge one mount; NotVerified where something else makes its source before."""
    there = [path for path in mounted.candidates if (repository.root / path).exists()]
    if there:
        return _unlike(repository, mounted, there[0], who)
    path = mounted.candidates[0]
    why = made_elsewhere(repository.root, path)
    if why is not None:
        raise NotVerified(f"{path}, mounted at {mounted.target}, is not here: {why}", needs="", fix="create it")
    is_file = _names_file(mounted.target) or _names_file(path)
    says = "Docker makes an empty folder of it" if not mounted.is_strict else "the container does not start"
    return Finding(
        f"{who} {path} at {mounted.target}, and there is no {path}: {says} (invocation {invocation})",
        place=mounted.place,
        expected="a file" if is_file else "a folder",
        observed="nothing",
        fix=f"create {path}, or correct the path",
        severity="error" if is_file or mounted.is_strict else "note",
    )


def _unlike(repository: Repository, mounted: Mounted, path: str, who: str) -> Finding | None:
    """Judge the kind of a source that is there."""
    is_folder = (repository.root / path).is_dir()
    if is_folder and _names_file(mounted.target):
        wrong, expected, observed = f"{path} is a folder and {mounted.target} a file", "a file", "a folder"
    elif not is_folder and mounted.is_folder:
        wrong, expected, observed = f"{path} is a file and {mounted.target}/ a folder", "a folder", "a file"
    else:
        return None
    fix = "give both sides of the mount one kind"
    return Finding(f"{who} {path} at {mounted.target}: {wrong}", mounted.place, expected, observed, fix=fix)


MOUNT = Check("mount", "source", "config", mount, mount_subjects, judge_mount)
