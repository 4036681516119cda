"""What an override takes away is missing where it was taken, not where it was written before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.resolved.values import RESOLVED

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CPU = "compose/cpu.yaml"
BACKEND = "services:\n  news-creator-backend:\n"


@pytest.mark.parametrize(
    ("text", "before", "tag"),
    [
        (f"{BACKEND}    environment:\n      OLLAMA_NUM_PARALLEL: !reset null\n", "PARALLEL: ", "!reset"),
        (f"{BACKEND}    environment: !reset {{}}\n", "environment: ", "!reset"),
        (f"{BACKEND}    environment: !override\n      OLLAMA_HOST: 0.0.0.0\n", "environment: ", "!override"),
    ],
)
def test_a_setting_is_missing_where_it_was_taken_away(stack: Stack, text: str, before: str, tag: str) -> None:
    """The service itself gives it, in a file that is right."""
    stack.write(CPU, text)
    finding = stack.found(RESOLVED)["resolved[cpu backend OLLAMA_NUM_PARALLEL]"]
    assert finding.place == stack.behind(CPU, before)
    says = "the contract says 1 (invocation cpu)"
    message = f"nothing gives OLLAMA_NUM_PARALLEL to backend, {says}, it is taken away by this `{tag}`"
    assert finding.message == message


def test_a_setting_that_another_file_gives_again_is_not_missing(stack: Stack) -> None:
    """`!override` with the same value takes nothing away."""
    stack.write(CPU, f"{BACKEND}    environment:\n      OLLAMA_NUM_PARALLEL: !override 1\n")
    assert stack.found(RESOLVED) == {}


def test_a_setting_that_nobody_gave_is_missing_at_the_service(stack: Stack) -> None:
    """A `!reset` of something else has nothing to do with it."""
    stack.edit(AI, "      OLLAMA_NUM_PARALLEL: ${OLLAMA_NUM_PARALLEL:-1}\n", "")
    stack.write(CPU, f"{BACKEND}    environment:\n      OLLAMA_HOST: !reset null\n")
    finding = stack.found(RESOLVED)["resolved[cpu backend OLLAMA_NUM_PARALLEL]"]
    assert finding.place == stack.behind(AI, "services:\n  ")
    assert "taken away" not in finding.message


def test_a_service_is_gone_where_it_was_taken_away(stack: Stack) -> None:
    """A note where another invocation starts it, and an error where none does; its address is not told again."""
    stack.write(CPU, "services:\n  news-creator-backend: !reset null\n  news-creator:\n    depends_on: !reset {}\n")
    finding = stack.found(RESOLVED)["resolved[cpu backend]"]
    assert (finding.place, finding.severity) == (stack.behind(CPU, "backend: "), "note")
    assert "it is taken away by this `!reset` (default and rollback start it)" in finding.message


def test_an_image_is_missing_where_it_was_taken_away(stack: Stack) -> None:
    """Compose would refuse the service; one that never had an image is blamed itself."""
    stack.write(CPU, "services:\n  side:\n    image: x:1\n")
    contract = "compose/cpu.yaml]"
    stack.write("compose/more.yaml", "services:\n  side:\n    image: !reset null\n")
    stack.edit("newscreator.yaml", contract, "compose/cpu.yaml, compose/more.yaml]")
    finding = stack.found(RESOLVED)["resolved[cpu]"]
    assert finding.place == stack.behind("compose/more.yaml", "image: ")
    assert finding.message.endswith("has neither image nor build, should have one: it is taken away by this `!reset`")
    stack.write("compose/more.yaml", "services:\n  side: {}\n")
    stack.write(CPU, "services:\n  side:\n    restart: always\n")
    finding = stack.found(RESOLVED)["resolved[cpu]"]
    assert finding.place == stack.behind(CPU, "services:\n  ")
    assert finding.message.endswith("should have one")
