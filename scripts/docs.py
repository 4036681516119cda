"""Write docs/checks.md from the checks' own docstrings; `--check` only compares."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.verdicts import LEVELS

TARGET = Path(__file__).parent.parent / "docs" / "checks.md"
INTRODUCTION = "Generated from the checks themselves by `python scripts/docs.py`; a test keeps it equal.\n"


def render() -> str:
    """Return the page: one section a level, one a check."""
    lines = ["# The checks\n", INTRODUCTION]
    for level in LEVELS:
        checks = [check for check in CHECKS if check.level == level]
        if checks:
            lines.append(f"## {level}\n")
        for check in checks:
            lines += [f"### `{check.name}` (`-m {check.marker}`)\n", inspect.cleandoc(check.documentation) + "\n"]
    return "\n".join(lines)


def main() -> None:
    """Write the page, or exit with 1 where it differs."""
    if "--check" in sys.argv:
        sys.exit(TARGET.read_text(encoding="utf-8") != render())
    TARGET.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
