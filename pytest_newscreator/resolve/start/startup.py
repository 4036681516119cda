"""What a container runs when it starts: its scripts as files of the repository, and the texts in its commands."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import Node
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.resolve.start.container_files import Arrived, ContainerFiles
from pytest_newscreator.sources.shell.commands import is_shell, script_index
from pytest_newscreator.sources.shell.reader import looks_like_shell
from pytest_newscreator.sources.sites import SourceFile

_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_WRAPPERS = {
    **dict.fromkeys(
        ("tini", "dumb-init", "catatonit", "exec", "nohup", "setsid", "command", "sudo", "doas", "time"), 0
    ),
    **dict.fromkeys(("gosu", "su-exec", "timeout", "chroot", "setuser"), 1),
    **dict.fromkeys(("nice", "stdbuf", "setpriv", "chpst", "ionice"), 0),
}
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_MENTIONED = re.compile(r"(?<![\w./-])[\w./-]*(?:/[\w.-]+|\.(?:sh|bash))(?![\w/-])")
_SOURCED = re.compile(r"(?:^|[;&|({]|\b(?:then|do|else))\s*(?:\.|source)\s[^;&|]*\Z")
_EXECUTED = re.compile(r"(?:^|[;&|({]|\b(?:then|do|else))\s*exec\s[^;|]*\Z")
_BEFORE = 512
"""How much of a line before a name tells whether it is sourced or executed."""

_MOST_MENTIONED = 2_000
_HOOKS = ("pre_start", "post_start")
_DEEPEST = 8


@frozen
class Script:
    """Shell text that a container runs: a file of the repository, or a text in a command.

    `inline` is where such a text is written: places in it are not its own. `reaches` says that the process started
    in the end is given what the script exports.
    """

    source: SourceFile
    path: str
    inline: Place | None = None
    reaches: bool = True

    @property
    def place(self) -> Place:
        """Return where the script is: the file, or the command that carries it."""
        return self.inline or Place(self.source.path)

    def at(self, place: Place) -> Place:
        """Return a place in the script as a place in the repository."""
        return self.inline or place


@frozen
class GivenWord:
    """A variable that a command line gives to its program: `env NAME=text program`."""

    name: str
    text: str
    place: Place


@frozen
class Startup:
    """All that a container runs at its start; `unknown` says what of it the repository does not tell."""

    scripts: tuple[Script, ...] = ()
    words: tuple[GivenWord, ...] = ()
    unknown: str = ""


@frozen
class Worded:
    """A word of a command line, with its place where the file tells it."""

    text: str
    place: Place


def startup(files: ContainerFiles) -> Startup:
    """Return what a container runs, in its order: the entrypoint, what it calls, then the hooks of the service."""
    follow = _Following(files)
    follow.command(command_words(follow.files), reaches=True)
    for hook in _HOOKS:
        declared = files.given.compose.get(hook)
        for node in declared.elements if declared else ():
            command = node.children.get("command")
            if command is not None:
                follow.hook(command)
    return Startup(tuple(follow.scripts), tuple(follow.words), follow.unknown)


def health_scripts(files: ContainerFiles) -> tuple[Script, ...]:
    """Return what the health check of a container runs: Compose's own, else the image's."""
    follow = _Following(files)
    follow.command(_health_words(files), reaches=False)
    return tuple(follow.scripts)


def _health_words(files: ContainerFiles) -> list[Worded]:
    """Return a health check as the words of its command."""
    compose, image = files.given.compose, files.given.image
    disabled, test = compose.get("healthcheck.disable"), compose.get("healthcheck.test")
    if disabled is not None and disabled.value is True:
        return []
    if test is not None and test.text is not None:
        return _in_shell(Worded(test.text, test.place))
    words = [Worded(str(element.value), element.place) for element in test.elements] if test is not None else None
    if words is None:
        words = _of_image(files, "HEALTHCHECK", image.healthcheck) if image else None
    if not words or words[0].text == "NONE":
        return []
    if words[0].text == "CMD-SHELL":
        return _in_shell(words[1]) if len(words) > 1 else []
    return words[1:] if words[0].text == "CMD" else words


def _in_shell(text: Worded) -> list[Worded]:
    """Return a text as the command by which a shell runs it."""
    return [Worded("sh", text.place), Worded("-c", text.place), text]


def command_words(files: ContainerFiles) -> list[Worded]:
    """Return entrypoint and command as Docker joins them: an entrypoint in Compose drops the image's command."""
    compose, image = files.given.compose, files.given.image
    entry = _worded(compose.get("entrypoint"), compose.entrypoint)
    command = _worded(compose.get("command"), compose.command)
    if entry is not None:
        return [*entry, *(command or ())]
    own = _of_image(files, "ENTRYPOINT", image.entrypoint) if image else None
    if own is None and _is_ollama(files.given):
        own, command = [Worded("ollama", compose.place)], command or [Worded("serve", compose.place)]
    if command is None and image is not None:
        command = _of_image(files, "CMD", image.cmd)
    return [*(own or ()), *(command or ())]


