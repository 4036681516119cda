"""What is asked fits what is sent, and a caller waits as long as its callee may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_newscreator.checks.findings import Findings, Judged
from pytest_newscreator.checks.resolved.fit import FIT
from pytest_newscreator.places import Place

if TYPE_CHECKING:
    from conftest import Stack
    from pytest_newscreator.verdicts import Finding

AI = "compose/ai.yaml"
CONTRACT = "newscreator.yaml"
START = "fit[default backend start]"
WINDOW = "fit[default app num_ctx]"
ANSWER = "fit[default app num_predict]"


def found(judgement: Judged) -> Finding:
    """Return the finding that there must be."""
    assert judgement.finding is not None
    return judgement.finding


def with_num_predict(stack: Stack, value: str) -> None:
    """Let the reference service declare the longest answer too."""
    stack.edit(
        CONTRACT, "options: {num_ctx: LLM_NUM_CTX", "options: {num_predict: LLM_NUM_PREDICT, num_ctx: LLM_NUM_CTX"
    )
    stack.edit(CONTRACT, "LLM_NUM_CTX: 16384, ", f"LLM_NUM_CTX: 16384, LLM_NUM_PREDICT: {value}, ")
    stack.edit(AI, "${LLM_NUM_PREDICT:-512}", f"${{LLM_NUM_PREDICT:-{value}}}")


def test_the_reference_stack_fits(stack: Stack) -> None:
    """Its longest case of the 16K variant, and a backend that has ten minutes to come up."""
    said = stack.judged(FIT)
    assert {WINDOW, START} <= set(said)
    assert all(one.finding is None and one.unverified is None for one in said.values())


def test_a_window_that_is_too_short_for_a_declared_case_is_found(stack: Stack) -> None:
    """Ollama would cut the prompt in silence."""
    stack.edit(AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-8192}")
    finding = found(stack.judged(FIT)[WINDOW])
    assert finding.place == stack.behind(AI, "${LLM_NUM_CTX:-")
    assert finding.message == (
        "app sends num_ctx 8192 (LLM_NUM_CTX), latency case large needs 14000 + 256 tokens, should fit "
        "(invocation default)"
    )


def test_a_window_that_just_holds_the_longest_case_is_right(stack: Stack) -> None:
    """Prompt and answer, to the token; the case of the other variant goes elsewhere."""
    stack.edit(AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-14256}")
    assert stack.judged(FIT)[WINDOW].finding is None
    stack.edit(AI, "${LLM_NUM_CTX:-14256}", "${LLM_NUM_CTX:-14255}")
    assert stack.judged(FIT)[WINDOW].finding is not None


def test_a_window_that_is_no_number_is_not_verified(stack: Stack) -> None:
    """What the program makes of it is its own affair."""
    stack.edit(AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-auto}")
    judgement = stack.judged(FIT)[WINDOW]
    assert judgement.unverified is not None
    assert "LLM_NUM_CTX is auto, which is no number" in judgement.unverified.reason


def test_without_latency_cases_there_is_nothing_to_ask(stack: Stack) -> None:
    """No case, no window to hold it."""
    text = stack.text(CONTRACT)
    stack.write(CONTRACT, text[: text.index("latency:")] + text[text.index("security:") :])
    assert WINDOW not in stack.judged(FIT)


@pytest.mark.parametrize(("value", "is_wrong"), [("512", False), ("16383", False), ("-1", False), ("16384", True)])
def test_an_answer_leaves_room_for_its_prompt(stack: Stack, value: str, is_wrong: bool) -> None:
    """A negative num_predict sets no limit."""
    with_num_predict(stack, value)
    assert (stack.judged(FIT)[ANSWER].finding is not None) is is_wrong


def test_an_answer_as_long_as_the_window_is_found_at_its_value(stack: Stack) -> None:
    """The window is named with its place."""
    with_num_predict(stack, "20000")
    finding = found(stack.judged(FIT)[ANSWER])
    assert finding.place == stack.behind(AI, "${LLM_NUM_PREDICT:-")
    assert "app sends num_predict 20000 (LLM_NUM_PREDICT), num_ctx is 16384, should be below it" in finding.message
    assert finding.chain == (f"{stack.behind(AI, '${LLM_NUM_CTX:-')}: num_ctx 16384",)


def test_an_answer_is_held_to_the_variants_window_where_none_is_sent(stack: Stack) -> None:
    """Then the Modelfile's holds."""
    with_num_predict(stack, "20000")
    stack.edit(CONTRACT, "num_ctx: LLM_NUM_CTX, ", "")
    assert "num_ctx is 16384" in found(stack.judged(FIT)[ANSWER]).message


