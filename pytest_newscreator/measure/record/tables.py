"""The rows of recorded results in a Markdown or JSON file, each figure with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pytest_newscreator.contract import nodes
from pytest_newscreator.contract.faults import ContractErrors
from pytest_newscreator.errors import SourceError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.measure.record.figures import Cell, Figure, Heading, counts, figure, heading, is_absent, plain
from pytest_newscreator.places import Place

_FENCE: Final = re.compile(r"\s{0,3}(```|~~~)")
_RULER: Final = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
_CELL: Final = re.compile(r"((?:\\.?|[^|\\])*+)(?:\||$)")
_LONGEST_LINE: Final = 2000


@frozen
class Row:
    """One row: its label, its figures and texts by what their headings name, and the cells that cannot be read.

    `table` tells the rows of one table from those of another.
    """

    label: str
    table: str
    place: Place
    figures: Mapping[str, Figure]
    texts: Mapping[str, str]
    unread: tuple[Cell, ...] = ()

    @property
    def model(self) -> str | None:
        """Return the model that the row names."""
        return self.texts.get("model")


def rows(text: str, path: str) -> tuple[Row, ...]:
    """Return the rows with figures; raises SourceError for a JSON file that is none."""
    found = _json(text, path) if path.casefold().endswith(".json") else _markdown(text, path)
    return tuple(row for row in found if row.figures or row.unread)


def _markdown(text: str, path: str) -> Iterator[Row]:
    """Yield the rows of each table: headings above a line of dashes, or names in the first of two columns."""
    for index, (head, *body) in enumerate(_tables(text, path)):
        named = [heading(cell.text) for cell in head]
        if len(head) == 2 and not (named[1] and named[1].key != "case"):  # noqa: PLR2004 - a name and its value
            pairs = [(heading(line[0].text), line[1]) for line in body if len(line) > 1]
            yield _row(plain(head[0].text) or "table", str(index), head[0].place, pairs)
            continue
        for line in body:
            # The first column is the label, whatever it is called, unless its heading names a figure.
            if line:
                pairs = list(zip(named, line, strict=False))
                yield _row(plain(line[0].text), str(index), line[0].place, pairs)


def _tables(text: str, path: str) -> Iterator[list[list[Cell]]]:
    """Yield the tables outside fenced code, each as its lines of cells, the headings first."""
    lines, is_code = text.splitlines(), False
    table: list[list[Cell]] = []
    for number, line in enumerate(lines, 1):
        is_code ^= _FENCE.match(line) is not None
        is_ruler = "|" in line and len(line) < _LONGEST_LINE and _RULER.fullmatch(line) is not None
        if is_code or "|" not in line:
            if table:
                yield table
            table = []
        elif is_ruler and number > 1 and "|" in lines[number - 2] and not table:
            table = [_cells(lines[number - 2], number - 1, path)]
        elif table:
            table.append(_cells(line, number, path))
    if table:
        yield table


def _cells(line: str, number: int, path: str) -> list[Cell]:
    """Return the cells of a line; a pipe that is escaped is text, as GitHub has it."""
    start = len(line) - len(line.lstrip())
    start += line[start:].startswith("|")
    end = len(line.rstrip())
    found = []
    while start < end:
        match = _CELL.match(line, start, end)
        if match is None:
            break
        raw = match[1]
        column = start + len(raw) - len(raw.lstrip()) + 1
        found.append(Cell(raw.strip().replace("\\|", "|"), Place(path, number, column)))
        start = match.end()
    return found


def _row(label: str, table: str, place: Place, pairs: Sequence[tuple[Heading | None, Cell]]) -> Row:
    """Sort the cells of a row into figures, texts and what cannot be read."""
    figures: dict[str, Figure] = {}
    texts: dict[str, str] = {}
    unread: list[Cell] = []
    for named, cell in pairs:
        if named is None or is_absent(cell.text) or named.key in figures:
            continue
        read = figure(cell, named)
        if named.key in {"case", "model"}:
            texts.setdefault(named.key, plain(cell.text))
        elif read is not None:
            figures[named.key] = read
        elif counts(cell.text) and plain(cell.text) != label:
            unread.append(cell)
    return Row(texts.get("case") or label or "row", table, place, figures, texts, tuple(unread))


def _json(text: str, path: str) -> Iterator[Row]:
    """Yield each object that holds figures; its label is its name, or the key that it stands behind."""
    try:
        json.loads(text)
        document = nodes.parse(text.replace("\t", " "), path).document
    except (ValueError, RecursionError) as error:
        raise SourceError(f"is no JSON ({error}), should be JSON", place=Place(path), fix="mend it") from None
    except ContractErrors as error:
        raise SourceError(f"cannot be read: {error}", place=Place(path), fix="write the table plainly") from None
    yield from _objects(document, "row", "")


def _objects(node: nodes.Node | None, name: str, table: str) -> Iterator[Row]:
    """Yield the rows at and below a node; the objects of one list or mapping are one table."""
    if isinstance(node, nodes.Items):
        for item in node.items:
            yield from _objects(item, name, str(node.place))
    if not isinstance(node, nodes.Table):
        return
    pairs = [
        (heading(entry.name), Cell(entry.value.text, entry.value.place))
        for entry in node.entries
        if isinstance(entry.value, nodes.Scalar) and not entry.value.null
    ]
    yield _row(name, table, node.place, pairs)
    for entry in node.entries:
        yield from _objects(entry.value, entry.name, str(node.place))
