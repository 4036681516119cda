"""One rewritten line while something takes long: on a terminal, never in a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest


def progress(config: pytest.Config) -> Callable[[str], None]:
    """Return a function that shows what is waited for; an empty text clears the line.

    Off a terminal each new text is a line of its own, without its seconds, so that a CI log shows a sign of life.
    """
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capture is None or hasattr(config, "workerinput"):
        return lambda _: None
    rewrites = sys.__stdout__ is not None and sys.__stdout__.isatty() and os.environ.get("TERM") != "dumb"
    last = [""]

    def show(text: str) -> None:
        stem = text.partition(" (")[0]
        if not rewrites and stem in (last[0], ""):
            return
        last[0] = stem
        with capture.global_and_fixture_disabled():
            if rewrites:
                reporter.rewrite(f"newscreator: {text}" if text else "", erase=True)
            else:
                reporter.ensure_newline()
                reporter.write_line(f"newscreator: {text}")

    return show
