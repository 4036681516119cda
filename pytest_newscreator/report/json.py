"""`verdicts.json`: every verdict as plain data, version 1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pytest_newscreator.verdicts import Record

VERSION = 1


def write(
    directory: Path,
    records: Sequence[Record],
    stacks: Sequence[str],
    not_applicable: Sequence[str],
    unchecked: Sequence[str],
) -> Path:
    """Write `verdicts.json` into `directory` in one step, so that a reader never sees half of it."""
    document = {
        "version": VERSION,
        "stack": list(stacks),
        "verdicts": [record.as_dict() for record in records],
        "not_applicable": list(not_applicable),
        "not_checked": list(unchecked),
        "measurements": [],
    }
    target = directory / "verdicts.json"
    part = target.with_suffix(".part")
    part.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    part.replace(target)
    return target
