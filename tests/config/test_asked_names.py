"""A model that a health check or a start script asks for is made by somebody, or declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.source.variants import VARIANT_CHAIN

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
BACKEND = "news-creator/Dockerfile.backend"
SCRIPT = "news-creator/entrypoint-backend.sh"
V16, V60 = "gemma3-4b-16k", "gemma3-4b-60k"
GIVEN = "      OLLAMA_BASE_MODEL: ${OLLAMA_BASE_MODEL:-gemma3:4b-it-qat}\n"
SERVICE = "    restart: unless-stopped\n    init: true\n    read_only: true\n    tmpfs:\n"
ENTRY = 'ENTRYPOINT ["/opt/news-creator/entrypoint-backend.sh"]\nCMD []\n'


def test_a_name_that_the_health_check_asks_for_is_made(stack: Stack) -> None:
    """The word is in the Compose file, and the name that is meant is told."""
    before = 'ready\\" && ollama show '
    stack.edit(AI, f"{before}{V16}", f"{before}{V16}-x")
    assert stack.wrong(VARIANT_CHAIN) == [(f"variant-chain[asked {V16}-x]", stack.behind(AI, before))]
    assert stack.only(VARIANT_CHAIN)[1].message == f"{V16}-x is asked for and nothing makes it (invocation default)"


@pytest.mark.parametrize(
    ("line", "before"),
    [
        ("ollama show  gemma3-4b-61k >/dev/null\n", "ollama show  "),
        ("for v in ${WARM:-gemma3-4b-16k gemma3-4b-61k}; do ollama run $v; done\n", "WARM:-gemma3-4b-16k "),
        ('WARM="gemma3-4b-16k\n  gemma3-4b-61k"\nfor v in $WARM; do ollama run $v; done\n', "gemma3-4b-16k\n  "),
        ("ollama cp gemma3-4b-61k gemma3-4b-60k\n", "ollama cp "),
    ],
)
def test_a_name_that_the_start_asks_for_is_made(stack: Stack, line: str, before: str) -> None:
    """In a command, or in the list that a loop runs over; where it is made as well, nothing is wrong."""
    stack.edit(SCRIPT, "start_server\nhave_base\n", f"start_server\nhave_base\n{line}")
    assert stack.wrong(VARIANT_CHAIN) == [("variant-chain[asked gemma3-4b-61k]", stack.behind(SCRIPT, before))]
    stack.edit(SCRIPT, "start_server\nhave_base\n", "start_server\nhave_base\nollama pull gemma3-4b-61k\n")
    assert not stack.wrong(VARIANT_CHAIN)


def test_a_name_that_compose_gives_is_found_in_compose(stack: Stack) -> None:
    """The script asks for what it is given."""
    stack.edit(AI, GIVEN, f"{GIVEN}      NEWS_CREATOR_PRELOAD: {V16}-x\n")
    assert stack.wrong(VARIANT_CHAIN) == [(f"variant-chain[asked {V16}-x]", stack.behind(AI, "NEWS_CREATOR_PRELOAD: "))]


def test_a_health_check_of_the_image_is_read(stack: Stack) -> None:
    """Where Compose has none; one that is switched off asks for nothing."""
    text = stack.text(AI)
    begin, end = text.index("    healthcheck:\n"), text.index("    restart: unless-stopped\n")
    stack.write(AI, text[:begin] + text[end:])
    stack.edit(BACKEND, ENTRY, f"HEALTHCHECK CMD ollama show news-x\n{ENTRY}")
    assert stack.wrong(VARIANT_CHAIN) == [
        ("variant-chain[asked news-x]", stack.behind(BACKEND, "HEALTHCHECK CMD ollama show "))
    ]
    stack.edit(AI, SERVICE, f"    healthcheck: {{disable: true}}\n{SERVICE}")
    assert not stack.wrong(VARIANT_CHAIN)


@pytest.mark.parametrize(
    "line",
    [
        "ollama show old-one && ollama rm old-one\n",
        "ollama show gemma3:4b-it-qat\n",
        "ollama show gemma3:4b\n",
        "ollama pull old-one && ollama show old-one\n",
        "ollama cp gemma3:4b-it-qat old-one && ollama run old-one\n",
        "ollama run old-one:latest; ollama create old-one -f /m/x\n",
    ],
)
def test_what_is_made_declared_or_removed_may_be_asked_for(stack: Stack, line: str) -> None:
    """Also the rollback base: it is there after a rollback."""
    stack.edit(SCRIPT, "start_server\nhave_base\n", f"start_server\nhave_base\n{line}")
    assert not stack.wrong(VARIANT_CHAIN)
    assert not stack.unverified(VARIANT_CHAIN)


def test_a_script_of_the_host_may_ask_for_anything(stack: Stack) -> None:
    """No container starts it."""
    stack.write("news-creator/by-hand.sh", "#!/bin/sh\ndocker exec x ollama run news-x\n")
    assert not stack.wrong(VARIANT_CHAIN)
    assert len(stack.judged(VARIANT_CHAIN)) == len((V16, V60))


def test_a_name_that_is_pulled_by_hand_is_not_verified(stack: Stack) -> None:
    """Somebody runs that script, or nobody does."""
    stack.edit(SCRIPT, "start_server\nhave_base\n", "start_server\nhave_base\nollama show news-x\n")
    stack.write("news-creator/by-hand.sh", "#!/bin/sh\ndocker exec x ollama pull news-x\n")
    assert not stack.wrong(VARIANT_CHAIN)
    where = "news-creator/by-hand.sh:2:27 makes it, and no container starts that"
    assert list(stack.unverified(VARIANT_CHAIN).values()) == [f"who makes news-x is not known: {where}"]


def test_a_model_of_the_image_may_be_asked_for(stack: Stack) -> None:
    """The build has pulled it."""
    stack.edit(SCRIPT, "start_server\nhave_base\n", "start_server\nhave_base\nollama show news-x\n")
    stack.edit(BACKEND, "USER ollama\n", "RUN ollama serve & sleep 2; ollama pull news-x\nUSER ollama\n")
    assert not stack.wrong(VARIANT_CHAIN)
    assert not stack.unverified(VARIANT_CHAIN)


def test_a_container_that_calls_the_server_is_held_to_it(stack: Stack) -> None:
    """One that asks another server is not."""
    call = "entrypoint: [sh, -c, 'ollama run news-x']\n    environment: {OLLAMA_HOST: "
    init = f"  init:\n    image: ollama/ollama:0.24.0\n    {call}"
    stack.edit(AI, "services:\n", f"services:\n{init}'http://news-creator-backend:11434'}}\n")
    assert stack.wrong(VARIANT_CHAIN) == [("variant-chain[asked news-x]", stack.behind(AI, "'ollama run "))]
    stack.edit(AI, "'http://news-creator-backend:11434'", "'http://elsewhere:11434'")
    assert not stack.wrong(VARIANT_CHAIN)
