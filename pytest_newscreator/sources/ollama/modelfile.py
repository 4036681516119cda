"""Ollama's Modelfiles by Ollama's own grammar: commands, typed parameters, and what Ollama will not take.

The rules are those of Ollama's `parser` and `api` packages. Ollama stops at the first thing it refuses; here reading
goes on at the next line that starts with a command, so that one run shows every problem of a file.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.sources.ollama import modelfile_parameters as options
from pytest_newscreator.sources.ollama import names
from pytest_newscreator.sources.ollama.modelfile_grammar import COMMANDS, COMMENT_HINT, LINE_BREAK, Refusal, scan
from pytest_newscreator.sources.sites import Read, Reader, Site, SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_newscreator.sources.ollama.modelfile_parameters import Parameter, Release

DEFAULT_VERSION = "0.24.0"

Stage = Literal["parser", "request", "server", "dropped"]

# A parameter that is called like a command is that command to Ollama: `PARAMETER model x` is `FROM x`.
_COMMAND_NAMES = frozenset({"model", *(keyword.lower() for keyword in COMMANDS)} - {"from", "parameter"})
_DRAFT_WITHOUT_FLAG: Release = (0, 30)

_PATH = re.compile(r"\.{0,2}/|~|\.{1,2}$|\\|.*\.(?:gguf|bin|safetensors)$", re.IGNORECASE)


@frozen
class Command:
    """One command as Ollama reads it, with the position of its keyword and of its value, counted from 1.

    `name` is Ollama's: `model` for FROM, the parameter's own name for PARAMETER, else the keyword in lower case;
    the value of a MESSAGE starts with its role (`user: hi`). A quoted value's position is behind the quotes.
    """

    keyword: str
    name: str
    value: str
    line: int
    column: int
    value_line: int
    value_column: int


@frozen
class Problem:
    """What Ollama will not take, where, and who refuses it.

    The `parser` and the `request` stop `ollama create` before it asks anybody, the `server` answers with an
    error; what is `dropped` harms nothing and does nothing. Line 0 is the file as a whole.
    """

    line: int
    column: int
    message: str
    stage: Stage


@frozen
class Modelfile:
    """What Ollama makes of a Modelfile; `parameters` holds the valid ones, the last of a name winning."""

    commands: tuple[Command, ...] = ()
    problems: tuple[Problem, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def base(self) -> Command | None:
        """Return the command that names the base: the last FROM."""
        return next((command for command in reversed(self.commands) if command.name == "model"), None)

    @property
    def from_(self) -> str | None:
        """Return what the last FROM names: a model or a path."""
        return self.base.value if self.base else None

    @property
    def is_accepted(self) -> bool:
        """Tell whether `ollama create` gets as far as asking the server."""
        return not any(problem.stage in ("parser", "request") for problem in self.problems)


def parse(text: str | bytes, *, version: str = DEFAULT_VERSION) -> Modelfile:
    """Read a Modelfile as Ollama `version` does; never raises, problems are data.

    Bytes may be UTF-8 or, with a byte order mark, UTF-16. CR, LF and CRLF each end one line.
    """
    content = _decode(text)
    release = _release(version)
    known = frozenset(keyword for keyword, since in COMMANDS.items() if since <= release)
    where = _positions(content)
    commands: list[Command] = []
    problems: list[Problem] = []
    for item in scan(content, known):
        if isinstance(item, Refusal):
            problems.append(Problem(*where(item.start), item.message, "parser"))
        else:
            position = where(item.start) + where(item.value_start)
            commands.append(Command(item.keyword, item.name, item.value, *position))
    if not problems and not any(command.name == "model" for command in commands):
        problems.append(Problem(0, 0, "no FROM line, a Modelfile should name its base", "parser"))
    parameters = _judge(commands, problems, release)
    return Modelfile(tuple(commands), tuple(sorted(problems, key=lambda p: (p.line, p.column))), parameters)


def matches(path: str) -> bool:
    """Tell whether a path is named like a Modelfile: `Modelfile`, `Modelfile.*`, `*.modelfile`, `*.Modelfile`."""
    name = path.rpartition("/")[2]
    return name == "Modelfile" or name.startswith("Modelfile.") or name.endswith((".modelfile", ".Modelfile"))


def reader_for(version: str) -> Reader:
    """Make the reader for the Modelfiles of one Ollama version."""
    return Reader(name="modelfile", matches=matches, read=lambda source: _read(source, version))


def _read(source: SourceFile, version: str) -> Read:
    """Report where a Modelfile names its base and sets parameters; what is only dropped is no problem here."""
    modelfile = parse(source.text, version=version)
    sites = (_site(source.path, command) for command in modelfile.commands)
    refused = (problem for problem in modelfile.problems if problem.stage != "dropped")
    return Read(
        sites=tuple(site for site in sites if site),
        problems=tuple((Place(source.path, problem.line, problem.column), problem.message) for problem in refused),
    )


def _site(path: str, command: Command) -> Site | None:
    """Make the site of a command that names the base or sets a parameter."""
    place = Place(path, command.value_line, command.value_column)
    if command.name == "model":
        return Site("FROM", command.value, place, "modelfile-from")
    if command.keyword == "PARAMETER" and command.name and command.name not in _COMMAND_NAMES:
        return Site(command.name, command.value, place, "modelfile-parameter")
    return None


READER = reader_for(DEFAULT_VERSION)


def _decode(text: str | bytes) -> str:
    """Decode as Ollama does: a byte order mark decides, UTF-8 is the rest."""
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text.decode("utf-16", "replace")
    return text.decode("utf-8", "replace").removeprefix("\ufeff")


def _release(version: str) -> Release:
    """Return the numbers of a version: (0, 24, 0) of `v0.24.0-rc1`."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("-")[0]))


