"""Shell scripts: where they give settings and models a value, and what they read from outside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.ollama.commands import OllamaCall
from pytest_newscreator.sources.shell.overwrites import Overwrite, overwrites
from pytest_newscreator.sources.sites import Read, Reader, SourceFile

if TYPE_CHECKING:
    from pytest_newscreator.sources.lines import Locate
    from pytest_newscreator.sources.shell.run import Run
    from pytest_newscreator.sources.shell.walk import Walk

__all__ = [
    "READER",
    "OllamaCall",
    "assignments_over",
    "looks_like_shell",
    "matches",
    "ollama_calls",
    "read",
    "read_script",
]

_SUFFIXES = (".sh", ".bash")
_DOTFILES = frozenset({".envrc", ".profile", ".bashrc", ".bash_profile"})
_OTHERS = frozenset({"makefile", "gnumakefile", "dockerfile", "containerfile", "modelfile"})
_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*/)?(?:ba|da|a|k|z)?sh(?:\s|\Z)")


def matches(path: str) -> bool:
    """Tell whether a path may be a script; one without a suffix is read only if its text looks like shell."""
    name = path.rpartition("/")[2]
    if name.endswith(_SUFFIXES) or name in _DOTFILES:
        return True
    return "." not in name and name.lower() not in _OTHERS


def looks_like_shell(text: str) -> bool:
    """Tell whether a file without a suffix is a shell script, by its `#!` line."""
    return _SHEBANG.match(text) is not None


def read(source: SourceFile) -> Read:
    """Read one script; a part that cannot be parsed is a problem with its place, and the rest still counts."""
    if not _is_script(source):
        return Read()
    text = _unix(source.text)
    # What a health check searches for has to be there.
    waits = "health" in source.path.rpartition("/")[2].lower()
    return read_script(text, Lines(source.path, text).place, waits=waits).result()


def ollama_calls(source: SourceFile) -> tuple[OllamaCall, ...]:
    """Return the calls of `ollama` in a script, in their order, with names that are unknown as `None`.

    Constants, loops over words, and functions that are called with literals count: one place may make several calls.
    """
    run = _run(source)
    calls = dict.fromkeys(run.calls) if run else {}
    return tuple(sorted(calls, key=lambda call: call.place))


def assignments_over(source: SourceFile) -> tuple[Overwrite, ...]:
    """Return where a script puts a value of its own in the place of the one that it is given."""
    run = _run(source)
    return overwrites(run) if run else ()


def read_script(text: str, locate: Locate, *, scope: str = "", waits: bool = True) -> Walk:
    """Walk script text that stands inside another file; `locate` says where each of its characters stands there.

    `waits` says that it may be a health check, or wait for what it searches for.
    """
    from pytest_newscreator.sources.shell.walk import Walk

    walk = Walk(text, locate, scope, waits=waits)
    walk.run()
    return walk


def _run(source: SourceFile) -> Run | None:
    """Run a script on paper, unless it is none."""
    from pytest_newscreator.sources.shell.run import Run

    if not _is_script(source):
        return None
    text = _unix(source.text)
    run = Run(text, Lines(source.path, text).place)
    run.run()
    return run


def _unix(text: str) -> str:
    """Return a text as an editor shows it: no byte order mark, one line end, every column as it was."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _is_script(source: SourceFile) -> bool:
    """Tell whether a file is a script, by its name or its first line."""
    name = source.path.rpartition("/")[2]
    by_name = name.endswith(_SUFFIXES) or name in _DOTFILES or "entrypoint" in name.lower()
    return by_name or looks_like_shell(source.text.removeprefix("\ufeff"))


READER = Reader(name="shell", matches=matches, read=read)
