"""A waiver accepts one finding until a day, and is itself held to be alive and needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.config.conftest import Judgement, Stack

DRIFT = ("compose/ai.yaml", "${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}", "${OLLAMA_BASE_MODEL:-gemma3:4b}")


def waive(stack: Stack, check: str, where: str, until: str = "2999-12-31") -> None:
    """Add a waiver to the contract."""
    text = stack.text("newscreator.yaml")
    waiver = f"{{check: {check}, where: {where!r}, reason: decided in June, until: {until}}}"
    stack.write("newscreator.yaml", f"{text}waivers:\n  - {waiver}\n")


def of_status(stack: Stack, status: str) -> list[Judgement]:
    """Return the judgements of one status."""
    return [judgement for judgement in stack.judge() if judgement.status == status]


@pytest.mark.parametrize("where", ["compose/ai.yaml", "compose/*.yaml", "*OLLAMA_BASE_MODEL"])
def test_a_waived_finding_is_a_note_that_says_why(stack: Stack, where: str) -> None:
    """By its path, by a glob over paths, by the item's subject; what stepped back for it stays back."""
    stack.edit(*DRIFT)
    waive(stack, "default", where)
    assert stack.broken() == []
    (note,) = of_status(stack, "note")
    assert note.headline.endswith("(waived until 2999-12-31: decided in June)")


def test_a_waiver_of_another_check_accepts_nothing(stack: Stack) -> None:
    """The finding stays an error, and the waiver is one too."""
    stack.edit(*DRIFT)
    waive(stack, "modelfile", "compose/ai.yaml")
    assert [judgement.item for judgement in stack.broken()] == [
        "default[compose/ai.yaml OLLAMA_BASE_MODEL]",
        "waiver[modelfile compose/ai.yaml]",
    ]


def test_a_waiver_that_accepts_nothing_is_a_finding(stack: Stack) -> None:
    """It would hide the next drift at its place."""
    waive(stack, "default", "compose/ai.yaml")
    (finding,) = stack.broken()
    assert "accepts nothing" in finding.headline
    assert finding.headline.startswith("newscreator.yaml:")


def test_a_waiver_whose_day_has_passed_is_a_finding_and_accepts_nothing(stack: Stack) -> None:
    """What it accepted is an error again."""
    stack.edit(*DRIFT)
    waive(stack, "default", "compose/ai.yaml", until="2020-01-31")
    assert [judgement.item for judgement in stack.broken()] == [
        "default[compose/ai.yaml OLLAMA_BASE_MODEL]",
        "waiver[default compose/ai.yaml]",
    ]


def test_a_waiver_of_a_check_that_does_not_exist_names_the_one_that_was_meant(stack: Stack) -> None:
    """A misspelt name accepts nothing for ever."""
    waive(stack, "defualt", "compose/ai.yaml")
    (finding,) = stack.broken()
    assert "there is no check defualt: did you mean default?" in finding.headline


def test_a_waiver_of_a_check_that_needs_a_stack_is_not_called_unused(stack: Stack) -> None:
    """Only a run against the stack could tell."""
    waive(stack, "loaded", "gemma3-4b-60k")
    assert stack.broken() == []