def _is_ollama(given: Given) -> bool:
    """Return whether the image is Ollama's own, whose entrypoint is the server."""
    reference = given.image.base if given.image else given.compose.image.text if given.compose.image else None
    name = (reference or "").partition("@")[0].rpartition("/")
    return name[2].partition(":")[0] == "ollama" and name[0].rpartition("/")[2] == "ollama"


def _worded(node: Node | None, words: Sequence[str] | None) -> list[Worded] | None:
    """Return a command of Compose as words with places; `[]` is one that is emptied."""
    if node is None or words is None:
        return None
    if node.elements:
        return [Worded(word, element.place) for word, element in zip(words, node.elements, strict=False)]
    text, found, last = str(node.value), list[Worded](), 0
    for word in words:
        at = text.find(word, last) if "\n" not in text else -1
        last = max(at, last)
        place = node.place if at < 0 else Place(node.place.path, node.place.line, node.place.column + at)
        found.append(Worded(word, place))
    return found


def _of_image(files: ContainerFiles, keyword: str, words: Sequence[str] | None) -> list[Worded] | None:
    """Return a command of the image as words at the place of its instruction."""
    if words is None:
        return None
    parsed = files.dockerfile
    lines = [line for stage in parsed.stages for line in stage.instructions] if parsed else []
    places = [parsed.lines.place(line.rest.start) for line in lines if parsed and line.keyword == keyword]
    place = places[-1] if places else files.given.compose.place
    return [Worded(word, place) for word in words]


