"""Calls of the `ollama` command, wherever their words come from: a script, a Dockerfile, a Compose file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field
from itertools import pairwise

from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place

NAMES_TAKEN = {"run": 1, "pull": 1, "push": 1, "create": 1, "show": 1, "cp": 2, "rm": -1, "stop": -1}
"""How many model names a subcommand takes; -1 is any number."""

_WITH_VALUE = frozenset(
    {"-f", "--file", "-q", "--quantize", "--format", "--keepalive", "--dimensions", "--system", "--template"}
)
_CARRIERS = frozenset(
    [
        "busybox",
        "command",
        "docker",
        "docker-compose",
        "doas",
        "env",
        "exec",
        "flock",
        "gosu",
        "kubectl",
        "nice",
        "nohup",
        "podman",
        "podman-compose",
        "runuser",
        "setpriv",
        "setsid",
        "ssh",
        "stdbuf",
        "su",
        "su-exec",
        "sudo",
        "time",
        "timeout",
        "tini",
        "unbuffer",
        "xargs",
        "!",
    ]
)


@frozen
class OllamaCall:
    """One `ollama` command: its subcommand, the names it is given, and the Modelfile of a `create`.

    `None` among the names, and for `modelfile`, is what cannot be known without running the script. `sources` are
    the variables, given from outside, that decide about a name: with them unset it is the one that stands here.
    `name_places` are where the names themselves are written, in a list or an assignment, say.
    """

    verb: str
    names: tuple[str | None, ...]
    place: Place
    modelfile: str | None = None
    scope: str = ""
    sources: tuple[str, ...] = ()
    name_places: tuple[Place | None, ...] = field(default=(), compare=False)


@frozen
class CallWords:
    """Which words of a command make up an `ollama` call: indexes into its words."""

    verb: str
    command: int
    names: tuple[int, ...]
    modelfile: int | None = None

    @property
    def uses(self) -> tuple[int, ...]:
        """The names that the call makes or asks for: taking a model away is no use of it."""
        return () if self.verb in {"rm", "stop"} else self.names


def find_call(words: Sequence[str], carriers: Collection[str] = ()) -> CallWords | None:
    """Find the `ollama` call in the words of one command, also behind `docker exec`, `sudo`, `timeout`, `exec`.

    `carriers` are more commands that run what they are given.
    """
    for index, word in enumerate(words[:-1]):
        if word != "ollama" and not word.endswith("/ollama"):
            continue
        if index and words[0].rpartition("/")[2] not in _CARRIERS and words[0] not in carriers:
            return None
        verb = words[index + 1]
        if verb in NAMES_TAKEN:
            return _arguments(words, index)
    return None


def starts_server(words: Sequence[str]) -> bool:
    """Tell whether a command becomes the server or the container's own process: `ollama serve`, `exec …`."""
    pairs = pairwise(words)
    serves = any(verb in {"serve", "start"} and word.rpartition("/")[2] == "ollama" for word, verb in pairs)
    return serves or (words[:1] == ["exec"] and len(words) > 1)


def _arguments(words: Sequence[str], command: int) -> CallWords:
    """Tell names from options behind the subcommand."""
    verb = words[command + 1]
    wanted = NAMES_TAKEN[verb]
    names: list[int] = []
    modelfile: int | None = None
    index = command + 2
    while index < len(words):
        word = words[index]
        if word in _WITH_VALUE:
            modelfile = index + 1 if word in {"-f", "--file"} and index + 1 < len(words) else modelfile
            index += 2
            continue
        if not word.startswith("-") and len(names) != wanted:
            names.append(index)
        index += 1
    return CallWords(verb, command, tuple(names), modelfile)
