"""What may be in a card's memory fits it and its budget, under each way of starting the stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.checks.resolved.residents import Resident
from pytest_newscreator.checks.resolved.vram import SERVED_VRAM_FORECAST, VRAM_FORECAST, Needed, judged, needed_by
from pytest_newscreator.checks.unchecked import unchecked
from pytest_newscreator.contract.load import load
from pytest_newscreator.measure.vram.shapes import known
from pytest_newscreator.report import forecast as report
from pytest_newscreator.verdicts import NotVerified

if TYPE_CHECKING:
    from conftest import Stack

AI = "compose/ai.yaml"
CONTRACT = "newscreator.yaml"
DOCKERFILE = "news-creator/Dockerfile.backend"
LONG, SHORT = "vram-forecast[default rtx gemma3-4b-60k]", "vram-forecast[default rtx gemma3-4b-16k]"
CARD = "rtx: {memory: 8188 MiB, vram_budget: 7000 MiB, temperature_max: 85}"
TWO = ("${OLLAMA_NUM_PARALLEL:-1}", "${OLLAMA_NUM_PARALLEL:-2}")


def reasons(stack: Stack) -> dict[str, str]:
    """Return what is left open, and why."""
    return stack.unverified(VRAM_FORECAST)


def test_the_reference_stack_fits_with_the_forecast_as_its_detail(stack: Stack) -> None:
    """Every invocation that gives the server a card: `cpu` does not, and `host` has no `.env` here."""
    plan = Findings((VRAM_FORECAST,), stack.repository()).plan
    assert {item.split("[")[1].split()[0] for item in plan} == {"default", "rollback"}
    assert stack.found(VRAM_FORECAST) == {}
    assert reasons(stack) == {}
    assert plan[LONG][1].detail == (
        "gemma3-4b-60k at num_ctx 61440 x 1: weights 3804 + KV cache 1432 + graph 457 = 5693 MiB, about 6467 MiB in "
        "use, 35/35 layers on the card"
    )


def test_a_rollback_is_forecast_with_the_base_that_it_brings_back(stack: Stack) -> None:
    """The standard base takes 635 MiB less."""
    plan = Findings((VRAM_FORECAST,), stack.repository()).plan
    assert "weights 3170" in plan["vram-forecast[rollback rtx gemma3-4b-60k]"][1].detail


def test_two_slots_at_60k_fall_off_the_card_and_the_cliff_is_named(stack: Stack) -> None:
    """At the value that is to blame, with what would do instead."""
    stack.edit(AI, *TWO)
    finding = stack.found(VRAM_FORECAST)[LONG]
    assert finding.place == stack.behind(AI, "${OLLAMA_NUM_PARALLEL:-")
    assert finding.message == (
        "gemma3-4b-60k at num_ctx 61440 x 2 needs 7403 MiB of rtx, Ollama may fill 7223: the output layer (2082 MiB) "
        "would be on the CPU, 34 of 35 layers on the card (invocation default)"
    )
    assert finding.fix == "OLLAMA_NUM_PARALLEL=1 or num_ctx 30720 would do"
    assert SHORT not in stack.found(VRAM_FORECAST)


def test_two_slots_that_drifted_are_told_once_by_the_default(stack: Stack) -> None:
    """The contract says one: that finding explains this one."""
    from pytest_newscreator.checks.builtin import CHECKS

    stack.edit(AI, *TWO)
    findings = Findings(CHECKS, stack.repository())
    speaker = findings.speaker(findings.judged(LONG), lambda _: True)
    assert speaker == f"default[{AI} OLLAMA_NUM_PARALLEL]"


def test_two_slots_that_the_contract_wants_are_told_by_the_forecast(stack: Stack) -> None:
    """Then nobody else speaks of them."""
    from pytest_newscreator.checks.builtin import CHECKS

    stack.edit(AI, *TWO)
    stack.edit(CONTRACT, "OLLAMA_NUM_PARALLEL: 1", "OLLAMA_NUM_PARALLEL: 2")
    findings = Findings(CHECKS, stack.repository())
    assert findings.speaker(findings.judged(LONG), lambda _: True) is None
    assert findings.judged(LONG).finding is not None


def test_a_window_that_alone_is_too_long_is_told_where_it_is_declared(stack: Stack) -> None:
    """No number of slots would mend it."""
    stack.edit(CONTRACT, "num_ctx: 61440}", "num_ctx: 131072}")
    finding = stack.found(VRAM_FORECAST)[LONG]
    assert finding.place == load(stack.root / CONTRACT).models["news"].variants["gemma3-4b-60k"].place
    assert "34 of 35 layers" in finding.message


@pytest.mark.parametrize(
    ("budget", "says"), [(6600, "pass"), (6500, "open"), (6400, "open"), (6367, "open"), (6366, "wrong")]
)
def test_a_budget_is_held_to_the_forecast_less_its_error(stack: Stack, budget: int, says: str) -> None:
    """6467 MiB; within 100 of it the forecast does not decide."""
    stack.edit(CONTRACT, "7000 MiB", f"{budget} MiB")
    judgement = stack.judged(VRAM_FORECAST)[LONG]
    assert (judgement.finding is not None, judgement.unverified is not None) == (says == "wrong", says == "open")
    if judgement.finding is not None:
        assert f"is forecast at 6467 MiB in use on rtx, the budget is {budget} MiB" in judgement.finding.message


@pytest.mark.parametrize(("memory", "says"), [(6716, "pass"), (6715, "open"), (6600, "open"), (6599, "wrong")])
def test_a_card_is_held_to_the_forecast_less_its_error(stack: Stack, memory: int, says: str) -> None:
    """5693 MiB, the 965 that Ollama may not fill, and 58 of error on either side."""
    stack.edit(CONTRACT, CARD, f"rtx: {{memory: {memory} MiB}}")
    judgement = stack.judged(VRAM_FORECAST)[LONG]
    assert (judgement.finding is not None, judgement.unverified is not None) == (says == "wrong", says == "open")


def test_memory_that_is_kept_from_ollama_counts(stack: Stack) -> None:
    """OLLAMA_GPU_OVERHEAD is in bytes."""
    stack.edit(AI, "      OLLAMA_KEEP_ALIVE", f"      OLLAMA_GPU_OVERHEAD: {2 * 2**30}\n      OLLAMA_KEEP_ALIVE")
    assert "Ollama may fill 5175" in stack.found(VRAM_FORECAST)[LONG].message


def test_what_an_application_sends_counts_where_it_is_more(stack: Stack) -> None:
    """Ollama starts the runner with what the request says."""
    stack.edit(AI, "${LLM_NUM_CTX:-16384}", "${LLM_NUM_CTX:-131072}")
    assert "gemma3-4b-16k at num_ctx 131072 x 1" in stack.found(VRAM_FORECAST)[SHORT].message


OPEN = {
    "a floating image": (DOCKERFILE, "FROM ollama/ollama:0.24.0", "FROM ollama/ollama:latest", None),
    "llama-server": (DOCKERFILE, "FROM ollama/ollama:0.24.0", "FROM ollama/ollama:0.30.0", "llama-server"),
    "no flash attention": (AI, "${OLLAMA_FLASH_ATTENTION:-1}", "${OLLAMA_FLASH_ATTENTION:-0}", "lower bound"),
    "layers by hand": (CONTRACT, "num_batch: 1024}", "num_batch: 1024, num_gpu: 20}", "num_gpu"),
    "no figure": (CONTRACT, CARD, "rtx: {temperature_max: 85}", "neither memory nor vram_budget"),
}


@pytest.mark.parametrize(("path", "old", "new", "why"), OPEN.values(), ids=OPEN)
def test_what_cannot_be_forecast_is_not_verified(stack: Stack, path: str, old: str, new: str, why: str | None) -> None:
    """Never a pass; what a running server would tell is asked of it."""
    stack.edit(path, old, new)
    if why is None:
        plan = Findings((VRAM_FORECAST, SERVED_VRAM_FORECAST), stack.repository()).plan
        assert {subject.marker for _, subject in plan.values()} == {"infra"}
        return
    assert why in reasons(stack)[SHORT]
    assert SHORT not in stack.found(VRAM_FORECAST)


def test_a_lower_bound_that_is_too_much_is_found_without_advice_that_is_not_known_to_do(stack: Stack) -> None:
    """Attention scores of 60K take 3 GiB."""
    stack.edit(AI, "${OLLAMA_FLASH_ATTENTION:-1}", "${OLLAMA_FLASH_ATTENTION:-0}")
    finding = stack.found(VRAM_FORECAST)[LONG]
    assert "would be on the CPU" in finding.message
    assert finding.fix == "see what would fit: newscreator forecast"


def another_base(stack: Stack, base: str) -> None:
    """Let the same Ollama serve a second model, and keep three of them."""
    stack.edit(CONTRACT, "services:\n", f"  other: {{service: backend, base: {base}}}\nservices:\n")
    stack.edit(AI, "${OLLAMA_MAX_LOADED_MODELS:-1}", "${OLLAMA_MAX_LOADED_MODELS:-0}")


TOGETHER = "vram-forecast[default rtx together]"


def test_two_bases_that_may_be_loaded_at_once_have_to_fit_together(stack: Stack) -> None:
    """Each alone does; OLLAMA_MAX_LOADED_MODELS 0 is three. Variants of one base share a runner."""
    another_base(stack, "gemma3:4b")
    stack.edit(CONTRACT, "base: gemma3:4b}\nservices", "base: gemma3:4b, parameters: {num_ctx: 4096}}\nservices")
    finding = stack.found(VRAM_FORECAST)[TOGETHER]
    assert "gemma3-4b-60k at num_ctx 61440 x 1 and gemma3:4b at num_ctx 4096 x 1 may be loaded at once" in (
        finding.message
    )
    assert "one would be unloaded for the other" in finding.message
    stack.edit(AI, "${OLLAMA_MAX_LOADED_MODELS:-0}", "${OLLAMA_MAX_LOADED_MODELS:-1}")
    assert stack.judged(VRAM_FORECAST)[TOGETHER].finding is None


def test_a_base_of_unknown_shapes_is_left_to_its_server(stack: Stack) -> None:
    """No file tells them, so the item is one of a running stack."""
    another_base(stack, "qwen2.5:7b")
    plan = Findings((VRAM_FORECAST, SERVED_VRAM_FORECAST), stack.repository()).plan
    asked = {item for item, (check, _) in plan.items() if check is SERVED_VRAM_FORECAST}
    assert "vram-forecast[default rtx qwen2.5:7b]" in asked
    assert TOGETHER in asked
    assert LONG not in asked


def test_a_server_that_tells_shapes_and_release_is_judged_by_the_same_rules(stack: Stack) -> None:
    """The verdict needs no file of the shapes."""
    stack.edit(AI, *TWO)
    _, subject = Findings((VRAM_FORECAST,), stack.repository()).plan[LONG]
    shapes = known("gemma3:4b")
    assert shapes is not None

    def find(one: Resident) -> Needed:
        return needed_by(one, shapes, "0.14.3")

    finding = judged(subject.data, find)
    assert finding is not None
    assert "is forecast at 7542 MiB in use on rtx, the budget is 7000 MiB" in finding.message


def test_a_server_whose_variables_no_file_tells_is_not_verified(stack: Stack) -> None:
    """One that is known by its address alone may have any number of slots."""
    stack.edit(CONTRACT, "compose: news-creator-backend, port: 11434,", "url: 'http://127.0.0.1:11434',")
    plan = Findings((SERVED_VRAM_FORECAST,), stack.repository()).plan
    shapes = known("gemma3:4b")
    assert shapes is not None
    with pytest.raises(NotVerified, match="no file here tells the variables of backend"):
        judged(plan["vram-forecast[rtx gemma3-4b-60k]"][1].data, lambda one: needed_by(one, shapes, "0.14.3"))


def test_what_the_forecast_holds_is_no_longer_listed_as_unchecked(stack: Stack) -> None:
    """The memory of a card with an Ollama is; its temperature and what is measured are not."""
    listed = unchecked(stack.repository().contract)
    assert "gpus.rtx" not in listed
    assert {"gpus.rtx.vram_budget, measured", "gpus.rtx.temperature_max"} <= set(listed)


def cells(stack: Stack) -> dict[tuple[int, int, str], Any]:
    """Return the surface that the command prints as JSON."""
    (table,) = json.loads(report.as_json(report.tables(load(stack.root / CONTRACT), None, None, None)))
    return {(cell["num_ctx"], cell["num_parallel"], cell["kv_type"]): cell for cell in table["cells"]}


def test_the_surface_marks_what_fits_and_where_the_cliff_is(stack: Stack) -> None:
    """The contract's own windows stand in it, at the contract's num_batch."""
    found = cells(stack)
    assert found[16384, 1, "f16"]["says"] == found[61440, 1, "f16"]["says"] == "fits"
    assert (found[61440, 2, "f16"]["says"], found[61440, 2, "f16"]["on_card"]) == ("cliff", 34)
    assert found[61440, 2, "q8_0"]["says"] == "over budget"
    assert found[16384, 4, "f16"]["says"] == "too close to tell"


def test_the_surface_is_readable(stack: Stack) -> None:
    """A row a window, a column a number of slots."""
    text = report.render(report.tables(load(stack.root / CONTRACT), None, None, None))
    row = next(line for line in text.splitlines() if line.startswith("61440"))
    assert row.split() == ["61440", "6467", "34/35", "8177", "*", "26/35", "11537", "*"]
    assert "rtx 8188 MiB, budget 7000 MiB" in text


def printed(stack: Stack, *arguments: str) -> tuple[int, str]:
    """Return the exit code of the command and what it prints; an error of ours is what it says."""
    from pytest_newscreator.cli import app

    result = (
        pytest.importorskip("typer.testing")
        .CliRunner()
        .invoke(app, ["forecast", *arguments, "--contract", str(stack.root)])
    )
    return result.exit_code, result.output or str(result.exception)


def test_the_command_prints_the_surface_of_the_contracts_models(stack: Stack) -> None:
    """A base, a variant and a model's key name one table; another base of the table is held to the only card."""
    code, text = printed(stack)
    assert (code, text.splitlines()[0]) == (
        0,
        "gemma3:4b-it-qat, num_batch 1024, flash attention, rtx 8188 MiB, budget 7000 MiB",
    )
    assert printed(stack, "gemma3-4b-60k") == printed(stack, "news") == (code, text)
    assert printed(stack, "gemma3:4b")[1].startswith("gemma3:4b, num_batch 512, flash attention, rtx 8188 MiB")


def test_the_command_reads_a_file_and_says_stand_in(stack: Stack) -> None:
    """Of other sizes than the 4B model's only the cache is known."""
    pytest.importorskip("gguf")
    from pytest_newscreator.standin import tiny

    file = stack.root / "tiny.gguf"
    tiny.write_for(file, "gemma3:4b")
    code, text = printed(stack, "news", "--gguf", str(file))
    assert code == 0
    assert "gemma3:4b-it-qat (stand-in: tiny)" in text
    assert "KV " in next(line for line in text.splitlines() if line.startswith("16384"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("llama3.2:3b",), "the shapes of llama3.2:3b are not known here"),
        (("--gguf", "nowhere.gguf"), "nowhere.gguf cannot be read as a GGUF"),
        (("--gguf", "a", "--url", "http://b"), "two sources of shapes"),
        (("news", "--url", "http://127.0.0.1:9"), "/api/show answered"),
    ],
    ids=["unknown", "no file", "both", "no server"],
)
def test_the_command_refuses_what_it_cannot_forecast(stack: Stack, arguments: tuple[str, ...], says: str) -> None:
    """One message, never a table of guesses."""
    code, text = printed(stack, *arguments)
    assert code != 0
    assert says in text
