"""What the tests need decides their marker, by the folder they are in; shared fixtures live here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of the code; CI draws the same examples every time, people draw new ones.
settings.register_profile("newscreator", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("newscreator")

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parent
MARKERS = {"tests/config": "config", "tests/infra": "infra", "tests/perf": "gpu", "news-creator/app/tests": "config"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder."""
    for item in items:
        for folder, marker in MARKERS.items():
            if item.path.is_relative_to(ROOT / folder):
                item.add_marker(marker)


@pytest.fixture(scope="session")
def reference() -> Path:
    """The reference stack's repository: this one."""
    return ROOT
