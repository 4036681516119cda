"""The summary counts what stepped back for another item apart: that was verified, and is told there."""

from __future__ import annotations

from typing import Any, cast

import pytest

from pytest_newscreator.report.terminal import summarise
from pytest_newscreator.verdicts import Record


class Lines:
    """A terminal that keeps what is written to it, with what is written in yellow."""

    def __init__(self) -> None:
        """Begin empty."""
        self.lines: list[str] = []
        self.yellow: list[str] = []

    def write_sep(self, _sep: str, title: str) -> None:
        """Keep a title."""
        self.lines.append(title)

    def write_line(self, line: str, **markup: Any) -> None:
        """Keep a line."""
        self.lines.append(line)
        self.yellow += [line] if markup.get("yellow") else []


def written(*messages: str) -> Lines:
    """Return the summary of a passed item, and of items that are not verified with these messages."""
    records = [Record("a", "default", "source", "a", "passed")]
    records += [Record(text, "default", "source", text[:3], "not_verified", message=text) for text in messages]
    lines = Lines()
    summarise(cast("pytest.TerminalReporter", lines), records, [], [], [])
    return lines


def test_what_another_item_tells_is_counted_apart() -> None:
    """It is neither left open nor something to look after."""
    shown = written("not judged twice: resolved[x] says it", "a.py:1:1: computed")
    assert shown.lines[1].split() == ["level", "passed", "failed", "notes", "not", "verified", "told", "once"]
    assert shown.lines[2].split() == ["source", "1", "-", "-", "1", "1"]
    assert shown.yellow == ["not verified: a.py:1:1: computed"]
    assert "not judged twice: resolved[x] says it" in shown.lines


def test_the_column_is_only_there_where_something_stepped_back() -> None:
    """A run without it reads as ever."""
    assert "told once" not in written("a.py:1:1: computed").lines[1]
