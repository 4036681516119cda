"""What the live tests share: a copy of the reference stack, a run of pytest in it, and what a run left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.stack import engine
from pytest_newscreator.verdicts import NotVerified

PARTS = ("compose", "news-creator", "newscreator.yaml", ".env.example")


@dataclass
class Copy:
    """A copy of the reference stack that a test may change, with its own pytest runs."""

    folder: Path
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} does not say {old!r}"
        file.write_text(text.replace(old, new))

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a run, with its temporary files inside the copy."""
        return [sys.executable, "-m", "pytest", "newscreator.yaml", "-p", "no:cacheprovider",
                f"--basetemp={self.folder / 'tmp'}", "--newscreator-report", "out", *arguments]  # fmt: skip

    def environment(self, **more: str) -> dict[str, str]:
        """Return this process's environment without what a run must not see."""
        hidden = ("NEWSCREATOR_REQUIRE", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        self.runs.mkdir(exist_ok=True)
        return {**kept, "CI": "1", "TMPDIR": str(self.runs), **more}

    @property
    def runs(self) -> Path:
        """Return the folder below which this copy's runs have their own ones."""
        return self.folder / "runs"

    def run_folders(self) -> list[Path]:
        """Return the folders of the runs that are or were left."""
        return sorted(lease.parent for lease in self.runs.glob("pytest-newscreator-*/*/lease"))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the contract's checks to the end and read their verdicts."""
        done = subprocess.run(
            self.command(*arguments), check=False, cwd=self.folder, env=self.environment(**environment),
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        report = self.folder / "out" / "verdicts.json"
        self.verdicts = json.loads(report.read_text())["verdicts"] if report.exists() else []
        return done

    def failed(self) -> list[dict[str, Any]]:
        """Return the verdicts that failed as errors."""
        return [v for v in self.verdicts if v["status"] == "failed" and v["severity"] == "error"]


@pytest.fixture
def stack_copy(tmp_path: Path, reference: Path) -> Copy:
    """A copy of the reference stack in a folder of its own."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for part in PARTS:
        source = reference / part
        if source.is_dir():
            shutil.copytree(
                source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "tests", ".pytest_cache")
            )
        else:
            shutil.copy2(source, folder / part)
    (folder / "pytest.ini").write_text("[pytest]\nnewscreator_pass_environment = CA_BUNDLE\n")
    return Copy(folder)


@pytest.fixture
def by_compose(pytestconfig: pytest.Config) -> None:
    """Not verified where this session has no Docker to start a stack with."""
    kind = pytestconfig.getoption("newscreator_stack")
    if kind not in ("compose", "auto"):
        raise NotVerified(f"this run's stack is {kind}", needs="docker", fix="run with --newscreator-stack compose")
    engine.require()


@pytest.fixture
def by_process() -> None:
    """Not verified where no ollama binary is on PATH, so that no process stack can be had."""
    if shutil.which("ollama") is None:
        raise NotVerified("no ollama binary is on PATH", needs="ollama", fix="run scripts/build-ollama.sh")


@pytest.fixture
def running_as() -> Callable[[Path], list[str]]:
    """A function that lists the processes whose environment or command names a folder."""

    def processes(folder: Path) -> list[str]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            if entry.name == str(os.getpid()):
                continue
            try:
                told = entry.joinpath("environ").read_bytes() + entry.joinpath("cmdline").read_bytes()
                if str(folder).encode() in told:
                    found.append(entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
        return found

    return processes
