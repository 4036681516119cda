"""What the tests of the checks share: a copy of the reference stack to edit, and its verdicts in this process."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import pytest

from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.checks.findings import Conclusions, Findings, Judged
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.waivers import waived, waiver_for
from pytest_newscreator.contract.load import load
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.sources.sites import Read, Reader, SourceFile
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

PARTS = ("newscreator.yaml", ".env.example", ".gitignore", "compose", "news-creator")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".env", "*.gguf", "tests", ".*_cache", ".hypothesis")


@cache
def remembering_readers() -> tuple[Reader, ...]:
    """Return the readers that ship, each text read once a session: a test edits one file of fifty.

    What a reader says of a text follows from that text alone; sessions of their own ask the bare ones.
    """
    return tuple(_remembering(reader) for reader in registry.readers())


def _remembering(reader: Reader) -> Reader:
    """Return a reader that knows what it said before."""
    read = lru_cache(maxsize=512)(reader.read)
    if reader.read_all is None:
        return replace(reader, read=read)
    read_all = lru_cache(maxsize=64)(reader.read_all)

    def read_together(sources: Sequence[SourceFile]) -> Mapping[str, Read]:
        return read_all(tuple(sources))

    return replace(reader, read=read, read_all=read_together)


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
        return Repository(load(self.root / "newscreator.yaml"), remembering_readers())

    def judge(self, *, only: Callable[[str], bool] = lambda _: True) -> list[Judgement]:
        """Run the config checks whose item names `only` accepts, in a session's order."""
        findings = Findings(CHECKS, self.repository())
        names = frozenset(item for item in findings.plan if only(item))
        plan = [(i, c, s) for i, (c, s) in findings.plan.items() if i in names and (s.marker or c.marker) == "config"]
        conclude = Conclusions(findings, names)
        return [_judged(item, check, subject, conclude) for item, check, subject in plan]

    def broken(self) -> list[Judgement]:
        """Return what failed, notes left out."""
        return [judgement for judgement in self.judge() if judgement.status == "failed"]

    def judged(self, *checks: Check) -> dict[str, Judged]:
        """Return what these checks conclude of each item, whatever others say of the same place."""
        return {one.item: one for one in Findings(checks, self.repository()).all()}

    def found(self, *checks: Check) -> dict[str, Finding]:
        """Return what these checks find, by item."""
        return {item: one.finding for item, one in self.judged(*checks).items() if one.finding}

    def wrong(self, *checks: Check) -> list[tuple[str, Place | None]]:
        """Return each item with a finding, and the finding's place."""
        return [(item, finding.place) for item, finding in self.found(*checks).items()]

    def only(self, *checks: Check) -> tuple[str, Finding]:
        """Return the one item that has a finding, and the finding; fail where there are more or none."""
        ((item, finding),) = self.found(*checks).items()
        assert finding.fix
        return item, finding

    def unverified(self, *checks: Check) -> dict[str, str]:
        """Return what these checks leave open, and why, by item."""
        return {item: one.unverified.reason for item, one in self.judged(*checks).items() if one.unverified}

    def git(self) -> None:
        """Make it a git repository, so that `.gitignore` counts."""
        subprocess.run(["git", "init", "--quiet"], cwd=self.root, check=True)


def _judged(item: str, check: Check, subject: Subject, conclude: Conclusions) -> Judgement:
    """Run one check by hand, with the fixtures that a config check may ask for."""
    try:
        check.function(newscreator_subject=subject, newscreator_conclude=conclude)
    except Broken as verdict:
        meant = waiver_for(conclude.findings.repository.contract, check.name, subject, verdict.finding)
        finding = waived(verdict.finding, meant) if meant else verdict.finding
        return Judgement(item, "note" if finding.severity == "note" else verdict.status, finding)
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
    # The record is documentation, which no test edits: its notes would stand among those that a test is about.
    contract = root / "newscreator.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(re.sub(r"(?m)^  record: .*\n|^waivers:.*\n(?:  - .*\n)+", "", text), encoding="utf-8")
    return root


@pytest.fixture
def stack(reference_copy: Path, tmp_path: Path) -> Stack:
    """Give a test a copy of its own."""
    root = tmp_path / "stack"
    shutil.copytree(reference_copy, root)
    return Stack(root)


@pytest.fixture(scope="session")
def stack_at() -> Callable[[Path], Stack]:
    """Give a function from a folder to the stack in it."""
    return Stack