def _positions(text: str) -> Callable[[int], tuple[int, int]]:
    """Return the function from an offset to its line and column, both from 1."""
    starts = [0, *(found.end() for found in LINE_BREAK.finditer(text))]

    def where(offset: int) -> tuple[int, int]:
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    return where


def _judge(commands: list[Command], problems: list[Problem], release: Release) -> dict[str, Parameter]:
    """Return the valid parameters, and add to `problems` what is refused only after the grammar."""
    parameters: dict[str, Parameter] = {}
    for command in commands:
        if command.name in _COMMAND_NAMES or command.keyword != "PARAMETER":
            problems.extend(_judge_command(command, release))
            continue
        problems.extend(_judge_parameter(command, release))
        value = options.typed(command.name, command.value) if options.is_known(command.name, release) else None
        if isinstance(value, tuple):
            before = parameters.get(command.name)
            value = (*before, *value) if isinstance(before, tuple) else value
        if value is not None:
            parameters[command.name] = value
    return parameters


def _judge_command(command: Command, release: Release) -> Iterator[Problem]:
    """Yield what the client or the server refuses of a command that is no parameter."""
    if command.name == "model" and (message := _refused_base(command.value)):
        yield Problem(command.value_line, command.value_column, message, "server")
    elif command.name == "draft" and release < _DRAFT_WITHOUT_FLAG:
        yield Problem(command.line, command.column, "DRAFT needs `ollama create --experimental`", "request")
    elif command.name == "requires" and not options.is_version(command.value):
        message = f"{command.value!r} is not a version, it should read like 0.14.0"
        yield Problem(command.value_line, command.value_column, message, "request")


def _refused_base(value: str) -> str | None:
    """Say why the server takes a FROM neither for a model nor for a path."""
    if not value:
        return "FROM names nothing, it should name a model or a path"
    if _PATH.match(value) or names.parse(value).is_valid:
        return None
    if "$" in value or "{{" in value:
        return f"{value!r} is not a model name; Ollama expands nothing in a Modelfile"
    if value[0] == value[-1] == "'":
        return f"{value!r} is not a model name; Ollama knows only double quotes"
    return f"{value!r} is not a model name{COMMENT_HINT if '#' in value else ''}"


def _judge_parameter(command: Command, release: Release) -> Iterator[Problem]:
    """Yield what the client or the server refuses of a parameter, and what is dropped."""
    name, value = command.name, command.value
    if name in options.DROPPED:
        yield Problem(command.line, command.column, f"{name} does nothing, Ollama warns and drops it", "dropped")
    elif not options.is_known(name, release):
        yield Problem(command.line, command.column, options.unknown(name, release), "request")
    elif (typed := options.typed(name, value)) is None:
        hint = COMMENT_HINT if "#" in value else ""
        kind = options.KINDS[name]
        message = f"{value!r} is not {'an' if kind == 'integer' else 'a'} {kind}{hint}"
        yield Problem(command.value_line, command.value_column, message, "request")
    elif isinstance(typed, float) and not math.isfinite(typed):
        message = f"{value!r} cannot be sent, {name} should be a finite number"
        yield Problem(command.value_line, command.value_column, message, "server")
