"""The edits: drifts that must be found where they are made, and changes that must not matter."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mutants.occurrences import Occurrence

from pytest_newscreator.contract.model import Contract
from pytest_newscreator.sources import tree


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of some files: `files` are their new texts (None removes one), `at` the `path:line` to be blamed.

    Without `at` the edit is harmless: what is said must stay as it was, wherever the lines are now.
    """

    name: str
    files: tuple[tuple[str, str | None], ...]
    at: str | None = None


def drifts(root: Path, contract: Contract, found: Occurrence) -> Iterator[Edit]:
    """Yield what can happen to one occurrence: another value, a name that begins alike, nothing left."""
    text = (root / found.path).read_text(encoding="utf-8", errors="strict")
    end = found.offset + len(found.value)
    at = f"{found.path}:{found.line}"
    for kind, value in _values(contract, found):
        changed = text[: found.offset] + value + text[end:]
        yield Edit(f"{kind} {at}:{found.column} {found.value} -> {value or 'nothing'}", ((found.path, changed),), at)


def _values(contract: Contract, found: Occurrence) -> Iterator[tuple[str, str]]:
    """Yield the kinds of wrong values for an occurrence."""
    if not found.is_model:
        number = re.fullmatch(r"\d+(\.\d+)?", found.value)
        yield "value", (str(int(found.value) * 2 + 1) if found.value.isdigit() else "0.93") if number else "other"
        yield "prefix", f"{found.value}1"
        return
    retired = [name for model in contract.models.values() if found.value in model.names for name in model.retired]
    if found.is_held:
        yield "value", "llama3.2:1b"
        yield "suffix", f"{found.value}-x"
    for name in retired[:1]:
        yield "retired", name


def harmless(root: Path, contract: Contract) -> Iterator[Edit]:
    """Yield changes that nobody must hear of."""
    for path in tree.files(root, exclude=contract.exclude):
        source = tree.read_text(root, path)
        if source is not None and path != "newscreator.yaml":
            yield from _comments(path, source.text, _word(contract))
            yield from _spelling(path, source.text)
    yield from _beside(_word(contract), root)


def _word(contract: Contract) -> str:
    """Return the name that would be a finding anywhere else."""
    retired = [name for model in contract.models.values() for name in model.retired]
    return retired[0] if retired else "llama3.2:1b"


_SIGNS = {
    "//": (".go", ".ts", ".tsx", ".js", ".mjs", ".rs", ".java", ".kt", ".cs", ".php", ".scala", ".swift"),
    "#": (
        ".yaml",
        ".yml",
        ".sh",
        ".bash",
        ".py",
        ".toml",
        ".env",
        ".properties",
        ".conf",
        ".service",
        ".rb",
        ".tf",
        ".mk",
    ),
    ";": (".ini", ".cfg"),
}


def _sign(path: str) -> str | None:
    """Return what begins a comment in a file of this kind, where it is known."""
    name, suffix = PurePosixPath(path).name, PurePosixPath(path).suffix
    if name.startswith((".env", "Dockerfile", "Modelfile", "Makefile", "entrypoint", ".dockerignore")):
        return "#"
    return next((sign for sign, suffixes in _SIGNS.items() if suffix in suffixes), None)


def _comments(path: str, text: str, word: str) -> Iterator[Edit]:
    """Yield a comment in front (behind a first line that must stay first) and one at the end."""
    sign = _sign(path)
    if sign is None:
        return
    first, newline, rest = text.partition("\n")
    keeps = first.startswith(("#!", "# syntax", "# escape", "<?", "# yaml-language", "package "))
    comment = f"{sign} {word} was here; MODEL={word}\n"
    yield Edit(f"comment in front {path}", ((path, first + newline + comment + rest if keeps else comment + text),))
    gap = "" if text.endswith("\n") else "\n"
    yield Edit(f"comment at the end {path}", ((path, f"{text}{gap}{comment}"),))


def _spelling(path: str, text: str) -> Iterator[Edit]:
    """Yield other spellings of the same: quotes, order, line ends."""
    name = PurePosixPath(path).name
    if name.startswith(".env"):
        yield from _quoted(path, text, re.compile(r"^(\w+)=([\w.:/-]+)$", re.MULTILINE), r"\1='\2'")
        yield from _quoted(path, text, re.compile(r"^(\w+)=([\w.:/-]+)$", re.MULTILINE), r'export \1="\2"')
        yield from _swapped(path, text, re.compile(r"^\w+=[^$\n]*$"))
    if name.endswith((".yaml", ".yml")):
        yield from _quoted(
            path, text, re.compile(r"^( +[A-Z][A-Z0-9_]+: )(\$\{[^}'\"\n#]+\})$", re.MULTILINE), r"\1'\2'"
        )
        yield from _quoted(
            path, text, re.compile(r"^( +[A-Z][A-Z0-9_]+: )(\$\{[^}'\"\n#]+\})$", re.MULTILINE), r'\1"\2"'
        )
        yield from _swapped(path, text, re.compile(r"^ +[A-Z][A-Z0-9_]+: \S+$"))
    if (name.startswith(("Modelfile", ".env")) or name.endswith((".yaml", ".yml"))) and "\r" not in text:
        yield Edit(f"CRLF {path}", ((path, text.replace("\n", "\r\n")),))
    if name.startswith("Modelfile"):
        yield from _quoted(path, text, re.compile(r"^PARAMETER (\w+) ([\d.]+)$", re.MULTILINE), r'parameter \1 "\2"')


def _quoted(path: str, text: str, pattern: re.Pattern[str], new: str) -> Iterator[Edit]:
    """Yield one edit that spells every match of a pattern otherwise, if there is one."""
    changed = pattern.sub(new, text)
    if changed != text:
        yield Edit(f"spelled {new} {path}", ((path, changed),))


def _swapped(path: str, text: str, pattern: re.Pattern[str]) -> Iterator[Edit]:
    """Yield an edit that swaps the first two neighbours of a kind: their order says nothing."""
    lines = text.split("\n")
    for index, (one, other) in enumerate(itertools.pairwise(lines)):
        indent = len(one) - len(one.lstrip())
        if pattern.match(one) and pattern.match(other) and indent == len(other) - len(other.lstrip()):
            lines[index : index + 2] = [other, one]
            yield Edit(f"order {path}:{index + 1}", ((path, "\n".join(lines)),))
            return


def _beside(word: str, root: Path) -> Iterator[Edit]:
    """Yield files that say the forbidden where it does not count."""
    quoted = f'MODEL = "{word}"\n'
    added = {
        "docs/old.md": f"OLLAMA_BASE_MODEL={word}\n",
        "README.rst": f"Run ``ollama pull {word}``.\n",
        "tests/test_old.py": quoted,
        "vendor/thing/config.py": quoted,
        "node_modules/thing/index.js": f'module.exports = "{word}";\n',
        "elsewhere/docker-compose.yml": f"services:\n  a:\n    image: x:1\n    environment: {{MODEL: '{word}'}}\n",
        "elsewhere/longer.py": f'MODEL = "x{word}"\nOTHER = "{word}-longer"\n',
    }
    for path, text in added.items():
        if not (root / path).exists():
            yield Edit(f"added {path}", ((path, text),))
