"""The extension surface: every hook another package or a `conftest.py` may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_newscreator.checks.registry import Check
    from pytest_newscreator.contract.model import Contract
    from pytest_newscreator.resolve.repository import Repository
    from pytest_newscreator.sources.sites import Reader
    from pytest_newscreator.stack.model import Backend
    from pytest_newscreator.verdicts import Record


@pytest.hookspec
def pytest_newscreator_readers(config: pytest.Config) -> Sequence[Reader]:
    """Return readers for further file kinds; for a path that several match, all are asked.

    `newscreator trace` asks them too, before `pytest_configure`: what they need must not wait for it.
    """
    raise NotImplementedError


@pytest.hookspec
def pytest_newscreator_checks(config: pytest.Config, contract: Contract) -> Sequence[Check]:
    """Return further checks; each gives its subjects and a function whose arguments are fixtures.

    One that only reads files has a judge as well, so that it takes part in one finding a place.
    """
    raise NotImplementedError


@pytest.hookspec
def pytest_newscreator_backends(config: pytest.Config, repository: Repository) -> Sequence[Backend]:
    """Return further ways to have a stack, selectable by name with `--newscreator-stack NAME`."""
    raise NotImplementedError


@pytest.hookspec
def pytest_newscreator_report(config: pytest.Config, records: Sequence[Record], directory: Path) -> None:
    """Write a further report of all verdicts into the directory of `--newscreator-report`."""
