"""The summary section at the end of a run: what broke, what was noted, what could not be verified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest

from pytest_newscreator.checks.findings import SAID_ELSEWHERE
from pytest_newscreator.verdicts import LEVELS, Record, readable

COLUMNS = ("passed", "failed", "notes", "not verified")
ELSEWHERE = "told once"
"""The column of what stepped back for another item, which tells it: it is there only where something did."""


def summarise(
    reporter: pytest.TerminalReporter,
    records: Sequence[Record],
    stacks: Sequence[str],
    not_applicable: Sequence[str],
    unchecked: Sequence[str],
) -> None:
    """Write the section; the order of findings is that of the levels, since the first that disagrees is the cause."""
    reporter.write_sep("=", "newscreator")
    for line in stacks:
        reporter.write_line(line)
    _table(reporter, records)
    for record in sorted(records, key=lambda r: LEVELS.index(r.level)):
        if record.status in ("failed", "inconclusive", "invalid"):
            _finding(reporter, record)
    for reason, subjects in _unverified(records):
        is_told = reason.startswith(SAID_ELSEWHERE)
        reporter.write_line(reason if is_told else f"not verified: {reason}", yellow=not is_told)
        reporter.write_line(f"  {_shortened(subjects)}")
    if not_applicable:
        reporter.write_line(f"not applicable (no subject in this contract): {', '.join(not_applicable)}")
    if unchecked:
        reporter.write_line(f"declared, and not checked by this version: {', '.join(unchecked)}")


def _table(reporter: pytest.TerminalReporter, records: Sequence[Record]) -> None:
    """Write one line a level: how many checks ended how."""
    columns = (*COLUMNS, ELSEWHERE) if any(_column(record) == ELSEWHERE for record in records) else COLUMNS
    reporter.write_line(f"{'level':<10}" + "".join(f"{column:>14}" for column in columns))
    for level in LEVELS:
        counts = Counter(_column(record) for record in records if record.level == level)
        if counts:
            reporter.write_line(f"{level:<10}" + "".join(f"{counts[column] or '-':>14}" for column in columns))
    standins = sorted({record.standin for record in records if record.standin})
    if standins:
        reporter.write_line(f"served by a stand-in ({', '.join(standins)}): no verdict on speed, memory or quality")


def _column(record: Record) -> str:
    """Return the column of the table that a record counts in."""
    if record.status == "passed":
        return "passed"
    if record.status == "not_verified":
        return ELSEWHERE if record.message.startswith(SAID_ELSEWHERE) else "not verified"
    return "notes" if record.severity == "note" else "failed"


def _finding(reporter: pytest.TerminalReporter, record: Record) -> None:
    """Write a finding's first line; a note, which pytest shows nowhere else, with its chain and what to do."""
    word = "note" if record.severity == "note" else record.status
    place = record.place
    where = ":".join(str(place[key]) for key in ("path", "line", "column") if place[key]) + ": " if place else ""
    message, fix, *chain = (
        readable(text, record.expected, record.observed) for text in (record.message, record.fix, *record.chain)
    )
    reporter.write_line(f"{word}: {where}{message}", red=word != "note", yellow=word == "note")
    if word != "note":
        return  # pytest's own FAILURES section has the rest
    for hop in chain:
        reporter.write_line(f"  {hop}")
    if fix:
        reporter.write_line(f"  do: {fix}")


def _unverified(records: Iterable[Record]) -> list[tuple[str, list[str]]]:
    """Group what could not be verified by its reason and way out."""
    groups: dict[str, list[str]] = {}
    for record in records:
        if record.status == "not_verified":
            reason = f"{record.message}; do: {record.fix}" if record.fix else record.message
            groups.setdefault(readable(reason), []).append(f"{record.check}[{record.subject}]")
    return list(groups.items())


def _shortened(subjects: Sequence[str], most: int = 6) -> str:
    """Join the first few names and count the rest."""
    rest = len(subjects) - most
    return ", ".join(subjects[:most]) + (f" and {rest} more" if rest > 0 else "")
