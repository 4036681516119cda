"""What the tests of the checks share: a copy of the reference stack to edit, and its verdicts in this process."""

from __future__ import annotations

import inspect
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.checks.registry import Check, Subject, item_name, numbered
from pytest_newscreator.contract.load import load
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

PARTS = ("newscreator.yaml", ".env.example", ".gitignore", "compose", "news-creator")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".env", "*.gguf", "tests", ".*_cache", ".hypothesis")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one config check says of one subject."""

    item: str
    status: str
    finding: Finding | None = None
    reason: str = ""

    @property
    def headline(self) -> str:
        """Return the first line of the finding."""
        return self.finding.headline if self.finding else ""


@dataclass(frozen=True, slots=True)
class Stack:
    """A copy of the reference stack's repository, to be edited."""

    root: Path

    def write(self, path: str, text: str) -> None:
        """Write a file, its folders included."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")

    def text(self, path: str) -> str:
        """Return what a file says now."""
        return (self.root / path).read_text(encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that stands there exactly once, so that no edit misses."""
        text = self.text(path)
        assert text.count(old) == 1, f"{path} has {text.count(old)} times {old!r}, the test needs one"
        self.write(path, text.replace(old, new))

    def behind(self, path: str, before: str) -> Place:
        """Return the place right behind a text that stands there exactly once."""
        text = self.text(path)
        assert text.count(before) == 1, f"{path} has {text.count(before)} times {before!r}, the test needs one"
        head = text[: text.index(before) + len(before)]
        return Place(path, head.count("\n") + 1, len(head) - head.rfind("\n"))

    def repository(self) -> Repository:
        """Return the repository as a session would read it now."""
        return Repository(load(self.root / "newscreator.yaml"), registry.readers())

    def judge(self, *, only: Callable[[str], bool] = lambda _: True) -> list[Judgement]:
        """Run the config checks whose item names `only` accepts, in a session's order."""
        repository = self.repository()
        plan = [(check, subject) for check in CHECKS for subject in numbered(check.subjects(repository))]
        names = frozenset(name for check, subject in plan if only(name := item_name(check.name, subject)))
        run = [(c, s) for c, s in plan if c.marker == "config" and item_name(c.name, s) in names]
        return [_judged(check, subject, repository, names) for check, subject in run]

    def broken(self) -> list[Judgement]:
        """Return what failed, notes left out."""
        return [judgement for judgement in self.judge() if judgement.status == "failed"]

    def git(self) -> None:
        """Make it a git repository, so that `.gitignore` counts."""
        subprocess.run(["git", "init", "--quiet"], cwd=self.root, check=True)


def _judged(check: Check, subject: Subject, repository: Repository, selected: frozenset[str]) -> Judgement:
    """Run one check by hand, with the fixtures that a config check may ask for."""
    fixtures = {
        "newscreator_subject": subject,
        "newscreator_repository": repository,
        "newscreator_selected": selected,
    }
    item = item_name(check.name, subject)
    try:
        check.function(**{name: fixtures[name] for name in inspect.signature(check.function).parameters})
    except Broken as verdict:
        is_note = verdict.finding.severity == "note"
        return Judgement(item, "note" if is_note else verdict.status, verdict.finding)
    except NotVerified as missing:
        return Judgement(item, "not_verified", reason=missing.reason)
    return Judgement(item, "passed")


@pytest.fixture(scope="session")
def reference_copy(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the reference stack once, without what a working tree gathers."""
    root = tmp_path_factory.mktemp("reference") / "stack"
    root.mkdir()
    for part in PARTS:
        source = reference / part
        if source.is_dir():
            shutil.copytree(source, root / part, ignore=LEFT_OUT)
        else:
            shutil.copy(source, root / part)
    return root


@pytest.fixture
def stack(reference_copy: Path, tmp_path: Path) -> Stack:
    """Give a test a copy of its own."""
    root = tmp_path / "stack"
    shutil.copytree(reference_copy, root)
    return Stack(root)
