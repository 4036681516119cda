"""A trace as people read it, and as programs do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from pytest_newscreator.report.decided import Decided, Word
from pytest_newscreator.report.trace import Said, Trace, Unresolved, Won

VERSION = 1
"""Of the JSON document: it changes when a field goes or means something else, not when one is added."""
LONGEST_VALUE = 60
LONGEST_LINE = 160
PROCESS = "process"
NOTHING = "-"


def render(found: Trace, unresolved: Sequence[Unresolved] = ()) -> str:
    """Return one trace as people read it."""
    lines = [found.name]
    for one in found.declared:
        whose = one.owner if one.name == found.name else f"{one.owner} {one.name}"
        lines.append(f"  contract  {_or(one.allowed)}  ({whose}, {one.place})")
    if not found.declared:
        lines.append("  contract  says nothing")
    if found.said:
        rows = [(str(s.place), s.kind, _shown(s.value, s.word), s.word, _as(s, found.name)) for s in found.said]
        lines += ["", "  what the files say", *_columns(rows, "    ")]
    for won in found.won:
        own = "its own default: " if won.own else ""
        mark = f"  {won.word}" if won.word else ""
        lines += ["", f"  {_heading(won)}: {won.service} gets {own}{_shown(won.text, won.word)}{mark}"]
        lines += [f"    {_clipped(hop, LONGEST_LINE)}" for hop in won.chain] or ["    nothing gives it"]
    for each in found.decided:
        lines += ["", f"  {each.invocation}: {found.name} is {_shown(each.text, '')}", *_settles(each)]
    lines += [f"\n  {one}" for one in unresolved]
    return "\n".join(lines)


def _settles(decided: Decided) -> Iterator[str]:
    """Yield where the value of a variable comes from, and each value that it has a say in."""
    yield from (f"    {_clipped(hop, LONGEST_LINE)}" for hop in decided.chain)
    for one in decided.settles:
        mark = f"  {one.word}" if one.word else ""
        yield f"    decides {one.service} {one.setting}, which is {_shown(one.text, one.word)}{mark}"


def render_table(traces: Sequence[Trace], unresolved: Sequence[Unresolved] = (), width: int | None = None) -> str:
    """Return the table of the whole stack: a row for each service and setting, a column for each invocation.

    Where that is wider than `width`, a row for each value, with the invocations that have it.
    """
    headings = tuple(dict.fromkeys(_heading(won) for found in traces for won in found.won))
    entries = sorted(_entries(traces), key=lambda entry: (entry[0].startswith("("), entry[0]))
    rows = [[*entry[:3], *(entry[3].get(name, NOTHING) for name in headings)] for entry in entries]
    lines = _columns([["service", "setting", "contract", *headings], *rows])
    if width is not None and max(map(len, lines)) > width:
        narrow = [row for entry in entries for row in _by_value(*entry, headings)]
        lines = _columns([["service", "setting", "value", "where it differs"], *narrow])
    lines = lines if entries else ["no service is given a setting, and the contract declares none"]
    return "\n".join([*lines, *(f"\nunresolved: {one}" for one in unresolved)])


def as_json(traces: Sequence[Trace], unresolved: Sequence[Unresolved] = ()) -> str:
    """Return traces as the JSON document that `docs/trace.md` describes: the fields as they are here, values whole."""
    plain = {
        "version": VERSION,
        "settings": [asdict(one) for one in traces],
        "unresolved": [asdict(one) for one in unresolved],
    }
    return json.dumps(plain, indent=2, ensure_ascii=False)


def _entries(traces: Sequence[Trace]) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Yield each service with a setting, what the contract says of it, and its value by invocation.

    Of a setting that no service ends up with, who declares it.
    """
    for found in traces:
        for service in dict.fromkeys([won.service for won in found.won] or [one.owner for one in found.declared]):
            cells = {_heading(won): _cell(won) for won in found.won if won.service == service}
            yield (
                service,
                found.name,
                next((_or(d.allowed) for d in found.declared if d.owner == service), NOTHING),
                cells,
            )


def _by_value(
    service: str, setting: str, wanted: str, cells: dict[str, str], headings: Sequence[str]
) -> Iterator[list[str]]:
    """Yield a row for each value of a setting; the first alone names it, and one that all have tells no invocation."""
    for number, text in enumerate(dict.fromkeys(cells.values()) or [NOTHING]):
        having = [name for name in headings if cells.get(name) == text]
        where = "" if len(having) == len(headings) else ", ".join(having)
        value = f"{text} ({wanted})" if text.startswith("!") else text
        yield [*((service, setting) if number == 0 else ("", "")), value, where]


def _heading(won: Won) -> str:
    """Return what a value is told under: its invocation, or that the contract starts the service itself."""
    return won.invocation if won.invocation is not None else PROCESS


def _as(said: Said, name: str) -> str:
    """Return what else a reader wants to know of a place: the other name it stands under, and whose it is."""
    parts = [f"as {said.name}"] if said.name != name else []
    return ", ".join([*parts, *([said.scope] if said.scope else [])])


def _cell(won: Won) -> str:
    """Return one value with its mark: `!` is wrong, `~` the program's own default."""
    return ("!" if won.word == "wrong" else "") + ("~" if won.own else "") + _shown(won.text, won.word)


def _shown(text: str | None, word: Word) -> str:
    """Return a value as a table shows it."""
    if text is None:
        return "(computed)" if word == "computed" else "(unset)"
    return _clipped(text, LONGEST_VALUE) or '""'


def _or(allowed: Sequence[str]) -> str:
    """Return the values that the contract allows."""
    return _clipped(" or ".join(allowed), LONGEST_VALUE)


def _clipped(text: str, most: int) -> str:
    """Return a text on one line, its middle left out where it is too long: names of models differ at their ends."""
    plain = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
    half = most // 2
    return plain if len(plain) <= most else f"{plain[: most - half - 1]}…{plain[-half:]}"


def _columns(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Align rows; the last column is left as it is."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        (indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]