@dataclass(slots=True)
class _Following:
    """The way from a command line to the scripts it runs."""

    files: ContainerFiles
    scripts: list[Script] = field(default_factory=list)
    words: list[GivenWord] = field(default_factory=list)
    unknown: str = ""
    seen: set[str] = field(default_factory=set)

    def hook(self, command: Node) -> None:
        """Follow the command of a hook, which no process of the container inherits from."""
        given = [Worded(str(element.value), element.place) for element in command.elements]
        if command.text is not None:
            given = _in_shell(Worded(command.text, command.place))
        self.command(given, reaches=False)

    def command(self, words: Sequence[Worded], *, reaches: bool, depth: int = 0) -> None:
        """Follow one command line."""
        words = self._unwrapped(words)
        if not words or depth > _DEEPEST:
            self.unknown = self.unknown or ("" if words else "what the container starts is not in the repository")
            return
        first = words[0]
        if is_shell(first.text):
            self._shell(words, reaches=reaches, depth=depth)
            return
        found = self._program(first.text)
        if found is not None:
            self._file(*found, rest=words[1:], reaches=reaches, depth=depth)
        elif posixpath.basename(first.text) == "ollama":
            text = shlex.join(word.text for word in words)
            self.scripts.append(Script(SourceFile("command.sh", text), "", first.place, reaches))
        else:
            self.unknown = self.unknown or self._unread(first.text) or f"{first.text} is no script of the repository"

    def _unwrapped(self, words: Sequence[Worded]) -> Sequence[Worded]:
        """Take off what runs another program: `tini --`, `env X=d`, `gosu user`."""
        while words:
            name = posixpath.basename(words[0].text)
            if name == "env":
                words = self._environment(words[1:])
            elif name in _WRAPPERS:
                words = words[1:]
                while words and words[0].text.startswith("-"):
                    words = words[1:]
                words = words[_WRAPPERS[name] :]
            else:
                return words
        return words

    def _environment(self, words: Sequence[Worded]) -> Sequence[Worded]:
        """Note what `env` gives to its program."""
        while words:
            found = _ASSIGNMENT.fullmatch(words[0].text)
            if found:
                place = words[0].place
                moved = Place(place.path, place.line, place.column + found.start(2))
                self.words.append(GivenWord(found[1], found[2], moved))
            elif not words[0].text.startswith("-"):
                break
            words = words[1:]
        return words

    def _shell(self, words: Sequence[Worded], *, reaches: bool, depth: int) -> None:
        """Follow `sh -c TEXT` and `sh FILE`."""
        index = script_index([word.text for word in words], 0)
        if index is not None and index < len(words):
            word = words[index]
            script = Script(SourceFile("command.sh", word.text), "", word.place, reaches)
            self.scripts.append(script)
            self._mentioned(script, depth)
            return
        rest = [number for number, word in enumerate(words) if number and not word.text.startswith(("-", "+"))]
        found = self._program(words[rest[0]].text) if rest else None
        if found is None:
            missing = "the script that the container starts is not in the repository"
            self.unknown = self.unknown or self._unread(words[rest[0]].text if rest else "") or missing
        else:
            self._file(*found, rest=words[rest[0] + 1 :], reaches=reaches, depth=depth)

    def _unread(self, name: str) -> str:
        """Return what lies in the container, a program above all, and could not be read, "" for nothing."""
        beyond = (self.files.beyond(path) for path in self._paths(name)) if name else iter(())
        return next(iter(self.files.unread), "") or next(filter(None, beyond), "")

    def _paths(self, name: str) -> list[str]:
        """Return the paths that a program's name may mean in the container."""
        own = posixpath.join(self._workdir, name)
        return [own] if "/" in name else [*(posixpath.join(folder, name) for folder in _PATH), own]

    def _program(self, name: str) -> tuple[str, Arrived] | None:
        """Return the file that a program's name means in the container."""
        for path in self._paths(name):
            found = self.files.at(path)
            if found is not None:
                return posixpath.normpath(path), found
        return None

    @property
    def _workdir(self) -> str:
        """Return the folder that relative paths begin at."""
        given = self.files.given
        own = given.compose.get("working_dir")
        return (own.text if own and own.text else None) or (given.image.workdir if given.image else None) or "/"

    def _file(self, path: str, arrived: Arrived, *, rest: Sequence[Worded] = (), reaches: bool, depth: int) -> None:
        """Follow a file: a shell script with what it runs; anything else is not read here."""
        if path in self.seen:
            return
        self.seen.add(path)
        if not is_script(arrived.source):
            self.unknown = self.unknown or f"{arrived.source.path} is no shell script"
            return
        script = Script(arrived.source, path, arrived.inline, reaches)
        self.scripts.append(script)
        self._mentioned(script, depth)
        if rest and '"$@"' in arrived.source.text:
            self.command(rest, reaches=reaches, depth=depth + 1)

    def _mentioned(self, script: Script, depth: int) -> None:
        """Follow the scripts that a script names: sourced, executed or called."""
        names = list(islice(mentioned(script.source.text), _MOST_MENTIONED + 1))
        if len(names) > _MOST_MENTIONED:
            what = f"{script.place}: this script names more than {_MOST_MENTIONED:,} files, not all are looked at"
            self.unknown = self.unknown or what
        for name, is_same_process in dict.fromkeys(names[:_MOST_MENTIONED]):
            here = posixpath.dirname(script.path) or self._workdir
            folders = (here, self._workdir, *(() if "/" in name else _PATH))
            places = (name, *(f"{folder}/{name.lstrip('/')}" for folder in folders))
            for path in dict.fromkeys(posixpath.normpath(place) for place in places if place.startswith("/")):
                found = self.files.at(path)
                if found is not None and is_script(found.source) and depth < _DEEPEST:
                    self._file(path, found, reaches=script.reaches and is_same_process, depth=depth + 1)
                    break


def is_script(source: SourceFile) -> bool:
    """Tell whether a file is a shell script, by its name or its first line."""
    return source.path.endswith((".sh", ".bash")) or looks_like_shell(source.text.lstrip("\n"))


def mentioned(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the paths of files in a script, comments aside, and whether its own process goes on in them."""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        for found in _MENTIONED.finditer(line):
            before = line[max(0, found.start() - _BEFORE) : found.start()]
            name = found[0][found[0].find("/") :] if before.endswith("$") and "/" in found[0] else found[0]
            yield name, bool(_SOURCED.search(before) or _EXECUTED.search(before))
