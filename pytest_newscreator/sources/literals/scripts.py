"""Shell text inside other files: what a shell makes of it, at the places of those files."""

from __future__ import annotations

import re

from pytest_newscreator.sources.lines import UNKNOWN, Locate, Spelled
from pytest_newscreator.sources.shell.reader import read_script
from pytest_newscreator.sources.sites import Read

PLACEHOLDER = re.compile(r"(?<!\$)\$\{(?P<name>[A-Za-z_][\w.-]*):-?(?P<value>[^{}$]*)\}")
"""`${X:d}` as Spring has it and `${X:-d}` as most others do; `$${` is none."""


def read_shell(script: Spelled, locate: Locate, *, problems: bool = True, waits: bool = False) -> Read:
    """Read shell text; with `problems` off, what is no shell syntax may be another language's.

    `waits` says that it may be a health check, which needs what it searches for.
    """
    read = read_script(script.text, script.locator(locate), waits=waits).result()
    return read if problems else Read(read.sites, read.reads)


def hide(script: Spelled, unknown: re.Pattern[str]) -> Spelled:
    """Return a script with something unknown in place of what another program fills in first."""
    return Spelled(unknown.sub(lambda match: UNKNOWN * len(match[0]), script.text), script.at, script.start)
