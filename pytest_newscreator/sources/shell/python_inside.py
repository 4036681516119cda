"""Python programs that stand inside a shell script."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_newscreator.errors import SourceError
from pytest_newscreator.sources.lines import UNKNOWN, Lines, Spelled
from pytest_newscreator.sources.sites import SourceFile

if TYPE_CHECKING:
    from pytest_newscreator.sources.shell.walk import Walk


def report_python(walk: Walk, program: Spelled) -> None:
    """Report what a Python program says, each at its place in the script; what the shell puts in is unknown."""
    from pytest_newscreator.sources.python import reader as python

    path = walk.locate(0).path
    lines = Lines(path, program.text)
    locate = program.locator(walk.locate)
    try:
        read = python.READER.read(SourceFile(path, program.text))
    except SourceError:
        return
    for site in read.sites:
        if UNKNOWN in (site.value or "") or UNKNOWN in (site.setting or ""):
            continue
        place = locate(lines.offset(site.place.line) + site.place.column - 1)
        walk.sites.append(replace(site, place=place, scope=walk.scope))
    walk.reads.update(name for name in read.reads if UNKNOWN not in name)
