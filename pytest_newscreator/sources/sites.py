"""What a reader reports: the sites of a file where a setting or a model gets a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

SiteKind = Literal[
    "compose-value",  # environment: {X: literal}, build.args, command arguments
    "compose-default",  # ${X:-d} anywhere in a Compose file
    "dotenv",  # X=d in a dotenv file or template
    "dockerfile-arg",  # ARG X=d
    "dockerfile-env",  # ENV X=d, and ${X:-d} inside a Dockerfile
    "shell-assignment",  # X=d, export X=d
    "shell-default",  # ${X:-d}, ${X:=d}, : "${X:=d}"
    "ollama-argument",  # ollama run|pull|create|show|rm|cp NAME in a script or a Compose command
    "json-body",  # {"model": "d"} passed to curl
    "python-default",  # os.getenv("X", "d") and its family, also through helper functions
    "python-field",  # a pydantic-settings or dataclass field, an argparse or parameter default
    "modelfile-from",  # FROM in a Modelfile
    "modelfile-parameter",  # PARAMETER name value
    "code-default",  # process.env.X ?? "d", getEnv("X", "d"), a struct tag: a default in any other language
    "literal",  # any other string literal; of a data file with its key
    "compared",  # a literal that code only recognises: `== "d"`, `case d)`, the key of a map; no value for anything
]


Overwrites = Literal["", "sometimes", "always"]


@frozen
class Site:
    """One place where a setting gets a value.

    `setting` is the name as this file knows it (`None` for a bare literal); `value` is its text, `None`
    where it cannot be known without running the program. `into` is the other name the value is handed on
    under: in `LLM_MODEL: ${SUMMARY_MODEL:-gemma3:4b}` the site is SUMMARY_MODEL's, into LLM_MODEL.
    `scope` is the part of the file it belongs to (a Compose service, a build stage, a function, ""), and
    `place` points at the value itself, not at the name. `model` is the model that the same request names, where
    that is a literal. `handed_on` says that the site has no value of its own: `A="$B"` only passes B on as A.
    `overwrites` says that the file puts the value in the place of what its environment gives: whenever it is loaded
    (`always`), or only where its code comes to it (`sometimes`).
    """

    setting: str | None
    value: str | None
    place: Place
    kind: SiteKind
    into: str | None = None
    scope: str = ""
    model: str | None = None
    handed_on: bool = False
    overwrites: Overwrites = ""


@frozen
class SourceFile:
    """A file of the repository: its path relative to the root (with `/`), and its text."""

    path: str
    text: str


@frozen
class Read:
    """What a reader made of one file: its sites, the names it reads, and what it could not understand."""

    sites: tuple[Site, ...] = ()
    reads: frozenset[str] = frozenset()
    problems: tuple[tuple[Place, str], ...] = ()


@frozen
class Reader:
    """A file kind: which paths it is for, and how such a file is read.

    `read_all`, where a kind has it, reads files that depend on each other together, by their paths.
    """

    name: str
    matches: Callable[[str], bool]
    read: Callable[[SourceFile], Read]
    read_all: Callable[[Sequence[SourceFile]], Mapping[str, Read]] | None = None


def merge(reads: Iterable[Read]) -> Read:
    """Join what several readers made of one file."""
    reads = tuple(reads)
    return Read(
        sites=tuple(site for read in reads for site in read.sites),
        reads=frozenset().union(*(read.reads for read in reads)),
        problems=tuple(problem for read in reads for problem in read.problems),
    )
