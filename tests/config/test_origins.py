"""No web page of anybody may ask the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.hygiene.origins import ORIGINS

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

AI = "compose/ai.yaml"
START = "news-creator/entrypoint-backend.sh"
ALIVE = "      OLLAMA_KEEP_ALIVE: ${OLLAMA_KEEP_ALIVE:-24h}\n"
ITEM = "origins[backend]"


def found(stack: Stack) -> Finding | None:
    """Return what is found of the backend; without origins it is no subject."""
    findings = Findings((ORIGINS,), stack.repository())
    return findings.judged(ITEM).finding if ITEM in findings.plan else None


def test_the_reference_stack_has_no_subject(stack: Stack) -> None:
    """It gives no origins."""
    assert not Findings((ORIGINS,), stack.repository()).plan


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("'*'", "*"),
        ("http://*", "http://*"),
        ("https://chat.example.com,https://*", "https://*"),
        ('"http://a, *"', "*"),
        ("http*", "http*"),
        ("http://*:3000", "http://*:3000"),
        ("'*:8080'", "*:8080"),
    ],
)  # fmt: skip
def test_an_origin_that_is_everybody_is_an_error(stack: Stack, text: str, entry: str) -> None:
    """With or without the security baseline."""
    stack.edit("newscreator.yaml", "security: baseline", "# no baseline")
    stack.edit(AI, ALIVE, f"{ALIVE}      OLLAMA_ORIGINS: {text}\n")
    finding = found(stack)
    assert finding is not None
    assert finding.severity == "error"
    assert finding.message.startswith(f"OLLAMA_ORIGINS of backend has {entry}, which lets every web page ask")
    quoted = text.startswith(("'", '"'))
    place = stack.behind(AI, "      OLLAMA_ORIGINS: ")
    assert finding.place is not None
    assert (finding.place.line, finding.place.column - place.column) in {(place.line, 0), (place.line, int(quoted))}


@pytest.mark.parametrize(
    "text",
    [
        "https://chat.example.com",
        "https://*.example.com",
        "http://localhost:*",
        "chrome-extension://*,moz-extension://*",
        "app://*",
        "'*://localhost'",
        '""',
    ],
)
def test_an_origin_that_has_a_host_is_silent(stack: Stack, text: str) -> None:
    """A star for a part of one's own names is no foreign site."""
    stack.edit(AI, ALIVE, f"{ALIVE}      OLLAMA_ORIGINS: {text}\n")
    assert found(stack) is None


def test_a_default_is_told_at_its_literal(stack: Stack) -> None:
    """The place is that of the text, not of the entry around it."""
    stack.edit(AI, ALIVE, f"{ALIVE}      OLLAMA_ORIGINS: ${{ORIGINS:-*}}\n")
    finding = found(stack)
    assert finding is not None
    assert finding.place == stack.behind(AI, "${ORIGINS:-")


def test_one_invocation_that_opens_it_is_named(stack: Stack) -> None:
    """A `.env` of one host is enough."""
    stack.edit(AI, ALIVE, f"{ALIVE}      OLLAMA_ORIGINS: ${{ORIGINS:-https://chat.example.com}}\n")
    stack.write(".env", "ORIGINS=*\n")
    finding = found(stack)
    assert finding is not None
    assert str(finding.place) == ".env:1:9"
    assert finding.message.endswith("(invocation host)")


def test_a_start_script_may_open_it_too(stack: Stack) -> None:
    """What it exports is what the server gets."""
    stack.edit(START, "set -euo pipefail\n", "set -euo pipefail\nexport OLLAMA_ORIGINS='*'\n")
    finding = found(stack)
    assert finding is not None
    assert finding.place == stack.behind(START, "export OLLAMA_ORIGINS='")
