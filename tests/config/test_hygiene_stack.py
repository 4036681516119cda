"""What holds for the hygiene checks together: the reference stack is clean, and one place is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.hygiene import exposure, health, images, privilege, reservation, secrets

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.checks.registry import Check

AI = "compose/ai.yaml"
HYGIENE = (
    images.FLOATING_TAG,
    images.IMAGE_SKEW,
    exposure.EXPOSED_PORT,
    health.HEALTHCHECK,
    reservation.GPU_RESERVATION,
    reservation.LIMITS,
    privilege.PRIVILEGE,
    secrets.SECRET_IN_ENV,
)


def every(stack: Stack) -> Findings:
    """Return all findings, whether the hygiene checks are registered or not."""
    return Findings(tuple(dict.fromkeys((*CHECKS, *HYGIENE))), stack.repository())


def speaking(stack: Stack) -> list[str]:
    """Return the items of the hygiene checks that have a finding nobody says for them."""
    findings = every(stack)
    own = [one for one in findings.all() if one.finding and one.check in HYGIENE]
    return [one.item for one in own if findings.speaker(one, lambda _: True) is None]


@pytest.mark.parametrize("baseline", [True, False])
def test_the_reference_stack_has_no_finding_and_no_note(stack: Stack, *, baseline: bool) -> None:
    """It is held to the baseline, and nothing about it is left open."""
    if not baseline:
        stack.edit("newscreator.yaml", "security: baseline", "#")
    assert [(one.item, one.finding or one.unverified) for one in every(stack).all() if one.check in HYGIENE] == [
        (item, None) for item, (check, _) in every(stack).plan.items() if check in HYGIENE
    ]


def test_every_check_has_something_to_ask_of_the_reference_stack(stack: Stack) -> None:
    """Versions that may differ and names of secrets, of which it has none, aside."""
    asked = {check.name for check, _ in every(stack).plan.values() if check in HYGIENE}
    assert asked == {check.name for check in HYGIENE} - {"image-skew", "secret-in-env"}


def test_a_server_without_a_version_is_told_once(stack: Stack) -> None:
    """It floats, and therefore differs: the first says it."""
    stack.write("news-creator/Dockerfile.models", "FROM ollama/ollama\n")
    assert speaking(stack) == ["floating-tag[news-creator/Dockerfile.models ollama/ollama]"]


def test_what_a_service_lacks_is_a_finding_each(stack: Stack) -> None:
    """Several missing things have one place, and none of them hides another."""
    text = stack.text(AI)
    backend = text[: text.index("\n  news-creator:\n")]
    kept = backend[: backend.index("    # The ready file")]
    stack.write(AI, kept + text[len(backend) :])
    assert speaking(stack) == [
        "healthcheck[backend]",
        "gpu-reservation[backend]",
        "limits[backend memory]",
        "limits[backend pids]",
        "privilege[backend capabilities]",
        "privilege[backend no-new-privileges]",
        "privilege[backend read-only]",
    ]


@pytest.mark.parametrize("check", HYGIENE, ids=lambda check: check.name)
def test_every_check_says_what_it_holds_and_by_which_rule(check: Check) -> None:
    """Its documentation is its docstring; a GPU is no matter of a rule book."""
    assert check.level == "resolved"
    assert len(check.documentation.split()) > 30
    assert ("CIS Docker v1.6.0" in check.documentation or "OWASP" in check.documentation) is (
        check is not reservation.GPU_RESERVATION
    )
