"""What a container is given is what its program gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.source.startup import SHADOWED
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.checks.findings import Judged

AI = "compose/ai.yaml"
BACKEND = "news-creator/Dockerfile.backend"
SCRIPT = "news-creator/entrypoint-backend.sh"
CONTRACT = "newscreator.yaml"
TOP = "set -euo pipefail\n"
SERVICE = "    restart: unless-stopped\n    init: true\n    read_only: true\n    tmpfs:\n"


def judged(stack: Stack) -> dict[str, Judged]:
    """Return what the check concludes of each variable, whatever others say."""
    return {one.item: one for one in Findings((SHADOWED,), stack.repository()).all()}


def found(stack: Stack) -> list[tuple[str, Place | None, str]]:
    """Return each finding with its place and severity."""
    return [
        (one.item, one.finding.place, one.finding.severity) for one in judged(stack).values() if one.finding is not None
    ]


def script(stack: Stack, line: str) -> None:
    """Let the start script begin with a line."""
    stack.edit(SCRIPT, TOP, f"{TOP}{line}\n")


def test_the_reference_stack_overwrites_nothing(stack: Stack) -> None:
    """Its script has defaults only, so there is nothing to ask."""
    assert not judged(stack)


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("export OLLAMA_NUM_PARALLEL=4", "export OLLAMA_NUM_PARALLEL="),
        ('OLLAMA_NUM_PARALLEL="4"', 'OLLAMA_NUM_PARALLEL="'),
        ("set_up() { export OLLAMA_NUM_PARALLEL=4; }\nset_up", "export OLLAMA_NUM_PARALLEL="),
        ("N=4\nexport OLLAMA_NUM_PARALLEL=$N", "export OLLAMA_NUM_PARALLEL="),
    ],
)
def test_an_overwrite_is_found_at_its_value(stack: Stack, line: str, before: str) -> None:
    """Compose gives 1, and 4 is what the server gets."""
    script(stack, line)
    assert found(stack) == [("shadowed[backend OLLAMA_NUM_PARALLEL]", stack.behind(SCRIPT, before), "error")]
    (finding,) = [one.finding for one in judged(stack).values() if one.finding]
    message = "OLLAMA_NUM_PARALLEL becomes 4 here whatever it is given: backend is given 1 (invocation default)"
    assert finding.message == message


def test_a_variable_that_is_unset_is_found(stack: Stack) -> None:
    """The server falls back to a default of its own."""
    script(stack, "unset OLLAMA_KEEP_ALIVE")
    assert found(stack) == [("shadowed[backend OLLAMA_KEEP_ALIVE]", stack.behind(SCRIPT, f"{TOP}unset "), "error")]


def test_the_last_overwrite_is_what_counts(stack: Stack) -> None:
    """The first one is dead itself."""
    script(stack, "export OLLAMA_NUM_PARALLEL=4\nexport OLLAMA_NUM_PARALLEL=8")
    assert [place for _, place, _ in found(stack)] == [stack.behind(SCRIPT, "=4\nexport OLLAMA_NUM_PARALLEL=")]


@pytest.mark.parametrize(
    "line",
    [
        ': "${OLLAMA_NUM_PARALLEL:=4}"\nexport OLLAMA_NUM_PARALLEL',
        'export OLLAMA_NUM_PARALLEL="${OLLAMA_NUM_PARALLEL:-4}"',
        '[ -n "${OLLAMA_NUM_PARALLEL:-}" ] || export OLLAMA_NUM_PARALLEL=4',
        'if [ -z "${OLLAMA_NUM_PARALLEL:-}" ]; then OLLAMA_NUM_PARALLEL=4; fi',
        "unused() { export OLLAMA_NUM_PARALLEL=4; }",
        "( export OLLAMA_NUM_PARALLEL=4 )",
        "if [ -e /debug ]; then export OLLAMA_NUM_PARALLEL=4; fi",
        "# export OLLAMA_NUM_PARALLEL=4",
        "export SOMETHING_ELSE=4",
        'export PATH="/x:$PATH"',
    ],
)
def test_a_default_or_a_condition_is_silent(stack: Stack, line: str) -> None:
    """What is given wins, or nobody can say."""
    script(stack, line)
    assert not found(stack)


def test_an_overwrite_behind_the_server_is_silent(stack: Stack) -> None:
    """It has been started with what it was given."""
    stack.write(SCRIPT, "#!/bin/sh\nollama serve &\nexport OLLAMA_NUM_PARALLEL=4\nwait\n")
    assert not found(stack)


def test_an_overwrite_that_changes_nothing_today_is_a_note(stack: Stack) -> None:
    """No invocation gives another value."""
    script(stack, "export OLLAMA_KEEP_ALIVE=24h")
    assert [severity for _, _, severity in found(stack)] == ["note"]


def test_one_invocation_that_gives_another_value_makes_it_an_error(stack: Stack) -> None:
    """The rollback sets the base, and the script takes it back."""
    script(stack, "export OLLAMA_BASE_MODEL=gemma3:4b-it-qat")
    (finding,) = [one.finding for one in judged(stack).values() if one.finding]
    assert (finding.severity, finding.expected) == ("error", "gemma3:4b")
    assert finding.message.endswith("(invocation rollback)")


def test_a_sourced_file_overwrites_too(stack: Stack) -> None:
    """It runs in the same process; one that is called does not."""
    stack.write("news-creator/env.sh", "export OLLAMA_NUM_PARALLEL=4\n")
    copy = "COPY --chmod=0755 entrypoint-backend.sh"
    stack.edit(BACKEND, copy, f"COPY env.sh /opt/news-creator/\n{copy}")
    script(stack, ". /opt/news-creator/env.sh")
    assert found(stack) == [("shadowed[backend OLLAMA_NUM_PARALLEL]", Place("news-creator/env.sh", 1, 28), "error")]
    stack.edit(SCRIPT, ". /opt/news-creator/env.sh", "sh /opt/news-creator/env.sh")
    assert not found(stack)


@pytest.mark.parametrize(
    ("entry", "before"),
    [
        ("[env, OLLAMA_NUM_PARALLEL=4, ollama, serve]", "[env, OLLAMA_NUM_PARALLEL="),
        ("env OLLAMA_NUM_PARALLEL=4 ollama serve", "env OLLAMA_NUM_PARALLEL="),
        ("[tini, --, /usr/bin/env, -i, OLLAMA_NUM_PARALLEL=4, ollama, serve]", "-i, OLLAMA_NUM_PARALLEL="),
    ],
)
def test_a_word_of_the_command_line_overwrites(stack: Stack, entry: str, before: str) -> None:
    """`env X=4 program` gives the program its own X."""
    stack.edit(AI, SERVICE, f"    entrypoint: {entry}\n{SERVICE}")
    assert found(stack) == [("shadowed[backend OLLAMA_NUM_PARALLEL]", stack.behind(AI, before), "error")]


def test_a_text_in_the_command_overwrites(stack: Stack) -> None:
    """`sh -c` is a script like any other."""
    stack.edit(AI, SERVICE, f'    entrypoint: [sh, -c, "export OLLAMA_NUM_PARALLEL=4; exec ollama serve"]\n{SERVICE}')
    assert [(item, severity) for item, _, severity in found(stack)] == [
        ("shadowed[backend OLLAMA_NUM_PARALLEL]", "error")
    ]


def test_a_computed_overwrite_is_not_verified(stack: Stack) -> None:
    """Only running can tell what it comes to."""
    script(stack, "export OLLAMA_NUM_PARALLEL=$(nproc)")
    assert not found(stack)
    (one,) = judged(stack).values()
    assert one.unverified
    assert "is overwritten by a computed value" in one.unverified.reason


def test_what_only_the_script_gives_is_held_to_the_contract(stack: Stack) -> None:
    """Nobody else gives it, so there is nothing to overwrite; its value has to be right."""
    stack.edit(AI, "      OLLAMA_NUM_PARALLEL: ${OLLAMA_NUM_PARALLEL:-1}\n", "")
    script(stack, "export OLLAMA_NUM_PARALLEL=1")
    assert not found(stack)
    stack.edit(SCRIPT, "export OLLAMA_NUM_PARALLEL=1", "export OLLAMA_NUM_PARALLEL=2")
    assert [severity for _, _, severity in found(stack)] == ["error"]