def test_a_health_check_that_gives_up_too_early_is_found_at_its_start_period(stack: Stack) -> None:
    """What waits for it is then never started."""
    stack.edit(AI, "start_period: 10m", "start_period: 1m30s")
    finding = found(stack.judged(FIT)[START])
    assert finding.place == stack.behind(AI, "timeout: 10s\n      retries: 3\n      start_period: ")
    assert finding.message == (
        "backend is called unhealthy after 90 + 3 x 5 s, the contract lets it take 600 s: news-creator would not be "
        "started (invocation default)"
    )


def test_a_health_check_without_a_start_period_lacks_it(stack: Stack) -> None:
    """Docker then takes none; the place is the health check."""
    stack.edit(AI, "      start_period: 10m\n", "")
    finding = found(stack.judged(FIT)[START])
    assert finding.lacks == "start_period"
    assert finding.place is not None
    assert finding.place.line == stack.behind(AI, '      test: ["CMD-SHELL"').line


PATIENT = {
    "retries": ("retries: 3\n      start_period: 10m", "retries: 120\n      start_period: 0s"),
    "interval": ("interval: 5s\n      timeout: 10s", "interval: 4m\n      timeout: 10s"),
    "nobody waits": ("condition: service_healthy", "condition: service_started"),
    "who waits may go without": ("condition: service_healthy", "condition: service_healthy\n        required: false"),
}


@pytest.mark.parametrize(("old", "new"), PATIENT.values(), ids=PATIENT)
def test_patience_may_come_from_anywhere(stack: Stack, old: str, new: str) -> None:
    """Retries and interval count as the start period does, and only where somebody waits."""
    stack.edit(AI, old, new)
    if "start_period" not in new:
        stack.edit(AI, "start_period: 10m", "start_period: 10s")
    judgement = stack.judged(FIT).get(START)
    assert judgement is None or judgement.finding is None


def test_a_time_that_the_contract_does_not_state_is_held_against_nobody(stack: Stack) -> None:
    """Two minutes are a default for the start of a test stack; the same two minutes, stated, are a promise."""
    stack.edit(AI, "start_period: 10m", "start_period: 10s")
    stack.edit(CONTRACT, ", ready_within: 10 min", "")
    assert START not in stack.judged(FIT)
    stack.edit(CONTRACT, "port: 11434, gpu: rtx", "port: 11434, gpu: rtx, ready_within: 2 min")
    assert "the contract lets it take 120 s" in found(stack.judged(FIT)[START]).message


def test_the_images_own_health_check_fills_what_compose_leaves_out(stack: Stack) -> None:
    """Docker takes a part that Compose does not give from the image."""
    stack.edit(AI, "      start_period: 10m\n", "")
    dockerfile = "news-creator/Dockerfile.backend"
    stack.write(dockerfile, stack.text(dockerfile) + "HEALTHCHECK --start-period=11m CMD ollama list\n")
    assert stack.judged(FIT)[START].finding is None


def test_one_short_window_is_told_by_the_more_specific_check(stack: Stack) -> None:
    """A default that drifts is the default's; this check speaks where no other does."""
    from pytest_newscreator.checks.builtin import CHECKS

    stack.edit(AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-8192}")
    findings = Findings((*(check for check in CHECKS if check.name != "fit"), FIT), stack.repository())
    assert findings.speaker(findings.judged(WINDOW), lambda _: True) == "default[compose/ai.yaml LLM_NUM_CTX]"
    assert isinstance(found(findings.judged(WINDOW)).place, Place)


@pytest.mark.parametrize("off", ["disable: true", "test: NONE"])
def test_a_health_check_that_is_switched_off_is_not_this_checks_affair(stack: Stack, off: str) -> None:
    """Nobody is called unhealthy by it."""
    text = stack.text(AI)
    start = text.index('      test: ["CMD-SHELL"')
    stack.write(AI, text[:start] + f"      {off}\n" + text[text.index("\n", start) + 1 :].replace("10m", "10s"))
    assert START not in stack.judged(FIT)
