"""The release of Ollama that a service runs has no known vulnerability that a later one has closed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings, Judged
from pytest_newscreator.checks.hygiene.versions import FILE, OLLAMA_VERSION, Hole, holes

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

AI = "compose/ai.yaml"
DOCKERFILE = "news-creator/Dockerfile.backend"
FROM = "FROM ollama/ollama:0.24.0"
BUILD = "    build:\n      context: ../news-creator\n      dockerfile: Dockerfile.backend\n"


def judged(stack: Stack) -> Judged:
    """Return what is concluded of the backend."""
    return Findings((OLLAMA_VERSION,), stack.repository()).judged("ollama-version[backend]")


def found(stack: Stack) -> Finding:
    """Return what is found of the backend."""
    finding = judged(stack).finding
    assert finding is not None
    return finding


def test_the_reference_stack_runs_a_release_without_known_holes(stack: Stack) -> None:
    """And its release is known."""
    findings = Findings((OLLAMA_VERSION,), stack.repository())
    assert [(one.item, one.finding, one.unverified) for one in findings.all()] == [
        ("ollama-version[backend]", None, None)
    ]


def test_the_worst_hole_is_named_at_the_from(stack: Stack) -> None:
    """With its score, where it is closed, and the table's date."""
    stack.edit(DOCKERFILE, FROM, "FROM ollama/ollama:0.14.3")
    finding = found(stack)
    assert finding.place == stack.behind(DOCKERFILE, "FROM ")
    assert finding.message.startswith("Ollama 0.14.3 of backend has CVE-2026-7482 (")
    assert finding.message.endswith("; CVSS 9.1, fixed in 0.17.1) (known by 2026-08-20)")
    assert (finding.expected, finding.observed) == ("0.17.1 or later", "0.14.3")


def test_the_others_are_counted_and_listed(stack: Stack) -> None:
    """Each with the release that closed it."""
    stack.edit(DOCKERFILE, FROM, "FROM ollama/ollama:0.14.2")
    finding = found(stack)
    assert "fixed in 0.17.1) and 1 more (known by" in finding.message
    assert finding.chain == (
        "CVE-2025-51471 (the registry's token is sent to another domain; fixed in 0.14.3)",
    )  # fmt: skip


@pytest.mark.parametrize(("version", "more"), [("0.1.28", 7), ("0.1.34", 4), ("0.3.14", 2), ("v0.17.0", 0)])
def test_a_release_is_compared_by_its_numbers(stack: Stack, version: str, more: int) -> None:
    """0.1.34 is before 0.14.3, and has what 0.1.34 fixed."""
    stack.edit(DOCKERFILE, FROM, f"FROM ollama/ollama:{version}")
    assert found(stack).message.startswith(f"Ollama {version.removeprefix('v')} of backend has CVE-2026-7482")
    counted = re.search(r"and (\d+) more", found(stack).message)
    assert int(counted[1] if counted else 0) == more


@pytest.mark.parametrize("tag", ["0.17.1", "0.17.1-rocm", "0.30.0", "1.0.0"])
def test_a_release_with_all_fixes_is_silent(stack: Stack, tag: str) -> None:
    """The flavour behind the version changes nothing."""
    stack.edit(DOCKERFILE, FROM, f"FROM ollama/ollama:{tag}")
    assert judged(stack).finding is None


@pytest.mark.parametrize(
    ("image", "before"),
    [
        ("ollama/ollama:0.14.3", "    image: "),
        ("docker.io/ollama/ollama:0.14.3@sha256:00", "    image: "),
        ("ollama/ollama:${OLLAMA_TAG:-0.14.3}", "    image: "),
    ],
)
def test_an_image_that_is_pulled_is_told_at_its_reference(stack: Stack, image: str, before: str) -> None:
    """Whatever parts it is put together of."""
    stack.edit(AI, BUILD, f"    image: {image}\n")
    assert found(stack).place == stack.behind(AI, before)


def test_the_argument_that_names_the_version_stands_in_the_chain(stack: Stack) -> None:
    """By default, and where Compose gives it to the build."""
    stack.edit(DOCKERFILE, FROM, "ARG TAG=0.14.3\nFROM ollama/ollama:${TAG}")
    assert found(stack).place == stack.behind(DOCKERFILE, "FROM ")
    assert f"{DOCKERFILE}:1:9: build-arg TAG=0.14.3" in found(stack).chain
    stack.edit(AI, "      dockerfile: Dockerfile.backend\n", "      dockerfile: Dockerfile.backend\n      args:\n"
               "        TAG: 0.13.0\n")  # fmt: skip
    assert found(stack).observed == "0.13.0"
    place = stack.behind(AI, "        TAG: ")
    assert f"{place}: build-arg TAG=0.13.0 won" in found(stack).chain


def test_an_earlier_stage_is_told_at_its_own_from(stack: Stack) -> None:
    """The last FROM names no image there."""
    stack.edit(DOCKERFILE, FROM, "FROM ollama/ollama:0.14.3 AS serving\nFROM serving")
    assert str(found(stack).place) == f"{DOCKERFILE}:1:6"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("FROM ubuntu:24.04\nCOPY --from=ollama/ollama:0.14.3 /bin/ollama /bin/ollama", "2:1"),
        ("FROM ollama/ollama:0.14.3 AS o\nFROM ubuntu:24.04\nCOPY --from=o /bin/ollama /bin/", "1:6"),
    ],
)
def test_an_ollama_that_is_copied_out_of_another_image_counts(stack: Stack, text: str, place: str) -> None:
    """Its release is that of the image that it comes from."""
    stack.edit(DOCKERFILE, FROM, text)
    assert str(found(stack).place) == f"{DOCKERFILE}:{place}"


@pytest.mark.parametrize("image", ["ollama/ollama", "ollama/ollama:latest", "example.com/mine:1.2", "ubuntu:24.04"])
def test_an_unknown_release_is_not_verified(stack: Stack, image: str) -> None:
    """Anybody's tag may hold any Ollama."""
    stack.edit(DOCKERFILE, FROM, f"FROM {image}")
    one = judged(stack)
    assert one.finding is None
    assert one.unverified is not None
    assert one.unverified.reason == f"{DOCKERFILE}:1:6: {image} does not tell the version of its Ollama"


def test_the_worst_hole_has_the_highest_score() -> None:
    """Among those without one it is the hole that was open longest."""
    scored, late, early = Hole("a", "", "0.1.9", 9.1), Hole("b", "", "0.10.0", None), Hole("c", "", "0.9.0", None)
    assert sorted([scored, late, early], key=lambda hole: hole.rank) == [early, late, scored]


def test_the_table_holds_only_what_a_release_fixes() -> None:
    """With a date, and ids by which each can be looked up."""
    table = json.loads(FILE.read_text(encoding="utf-8"))
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", table["as_of"])
    assert len({entry["id"] for entry in table["entries"]}) == len(holes())
    for entry in table["entries"]:
        assert re.fullmatch(r"CVE-\d{4}-\d{4,}", entry["id"])
        assert re.fullmatch(r"GO-\d{4}-\d{4,}", entry["go"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry["fixed"])
        assert entry["what"]
        assert entry["source"]
