"""Where a repository says what its contract says: found by plain text, so that no reader of ours decides it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_newscreator.contract.model import Contract
from pytest_newscreator.sources import tree

CONTRACT = "newscreator.yaml"
_COMMENT = {
    "#": re.compile(r"(?:^|(?<=\s))#.*"),
    "//": re.compile(r"(?:^|(?<=[\s;{}),]))//.*"),
    ";": re.compile(r"^\s*;.*"),
}
_BLOCKS = re.compile(r'"""[\s\S]*?"""|/\*[\s\S]*?\*/|<!--[\s\S]*?-->')
_SLASHED = (
    ".go",
    ".ts",
    ".tsx",
    ".js",
    ".mjs",
    ".rs",
    ".java",
    ".kt",
    ".cs",
    ".php",
    ".jsonc",
    ".json5",
    ".scala",
    ".swift",
)
_HASHLESS = (".json", ".md", ".txt", *_SLASHED)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A contract value in a file: `offset` counts characters; `line` and `column` from 1.

    `is_held` says that the line names what holds it to its value: a declared setting, an option, FROM. A model's name
    anywhere else may be any but a retired one.
    """

    path: str
    offset: int
    line: int
    column: int
    value: str
    is_model: bool
    is_held: bool


def occurrences(root: Path, contract: Contract) -> Iterator[Occurrence]:
    """Yield every occurrence of a contract value outside comments, in the files that count."""
    for path in tree.files(root, exclude=contract.exclude):
        source = tree.read_text(root, path)
        if source is None or path == CONTRACT:
            continue
        text = without_comments(path, source.text)
        for value, names in _sought(contract).items():
            holding = _holding(contract, value)
            for match in _token(value).finditer(text):
                start = text.rfind("\n", 0, match.start()) + 1
                line = text[start:].partition("\n")[0]
                if names and not any(
                    re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z0-9])", line, re.IGNORECASE) for name in names
                ):
                    continue
                number = text.count("\n", 0, match.start()) + 1
                is_held = bool(names) or holding.search(line) is not None
                yield Occurrence(path, match.start(), number, match.start() - start + 1, value, not names, is_held)


def _holding(contract: Contract, value: str) -> re.Pattern[str]:
    """Return what a line names where it must say this model: its setting or address, in lower case too."""
    models = [model for model in contract.models.values() if value in model.names]
    names = {model.switch for model in models if model.switch and value == model.base}
    for service in contract.services.values():
        names |= {setting.name for setting in service.settings.values() if value in contract.allowed(setting)}
        names |= {service.uses[model.key] for model in models if model.key in service.uses}
    names |= {name.lower() for name in names if "_" in name}
    words = "|".join(map(re.escape, sorted(names))) or "(?!)"
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{words})(?![A-Za-z0-9_])|^FROM\b")


def _sought(contract: Contract) -> dict[str, frozenset[str]]:
    """Return the texts to look for; a number counts only on a line that names its setting or option."""
    models = {name for model in contract.models.values() for name in model.names}
    found: dict[str, set[str]] = {name: set() for name in models}
    for name, text in (*_stated(contract), *_set(contract)):
        if text and text not in models:
            found.setdefault(text, set()).add(name)
    return {text: frozenset(names) for text, names in found.items()}


def _stated(contract: Contract) -> Iterator[tuple[str, str]]:
    """Yield each option that a variant must state, with its value."""
    for model in contract.models.values():
        for variant in model.variants.values():
            for option, values in model.stated(variant).items():
                yield from ((option, value) for value in values)


def _set(contract: Contract) -> Iterator[tuple[str, str]]:
    """Yield each declared setting, and the option that it is, with its values."""
    for service in contract.services.values():
        for setting in service.settings.values():
            yield from ((setting.name, text) for text in setting.allowed)
        for option, name in service.options.items():
            yield from ((option, text) for text in service.settings[name].allowed)


def _token(value: str) -> re.Pattern[str]:
    """Return a pattern for a value as a whole word of its own."""
    before = r"(?<![\w.])(?<![\w]:)(?<!/)(?<!\w-)"
    return re.compile(before + re.escape(value) + r"(?![\w])(?![-.:/]\w)")


def without_comments(path: str, text: str) -> str:
    """Blank out comments, keeping every offset; judged by the file's suffix and nothing cleverer."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    suffix = Path(path).suffix.lower()
    if suffix in (*_SLASHED, ".py", ".xml", ".html", ".css", ".tf", ".sql"):
        text = _BLOCKS.sub(blank, text)
    signs = ["//"] if suffix in _SLASHED else ([] if suffix in _HASHLESS else ["#"])
    signs += [";"] if suffix in (".ini", ".cfg", ".properties") else []
    lines = text.splitlines(keepends=True)
    for sign in signs:
        lines = [_COMMENT[sign].sub(blank, line.rstrip("\r\n")) + line[len(line.rstrip("\r\n")) :] for line in lines]
    return "".join(lines)
