"""A Modelfile inside a script or a config is held to the variant that is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

SCRIPT = "news-creator/remake.sh"
CREATE = "ollama create gemma3-4b-16k -f /tmp/M\n"


def said(stack: Stack, body: str) -> list[str]:
    """Add a script that makes a variant of a here-document, and return what is said of it."""
    stack.write(SCRIPT, f"#!/bin/sh\ncat > /tmp/M <<EOF\n{body}EOF\n{CREATE}")
    return [
        one.headline for one in stack.broken() if one.finding and one.finding.place and one.finding.place.path == SCRIPT
    ]


def test_what_is_said_names_where_the_contract_has_it(stack: Stack) -> None:
    """The value wanted, the line that declares it, and what to write."""
    name = "news-creator/Modelfile.gemma3-4b-16k"
    stack.edit(name, "PARAMETER num_ctx 16384", "PARAMETER num_ctx 8192")
    (finding,) = [
        one.finding for one in stack.broken() if one.finding and one.item == "modelfile[gemma3-4b-16k num_ctx]"
    ]
    declared = stack.behind("newscreator.yaml", "    variants:\n      ")
    assert finding.chain == (f"{declared}: declares gemma3-4b-16k",)
    assert finding.fix == "write `PARAMETER num_ctx 16384`, or declare another value in newscreator.yaml"


def test_a_retired_base_names_the_one_that_came_after_it(stack: Stack) -> None:
    """Whoever keeps an old file needs to know what to write."""
    stack.write("news-creator/Modelfile.old", "FROM gemma3:4b\n")
    (finding,) = [one.finding for one in stack.broken() if one.finding]
    assert finding.message == "FROM names gemma3:4b, which is retired by the contract, the base is gemma3:4b-it-qat"
    assert finding.chain == (f"{stack.behind('newscreator.yaml', '    base: ')}: declares the base gemma3:4b-it-qat",)
    assert finding.fix == "write `FROM gemma3:4b-it-qat`, or remove the file"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("FROM gemma3:4b\n", "3:6: FROM is gemma3:4b, the contract says gemma3:4b-it-qat"),
        ("FROM llama3.2:1b\n", "3:6: FROM is llama3.2:1b, the contract says gemma3:4b-it-qat"),
        ("FROM gemma3:4b-it-qat\nPARAMETER num_ctx 8192\n", "4:19: num_ctx is 8192, the contract says 16384"),
        ("FROM ${B:-llama3.2:1b}\n", "3:11: FROM is llama3.2:1b, the contract says gemma3:4b-it-qat"),
    ],
)
def test_what_a_script_says_of_a_variant_is_held_to_the_contract(stack: Stack, body: str, expected: str) -> None:
    """At the value's own place, whatever the name is behind it: a literal or a variable's default."""
    assert said(stack, body) == [f"{SCRIPT}:{expected}"]


@pytest.mark.parametrize(
    "body",
    [
        "FROM gemma3:4b-it-qat\nPARAMETER num_ctx 16384\n",
        "FROM $BASE\nPARAMETER top_k 40\n",
        "FROM gemma3:4b-it-qat\n$(grep PARAMETER Modelfile.gemma3-4b-16k)\n",
    ],
    ids=["right", "a variable that nobody knows", "the rest from a file"],
)
def test_what_a_script_leaves_out_is_not_said_to_be_missing(stack: Stack, body: str) -> None:
    """It may be copied from the Modelfile, which has a check of its own."""
    assert said(stack, body) == []
