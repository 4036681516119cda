"""Foreign repositories, messy as real ones are: what must be found in each, at its place, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Judgement, Stack

CORPUS = Path(__file__).parent.parent / "corpus"
NAMES = sorted(path.parent.name for path in CORPUS.glob("*/expected.yaml"))


@cache
def expected(name: str) -> dict[str, Any]:
    """Return what the owner of a repository would expect to be told."""
    found: dict[str, Any] = yaml.safe_load((CORPUS / name / "expected.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def judged(
    tmp_path_factory: pytest.TempPathFactory, stack_at: Callable[[Path], Stack]
) -> Callable[[str], list[Judgement]]:
    """Give what is said of a repository, judged once, in a copy of its own."""
    folder = tmp_path_factory.mktemp("corpus")

    @cache
    def judge(name: str) -> list[Judgement]:
        root = folder / name
        shutil.copytree(CORPUS / name, root, ignore=shutil.ignore_patterns("expected.yaml"))
        if expected(name).get("git", True):
            subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
        return stack_at(root).judge()

    return judge


def said(judgements: list[Judgement]) -> Iterator[str]:
    """Yield each finding as `check path:line:column severity`."""
    for judgement in judgements:
        if judgement.finding is not None:
            check, severity = judgement.item.partition("[")[0], judgement.finding.severity
            yield f"{check} {judgement.finding.place} {severity}"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_is_found_at_its_place_and_nothing_else_is(
    name: str, judged: Callable[[str], list[Judgement]]
) -> None:
    """Each planted drift is one finding, and there is no other: no error, no note."""
    wanted = [f"{one['check']} {one['at']} {one.get('severity', 'error')}" for one in expected(name)["findings"]]
    assert sorted(said(judged(name))) == sorted(wanted)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_said_in_the_words_that_help(name: str, judged: Callable[[str], list[Judgement]]) -> None:
    """Where a repository expects certain words, the message at that place has them."""
    messages = {str(one.finding.place): one.finding.message for one in judged(name) if one.finding}
    for one in expected(name)["findings"]:
        assert one.get("says", "") in messages.get(one["at"], "")


@pytest.mark.parametrize("name", NAMES)
def test_what_only_looks_like_a_finding_stays_silent(name: str, judged: Callable[[str], list[Judgement]]) -> None:
    """Comments, tests, documents, other people's services, longer names: each with the reason it is none."""
    for silent in expected(name).get("silent", ()):
        path, _, line = silent["at"].partition(":")
        assert (CORPUS / name / path).exists(), f"{path} is not in {name}"
        places = [one.finding.place for one in judged(name) if one.finding and one.finding.place]
        assert not [p for p in places if p.path == path and line in ("", str(p.line))], silent["why"]


@pytest.mark.parametrize("name", NAMES)
def test_what_files_cannot_tell_is_not_verified_by_name(name: str, judged: Callable[[str], list[Judgement]]) -> None:
    """An item that only a host or a run can decide is neither passed nor failed."""
    for pattern in expected(name).get("not_verified", ()):
        items = [one for one in judged(name) if fnmatchcase(one.item, pattern.replace("[", "[[]"))]
        assert items
        assert {one.status for one in items} == {"not_verified"}


def test_there_are_enough_repositories() -> None:
    """A dozen at least, each with findings and with places that must stay silent."""
    assert len(NAMES) >= 12
    for name in NAMES:
        assert expected(name)["findings"]
        assert expected(name).get("silent")
