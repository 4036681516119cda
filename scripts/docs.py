"""Write the generated pages of docs/: the checks from their docstrings, the contract's keys from its schema.

`--check` only compares.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.contract.jsonschema import json_schema
from pytest_newscreator.verdicts import LEVELS

DOCS = Path(__file__).parent.parent / "docs"
INTRODUCTION = "Generated from the checks themselves by `python scripts/docs.py`; a test keeps it equal.\n"


def checks() -> str:
    """Return the page of the checks: one section a level, one a check."""
    lines = ["# The checks\n", INTRODUCTION]
    for level in LEVELS:
        found = [check for check in CHECKS if check.level == level]
        if found:
            lines.append(f"## {level}\n")
        for check in found:
            lines += [f"### `{check.name}` (`-m {check.marker}`)\n", inspect.cleandoc(check.documentation) + "\n"]
    return "\n".join(lines)


def keys() -> str:
    """Return the page of the contract's keys: one row a key, in the schema's order."""
    rows = ["# The contract's keys\n", INTRODUCTION, "| key | says |", "| --- | --- |"]
    rows += [f"| `{name}` | {text} |" for name, text in _rows(json_schema(), "")]
    return "\n".join(rows) + "\n"


def _rows(node: dict[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """Yield each key below a node of the schema with its description."""
    for key, child in node.get("properties", {}).items():
        path = f"{name}.{key}" if name else key
        yield path, " ".join(child.get("description", "").split()).replace("|", "\\|")
        yield from _below(child, path)


def _below(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield what stands below a key: its own keys, those of a named entry, those of a list's elements."""
    for form in (node, *node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _rows(form, path)
        entry = form.get("additionalProperties")
        if isinstance(entry, dict):
            yield from _below(entry, f"{path}.NAME")
        elements = form.get("items")
        if isinstance(elements, dict):
            yield from _below(elements, f"{path}[]")


def main() -> None:
    """Write the pages, or exit with 1 where one differs."""
    pages = {"checks.md": checks(), "contract-keys.md": keys()}
    if "--check" in sys.argv:
        sys.exit(any((DOCS / name).read_text(encoding="utf-8") != text for name, text in pages.items()))
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
