"""What the repository keeps of its files agrees with the places that readers give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.source.knobs import DEAD_SETTING
from pytest_newscreator.places import Place
from pytest_newscreator.resolve import repository as module
from pytest_newscreator.sources.tree import MOST_BYTES

if TYPE_CHECKING:
    from conftest import Stack

UNREAD = "is larger than 2 MB and not read, its defaults and literals are not known"


def large(text: str) -> str:
    """Return lines of text, with one in their midst, that are just too many to be read."""
    half = "# a line\n" * (MOST_BYTES // 18 + 1)
    return f"{half}{text}\n{half}"


def unverified(stack: Stack) -> list[str]:
    """Return why files are not verified."""
    judged = stack.judge(only=lambda item: item.startswith("default[") and item.endswith(" unread]"))
    return [one.reason for one in judged if one.status == "not_verified"]


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0c", "\r"])
def test_a_line_is_counted_as_places_count_it(stack: Stack, separator: str) -> None:
    """Only a line feed ends one; what Python's own splitting takes for an end is text."""
    stack.write("run.sh", f"# one{separator}still one\r\nX=2\n")
    assert stack.repository().line(Place("run.sh", 2, 1)) == "X=2"


def test_a_place_without_a_line_has_no_text(stack: Stack) -> None:
    """A whole file, a line behind its end, a file that is not there."""
    repository = stack.repository()
    places = [Place("compose/ai.yaml"), Place("compose/ai.yaml", 9999, 1), Place("nowhere", 1, 1)]
    assert [repository.line(place) for place in places] == ["", "", ""]


def test_a_text_is_read_once(stack: Stack) -> None:
    """All that is asked of one repository is answered from one reading of its files."""
    stack.write("tools/run.sh", "X=1\n")
    repository = stack.repository()
    first = repository.source("tools/run.sh")
    stack.write("tools/run.sh", "X=2\n")
    assert first is not None
    assert repository.source("tools/run.sh") is first
    assert [source for source in repository.sources if source.path == "tools/run.sh"] == [first]
    assert repository.line(Place("tools/run.sh", 1, 3)) == "X=1"


def test_a_changed_file_is_read_anew_by_the_next_repository(stack: Stack) -> None:
    """Nothing outlives the repository that read it."""
    stack.write("tools/run.sh", "X=${OLLAMA_BASE_MODEL:-one}\n")
    before = [site.value for site in stack.repository().reads["tools/run.sh"].sites]
    stack.write("tools/run.sh", "X=${OLLAMA_BASE_MODEL:-two}\n")
    repository = stack.repository()
    after = [site.value for site in repository.reads["tools/run.sh"].sites]
    assert "one" in before
    assert "two" in after
    assert repository.line(Place("tools/run.sh", 1, 1)).endswith("-two}")


def test_texts_are_kept_up_to_a_bound_and_read_again_beyond_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository of any size is read, and only so much of it is held."""
    monkeypatch.setattr(module, "MOST_KEPT", 0)
    stack.write("tools/run.sh", "X=1\n")
    repository = stack.repository()
    first, second = repository.source("tools/run.sh"), repository.source("tools/run.sh")
    assert first == second
    assert first is not second


def test_what_is_no_file_has_no_text(stack: Stack) -> None:
    """Neither a folder, nor what is missing, nor what lies outside."""
    repository = stack.repository()
    assert [repository.source(path) for path in ("compose", "missing.sh", "../outside.sh")] == [None] * 3


@pytest.mark.parametrize("path", ["tools/run.sh", "tools/run.py", "Dockerfile.tools", "web/src/app.ts", "conf.yaml"])
def test_a_file_too_large_to_be_read_is_not_verified_by_name(stack: Stack, path: str) -> None:
    """Silence would look like a pass; nothing of the repository is read less for it."""
    stack.write(path, large("nothing"))
    assert unverified(stack) == [f"{path}: {UNREAD}"]


@pytest.mark.parametrize("text", ["LLM_MODEL", "gemma3:4b", "Gemma3:4B-it-qat", "OLLAMA_BASE_MODEL"])
def test_large_data_is_told_where_it_names_what_the_contract_declares(stack: Stack, text: str) -> None:
    """Such a file may be settings after all."""
    stack.write("data/big.json", large(text))
    assert unverified(stack) == [f"data/big.json: {UNREAD}"]


@pytest.mark.parametrize("path", ["data/big.json", "data/dump.sql", "notes/big.ipynb", "data/big.csv", "docs/big.py"])
def test_large_data_that_names_nothing_of_the_contract_is_no_noise(stack: Stack, path: str) -> None:
    """Records are records, and what is never read is not missed."""
    stack.write(path, large("nothing"))
    assert unverified(stack) == []


def test_a_name_across_two_pieces_of_large_data_is_found(stack: Stack) -> None:
    """Large data is searched piece by piece, and the border between two hides nothing."""
    name = "OLLAMA_BASE_MODEL"
    stack.write("data/big.json", "#" * (2**20 - 5) + name + "#" * MOST_BYTES)
    assert unverified(stack) == [f"data/big.json: {UNREAD}"]


def test_large_data_that_is_excluded_is_not_told(stack: Stack) -> None:
    """The way out that the message names."""
    stack.write("legacy/run.sh", large("nothing"))
    stack.edit("newscreator.yaml", "sources: {exclude: [", 'sources: {exclude: ["legacy/**", ')
    assert unverified(stack) == []


def test_a_program_too_large_to_be_read_may_read_any_name(stack: Stack) -> None:
    """That nothing reads a name cannot be said of a container with a program that nobody has read."""
    stack.edit("newscreator.yaml", "LLM_REPEAT_PENALTY: 1.15}", "LLM_REPEAT_PENALTY: 1.15, LLM_UNHEARD: one}")
    item = "dead-setting[app LLM_UNHEARD]"
    before = Findings((DEAD_SETTING,), stack.repository()).judged(item)
    stack.write("news-creator/app/news_creator/large.py", large("nothing"))
    after = Findings((DEAD_SETTING,), stack.repository()).judged(item)
    assert before.finding is not None
    assert after.finding is None
