"""Commands that a Python file runs: `ollama` calls in lists of words, in arguments and in shell text."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pytest_newscreator.places import Place
from pytest_newscreator.sources.lines import UNKNOWN
from pytest_newscreator.sources.ollama.commands import find_call
from pytest_newscreator.sources.python.collect import Found, Scope
from pytest_newscreator.sources.python.environment import Environment
from pytest_newscreator.sources.python.names import dotted
from pytest_newscreator.sources.python.values import Elsewhere, Values
from pytest_newscreator.sources.sites import Read, Site

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_COMMAND_OPTION = re.compile(r"-[a-z]*c\Z")
_RUNNERS = frozenset(
    [
        "run",
        "call",
        "check_call",
        "check_output",
        "Popen",
        "system",
        "popen",
        "getoutput",
        "getstatusoutput",
        "create_subprocess_shell",
        "split",
        "exec_run",
        "exec",
        "execute",
        "shell",
        "sh",
        "bash",
        "cmd",
        "command",
        "run_command",
        "run_cmd",
        "check",
        "sudo",
        "local",
    ]
)
_TELLING = re.compile(r"ollama(?:[\"']|[ \t]+[a-z])")
_GAP = re.compile(r"(?:\"\"\"|'''|[\"'])(?:\s|\\\n|#[^\n]*\n)*[rRuU]?(?:\"\"\"|'''|[\"'])")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[0-7]{1,3}|\r\n|.)", re.DOTALL)


def has_commands(text: str) -> bool:
    """Tell whether a file can run `ollama`, judged by its text."""
    is_module = "sh.ollama" in text or "from sh import" in text
    return "ollama" in text and (is_module or _TELLING.search(text) is not None)


class Commands:
    """The commands of one file; what they say is in `sites` and `reads`, the strings they take in `consumed`."""

    def __init__(self, found: Found, environment: Environment) -> None:
        """Look through the lists and the calls."""
        self._environment = environment
        self._values = environment.values
        self.sites: list[Site] = []
        self.reads: set[str] = set()
        self.consumed: set[int] = set()
        for node, scope in found.lists:
            self._words(node.elts, scope)
        for call, scope in found.calls:
            self._call(call, scope)

    def _call(self, call: ast.Call, scope: Scope) -> None:
        """Read the words or the script that a call is given."""
        name = dotted(call.func)
        head, _, rest = name.partition(".")
        command = [ast.Constant(word) for word in ("ollama", *rest.split(".")[1:])] if head == "sh" else []
        if self._environment.dotted(call.func) == "sh.ollama" or (command and rest.startswith("ollama")):
            self._words([*(command or [ast.Constant("ollama")]), *call.args], scope)
        else:
            self._words(call.args, scope)
        if name.rpartition(".")[2] in _RUNNERS and call.args:
            self._script(call.args[0], scope)

    def _words(self, nodes: Sequence[ast.expr], scope: Scope) -> None:
        """Report the model names of an `ollama` call, or read the script behind `sh -c`."""
        known = [self._values.known(node) for node in nodes] if len(nodes) > 1 else []
        texts = [one.text if one is not None else UNKNOWN for one in known]
        call = find_call(texts)
        # What is taken away is no literal either.
        self.consumed.update(id(nodes[index]) for index in (call.names if call else ()))
        for index in call.uses if call else ():
            one = known[index]
            if one is not None:
                self.consumed.add(id(one.node))
                self.sites.append(
                    Site(None, one.text, self._values.place(one.node), "ollama-argument", scope=scope.name)
                )
        for index, text in enumerate(texts[:-2]):
            if text.rpartition("/")[2] in _SHELLS and _COMMAND_OPTION.match(texts[index + 1]):
                self._script(nodes[index + 2], scope)

    def _script(self, node: ast.expr, scope: Scope) -> None:
        """Read shell text that names `ollama`, each piece at its own place."""
        spelling = Spelling(self._values, node)
        if "ollama" not in spelling.text or not re.search(r"\s", spelling.text):
            return
        from pytest_newscreator.sources.shell.reader import read_script

        read: Read = read_script(spelling.text, spelling.locate, scope=scope.name).result()
        self.sites.extend(read.sites)
        self.reads.update(read.reads)


class Spelling:
    """The text that an expression makes, with holes where it is unknown; `locate` says where a character stands."""

    def __init__(self, values: Values, node: ast.expr) -> None:
        """Put the text together."""
        self._values = values
        self._starts: list[int] = []
        self._pieces: list[Callable[[int], Place]] = []
        self.text = ""
        self._add(node, 0)

    def locate(self, index: int) -> Place:
        """Return the place of a character."""
        piece = max(0, bisect_right(self._starts, index) - 1)
        return self._pieces[piece](index - self._starts[piece])

    def _add(self, node: ast.expr, depth: int) -> None:
        """Add the text of an expression."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            at = list(_aligned(self._values.text, self._values.offset(node), node.value))
            self._piece(node.value, lambda index: self._values.lines.place(at[min(index, len(at) - 1)] if at else 0))
        elif isinstance(node, ast.JoinedStr):
            self._joined(node, depth)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            self._add(node.left, depth)
            self._add(node.right, depth)
        else:
            self._named(node, depth)

    def _named(self, node: ast.expr, depth: int) -> None:
        """Add what a name or another expression stands for."""
        meant = self._values.names.expression(node)
        if meant is not None and not isinstance(meant, Elsewhere) and depth < len("text"):
            self._add(meant, depth + 1)
            return
        known = self._values.known(node)
        place = self._values.place(known.node if known else node)
        text = known.text if known else UNKNOWN
        self._piece(text, lambda index: Place(place.path, place.line, place.column + index))

    def _joined(self, node: ast.JoinedStr, depth: int) -> None:
        """Add an f-string; its own texts are found in the source, for their nodes do not say where they stand."""
        source, offset = self._values.text, self._values.offset(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self._add(part.value, depth + 1)
                offset = source.find("}", offset) + 1
                continue
            text = str(part.value) if isinstance(part, ast.Constant) else ""
            begin = max(offset, source.find(text, offset, offset + len(text) + len("' f'")))
            self._piece(text, partial(self._at, begin))
            offset = begin + len(text)

    def _at(self, begin: int, index: int) -> Place:
        """Return the place of a character behind an offset of the file."""
        return self._values.lines.place(begin + index)

    def _piece(self, text: str, locate: Callable[[int], Place]) -> None:
        """Add a piece of text with its places."""
        self._starts.append(len(self.text))
        self._pieces.append(locate)
        self.text += text


def _aligned(source: str, start: int, value: str) -> Iterator[int]:
    """Yield the offset of each character of a string's value, past escapes and joined strings."""
    for character in value:
        gap = _GAP.match(source, start)
        if gap is not None and source[start : start + 1] != character:
            start = gap.end()
        escape = _ESCAPE.match(source, start) if source[start : start + 1] != character else None
        if escape is not None and escape[0] in {"\\\n", "\\\r\n"}:
            start = escape.end()
            escape = None
        yield start
        start = escape.end() if escape is not None else start + 1
