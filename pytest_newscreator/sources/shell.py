"""Shell scripts: where they give settings and models a value, and what they read from outside."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_newscreator.sources._ollama import OllamaCall
from pytest_newscreator.sources.lines import Lines
from pytest_newscreator.sources.sites import Read, Reader, SourceFile

if TYPE_CHECKING:
    from pytest_newscreator.sources._shell_walk import Walk
    from pytest_newscreator.sources.lines import Locate

__all__ = ["READER", "OllamaCall", "looks_like_shell", "matches", "ollama_calls", "read", "read_script"]

_SUFFIXES = (".sh", ".bash")
_DOTFILES = frozenset({".envrc", ".profile", ".bashrc", ".bash_profile"})
_OTHERS = frozenset({"makefile", "gnumakefile", "dockerfile", "containerfile", "modelfile"})
_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*/)?(?:ba|da|a|k|z)?sh(?:\s|\Z)")


def matches(path: str) -> bool:
    """Tell whether a path may be a script; one without a suffix is read only if its text looks like shell."""
    name = PurePosixPath(path).name
    if name.endswith(_SUFFIXES) or name in _DOTFILES:
        return True
    return "." not in name and name.lower() not in _OTHERS


def looks_like_shell(text: str) -> bool:
    """Tell whether a file without a suffix is a shell script, by its `#!` line."""
    return _SHEBANG.match(text) is not None


def read(source: SourceFile) -> Read:
    """Read one script; a part that cannot be parsed is a problem with its place, and the rest still counts."""
    walk = _walk(source)
    return walk.result() if walk else Read()


def ollama_calls(source: SourceFile) -> tuple[OllamaCall, ...]:
    """Return the calls of `ollama` in a script, in their order, with names that are unknown as `None`."""
    walk = _walk(source)
    return tuple(walk.calls) if walk else ()


def read_script(text: str, locate: Locate, *, scope: str = "") -> Walk:
    """Walk script text that stands inside another file; `locate` says where each of its characters stands there."""
    from pytest_newscreator.sources._shell_walk import Walk

    walk = Walk(text, locate, scope)
    walk.run()
    return walk


def _walk(source: SourceFile) -> Walk | None:
    """Walk a file, unless it has no suffix and is no script either."""
    name = PurePosixPath(source.path).name
    by_name = name.endswith(_SUFFIXES) or name in _DOTFILES or "entrypoint" in name.lower()
    if not by_name and not looks_like_shell(source.text):
        return None
    return read_script(source.text, Lines(source.path, source.text).place)


READER = Reader(name="shell", matches=matches, read=read)
