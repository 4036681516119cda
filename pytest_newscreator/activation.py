"""Switching the plugin on: the one place that knows every part of a session."""

from __future__ import annotations

import pytest

from pytest_newscreator.session import ACTIVE, REPOSITORIES


def activate(config: pytest.Config) -> None:
    """Register the fixtures and, outside xdist's workers, the reports; does nothing the second time."""
    if config.stash.get(ACTIVE, False):
        return
    config.stash[ACTIVE] = True
    config.stash[REPOSITORIES] = {}
    pytest.register_assert_rewrite("pytest_newscreator.checks")
    from pytest_newscreator import fixtures
    from pytest_newscreator.report.recorder import Recorder

    config.pluginmanager.register(fixtures, "newscreator-fixtures")
    config.pluginmanager.register(Recorder(config), "newscreator-recorder")
