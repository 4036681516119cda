"""The files that a script writes: Modelfiles from here-documents and from what `echo` and `printf` print."""

from __future__ import annotations

import posixpath
import re
from dataclasses import field
from typing import TYPE_CHECKING

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.bodies import is_modelfile, modelfile_sites
from pytest_newscreator.sources.lines import UNKNOWN, Spelled, joined
from pytest_newscreator.sources.ollama.commands import find_call
from pytest_newscreator.sources.shell import words as spelling
from pytest_newscreator.sources.shell.constants import commands

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tree_sitter import Node

    from pytest_newscreator.sources.shell.walk import Walk

_ESCAPE = re.compile(r"\\([ntr\\\"'])")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_DIRECTIVE = re.compile(r"%(?:%|[-+ #0]*\d*(?:\.\d+)?[sdiqbf])")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_TEE = re.compile(r"(?:^|\s)tee\s+(?:-a\s+)?([^\s-]\S*)")
_ARGUMENTS = frozenset({"word", "string", "raw_string", "ansi_c_string", "concatenation", "command_name"})


@frozen
class Goes:
    """Where a text goes: the command it is given to, and the file it is written to, as they are written.

    `is_string` says that it is a here-string, which is no file of its own.
    """

    command: str
    target: str = ""
    is_string: bool = False


@frozen
class Files:
    """The Modelfiles that a script gives to `ollama create`, with the name of what each becomes."""

    created: dict[str, str | None] = field(default_factory=dict)
    constants: dict[str, Spelled] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: Iterable[Node], source: spelling.Source, carriers: Collection[str]) -> Files:
        """Find the `ollama create … -f FILE` of a script; a file that becomes several models has no name."""
        files = cls(constants=source.constants)
        for command in commands(tree, source, "create"):
            nodes = [child for child in command.named_children if child.type in _ARGUMENTS | spelling.EXPANDED]
            call = find_call([spelling.spell(node, source).text for node in nodes], carriers)
            if call is not None and call.verb == "create":
                name = files.text(nodes[call.names[0]], source) if call.names else ""
                key = files.key(nodes[call.modelfile], source) if call.modelfile is not None else "-"
                known = name if name and "$" not in name else None
                files.created[key] = known if files.created.get(key, known) == known else None
        return files

    def text(self, node: Node, source: spelling.Source) -> str:
        """Return a word as it is written, without quotes and with the script's constants put in."""
        written = source.of(node).replace('"', "").replace("'", "")
        return _VARIABLE.sub(self._constant, written)

    def _constant(self, found: re.Match[str]) -> str:
        """Return what a variable stands for, or its name."""
        name = found[1] or found[2]
        constant = self.constants.get(name)
        return constant.text if constant is not None else f"${name}"

    def key(self, node: Node, source: spelling.Source) -> str:
        """Return a file's name in one spelling; a process substitution is its own text."""
        if node.type == "process_substitution":
            return spelling.told(node, source)
        text = self.text(node, source)
        return posixpath.normpath(text) if text else ""


def report_file(walk: Walk, body: Spelled, goes_to: Goes) -> bool:
    """Report a text that is a Modelfile; tell whether it is one."""
    target = goes_to.target or _read_by(walk, goes_to.command)
    hint = "modelfile" if target in walk.files.created else ""
    if not is_modelfile(body.text, f"{goes_to.command} {hint}", target):
        return False
    model = walk.files.created.get(target)
    scope = "-" if target.startswith("<(") else target
    walk.sites.extend(modelfile_sites(body, walk.locate, scope, walk.source.text, model))
    return True


def _read_by(walk: Walk, command: str) -> str:
    """Return the file that a command makes of what it is given: what `tee` writes, what `create` reads."""
    written = _TEE.search(command)
    if written:
        return posixpath.normpath(written[1])
    if "ollama create" in command:
        substituted = (key for key in walk.files.created if key.startswith("<(") and key in command)
        return next(substituted, "-" if spelling.STDIN.search(command) else "")
    return ""


def report_printed(walk: Walk, words: Sequence[Spelled], goes_to: Goes) -> bool:
    """Report what `echo` or `printf` writes into a Modelfile; tell whether it does."""
    name = words[0].text if words else ""
    if name not in {"echo", "printf"} or not (goes_to.command or goes_to.target):
        return False
    text = _printed(words[1:]) if name == "printf" else _echoed(words[1:])
    return text is not None and report_file(walk, text, goes_to)


def _echoed(words: Sequence[Spelled]) -> Spelled | None:
    """Return what `echo` prints."""
    while words and words[0].text in {"-e", "-n", "-ne", "-en"}:
        words = words[1:]
    blank = [joined([word, Spelled(" ", (word.end,), word.end)], word.start) for word in words[:-1]]
    return spelling.unescaped(joined([*blank, words[-1]], words[0].start), _ESCAPE, _ESCAPED) if words else None


def _printed(words: Sequence[Spelled]) -> Spelled | None:
    """Return what `printf` prints: its format as often as its arguments last."""
    words = words[1:] if words and words[0].text == "--" else words
    if not words:
        return None
    form = spelling.unescaped(words[0], _ESCAPE, _ESCAPED)
    waiting = list(words[1:])
    pieces = _filled(form, waiting)
    while waiting and _DIRECTIVE.search(form.text.replace("%%", "")):
        pieces += _filled(form, waiting)
    return joined(pieces, form.start)


def _filled(form: Spelled, waiting: list[Spelled]) -> list[Spelled]:
    """Return one round of a format, taking arguments off `waiting`."""
    pieces, last = [], 0
    for found in _DIRECTIVE.finditer(form.text):
        pieces.append(form.cut(last, found.start()))
        at = form.at[found.start()]
        if found[0] == "%%":
            pieces.append(Spelled("%", (at,), at))
        else:
            pieces.append(waiting.pop(0) if waiting else Spelled(UNKNOWN, (at,), at))
        last = found.end()
    return [piece for piece in [*pieces, form.cut(last)] if piece.text] or [form]
