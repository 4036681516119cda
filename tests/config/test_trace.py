"""`newscreator trace` tells every place of a setting, and who wins under each way of starting the stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.report.trace import names, render, render_table, table, trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stack

typer_testing = pytest.importorskip("typer.testing", reason="the extra `cli` is not installed")


@pytest.fixture
def command(stack: Stack) -> Callable[..., tuple[int, str]]:
    """Run `newscreator trace` on the copy of the reference stack."""
    from pytest_newscreator.cli import app

    def run(*arguments: str) -> tuple[int, str]:
        result = typer_testing.CliRunner().invoke(app, ["trace", *arguments, "--contract", str(stack.root)])
        return result.exit_code, result.output if result.exception is None else str(result.exception)

    return run


def test_every_place_of_a_setting_is_told_with_its_value_and_what_the_contract_says(stack: Stack) -> None:
    """Template, Compose default and start script, in the order of their paths."""
    stack.edit(".env.example", "\nOLLAMA_BASE_MODEL=gemma3:4b-it-qat", "\nOLLAMA_BASE_MODEL=gemma3:4b")
    found = trace(stack.repository(), "OLLAMA_BASE_MODEL")
    assert [(str(said.place), said.value, said.word) for said in found.said] == [
        (str(stack.behind(".env.example", "\nOLLAMA_BASE_MODEL=")), "gemma3:4b", "wrong"),
        (str(stack.behind("compose/ai.yaml", "${OLLAMA_BASE_MODEL:-")), "gemma3:4b-it-qat", "right"),
        (
            str(stack.behind("news-creator/entrypoint-backend.sh", 'BASE_MODEL="${OLLAMA_BASE_MODEL:-')),
            "gemma3:4b-it-qat",
            "right",
        ),
    ]


def test_the_winner_of_each_invocation_is_told_with_its_chain(stack: Stack) -> None:
    """The rollback's shell beats the default, which is said to lose and why."""
    found = trace(stack.repository(), "OLLAMA_BASE_MODEL")
    assert {won.invocation: (won.service, won.text, won.word) for won in found.won} == {
        "default": ("backend", "gemma3:4b-it-qat", "right"),
        "cpu": ("backend", "gemma3:4b-it-qat", "right"),
        "rollback": ("backend", "gemma3:4b", "right"),
    }
    (rollback,) = [won for won in found.won if won.invocation == "rollback"]
    assert rollback.chain[-1].endswith("default OLLAMA_BASE_MODEL=gemma3:4b-it-qat lost (the shell sets it)")


def test_a_setting_nobody_gives_shows_the_programs_own_default(stack: Stack) -> None:
    """At the default's own place, marked as such."""
    stack.edit("compose/ai.yaml", "      LLM_TOP_K: ${LLM_TOP_K:-40}\n", "")
    (won, *_) = trace(stack.repository(), "LLM_TOP_K").won
    assert (won.own, won.text, won.word) == (True, "40", "right")
    assert won.place
    assert won.place.path == "news-creator/app/news_creator/config/config.py"


def test_a_service_that_shares_the_build_context_but_not_the_sources_is_not_named(stack: Stack) -> None:
    """The backend's image does not hold the application."""
    assert {won.service for won in trace(stack.repository(), "LLM_NUM_CTX").won} == {"app"}


def test_a_variable_that_a_value_is_handed_on_from_is_a_place_too(stack: Stack) -> None:
    """`LLM_NUM_CTX: ${SUMMARY_CTX:-8192}` is found under both names."""
    stack.edit("compose/ai.yaml", "${LLM_NUM_CTX:-16384}", "${SUMMARY_CTX:-8192}")
    for name in ("LLM_NUM_CTX", "SUMMARY_CTX"):
        places = {(said.name, said.value, said.word) for said in trace(stack.repository(), name).said}
        assert ("SUMMARY_CTX", "8192", "wrong") in places


def test_a_name_nobody_knows_is_an_error_with_the_one_that_was_meant(stack: Stack) -> None:
    """Silence would read like a setting without places."""
    with pytest.raises(NewscreatorError, match=r"speaks of OLLAMA_BASE_MODL, did you mean OLLAMA_BASE_MODEL\?"):
        trace(stack.repository(), "OLLAMA_BASE_MODL")


def test_an_invocation_that_does_not_resolve_is_named(stack: Stack) -> None:
    """`host` reads an `.env` that only the host has."""
    assert "\n  host: .env: " in render(trace(stack.repository(), "LLM_MODEL"))


def test_the_table_has_a_row_for_each_service_and_setting_and_a_column_for_each_invocation(stack: Stack) -> None:
    """A wrong value carries a mark, a rollback's right one none."""
    stack.edit("compose/ai.yaml", "${LLM_NUM_CTX:-16384}", "8192")
    lines = render_table(table(stack.repository())).splitlines()
    assert lines[0].split() == ["service", "setting", "contract", "default", "cpu", "rollback"]
    assert ["app", "LLM_NUM_CTX", "16384", "!8192", "!8192", "!8192"] in [line.split() for line in lines]
    base = ["backend", "OLLAMA_BASE_MODEL", "gemma3:4b-it-qat", "gemma3:4b-it-qat", "gemma3:4b-it-qat", "gemma3:4b"]
    assert base in [line.split() for line in lines]


def test_every_setting_of_the_stack_has_a_trace(stack: Stack) -> None:
    """What the contract declares and what Compose gives."""
    repository = stack.repository()
    assert set(repository.declared) < set(names(repository))
    assert "OLLAMA_KEEP_ALIVE" in names(repository)


def test_the_command_prints_what_the_functions_return(stack: Stack, command: Callable[..., tuple[int, str]]) -> None:
    """As text, as JSON, and as the table."""
    repository = stack.repository()
    assert command("LLM_MODEL") == (0, render(trace(repository, "LLM_MODEL")) + "\n")
    assert command("--all") == (0, render_table(table(repository)) + "\n")
    assert json.loads(command("LLM_MODEL", "--json")[1])["declared"][0]["allowed"] == ["gemma3:4b-it-qat"]
    assert len(json.loads(command("--all", "--json")[1])) == len(names(repository))


@pytest.mark.parametrize("arguments", [(), ("LLM_MODEL", "--all")])
def test_the_command_takes_one_setting_or_all(command: Callable[..., tuple[int, str]], arguments: tuple[str]) -> None:
    """Neither and both are one clear error."""
    assert "trace takes one setting, or --all" in command(*arguments)[1]
