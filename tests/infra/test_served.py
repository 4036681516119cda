"""What the level `served` says of real servers, sound and broken: a stack of processes with stand-in models."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.checks.registry import Subject
from pytest_newscreator.checks.served import health, runners
from pytest_newscreator.contract.load import load
from pytest_newscreator.observe.ollama import Ollama
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.stack import probe
from pytest_newscreator.stack.base_files import standin_files
from pytest_newscreator.stack.model import Request, Stack
from pytest_newscreator.stack.process import ProcessBackend
from pytest_newscreator.stack.run import Run, new_id
from pytest_newscreator.standin.tiny import write_tiny

pytestmark = pytest.mark.usefixtures("by_process")

OWN = ("-m", "infra", "--newscreator-stack", "process", "--newscreator-standin")
REQUEST = "request: {path: /api/v1/summarize, body: {article_id: probe, content: 新しい図書館が開館した。}}"
V16, V60, BASE = "gemma3-4b-16k", "gemma3-4b-60k", "gemma3:4b-it-qat"
ALL_SERVED = "models or loaded or generates or app-options or health-is-true or rollback"


@pytest.fixture
def asking(stack_copy: Any) -> Any:
    """A copy whose contract says how to make the application ask, and declares prompts that a stand-in can read."""
    if "request:" not in (stack_copy.folder / "newscreator.yaml").read_text():
        stack_copy.edit("newscreator.yaml", "health: /health,", f"health: /health, {REQUEST},")
    stack_copy.edit("newscreator.yaml", "prompt_tokens: 14000}", "prompt_tokens: 1500}")
    stack_copy.edit("newscreator.yaml", "prompt_tokens: 4700}", "prompt_tokens: 1200}")
    stack_copy.edit("newscreator.yaml", "prompt_tokens: 50000, targets: none}", "prompt_tokens: 1600, targets: none}")
    return stack_copy


@pytest.fixture
def held(stack_copy: Any, tmp_path: Path) -> Iterator[Stack]:
    """A running stack of this test's own; the runs of the copy find it at its address."""
    repository = Repository(load(stack_copy.folder / "newscreator.yaml"), registry.readers())
    files = tmp_path / "models"
    files.mkdir()
    invocation, run = repository.contract.invocations["default"], Run.open(new_id())
    with contextlib.ExitStack() as last:
        last.callback(run.leave)
        bases = standin_files(repository.contract, files)
        yield ProcessBackend().start(Request(repository, invocation, run, base_files=bases))


def url_of(stack: Stack) -> str:
    """Return the address of the stack's Ollama."""
    return stack.endpoints["backend"].url or ""


def verdicts(copy: Any) -> dict[str, tuple[str, str]]:
    """Return status and message by item."""
    return {v["id"].split("::")[1]: (v["status"], v["message"]) for v in copy.verdicts}


def test_a_sound_stack_passes_everything_of_the_level(asking: Any) -> None:
    """Rolled back and forward, its models taken away and brought back, asked at full length: one note, no failure."""
    done = asking.run(*OWN, "-k", ALL_SERVED)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    seen = verdicts(asking)
    served = {item: status for item, (status, _) in seen.items() if item.split("[")[0] in ALL_SERVED.split(" or ")}
    notes = [v["subject"] for v in asking.verdicts if v["severity"] == "note"]
    assert notes == ["app"], "the application's own health only says that it lives"
    assert {status for item, status in served.items() if item != "health-is-true[app]"} == {"passed"}
    assert {f"generates[{V16} longest]", "app-options[app news]", "rollback[news]"} <= served.keys()
    details = {v["check"]: v["detail"] for v in asking.verdicts if v["detail"]}
    assert details["rollback"].startswith("rolled back in ")
    assert details["health-is-true"].startswith("bad after ")


def test_a_liar_a_restarter_and_a_dead_switch_are_told_apart(asking: Any) -> None:
    """Each of three faults of one stack is said by its own check, and by no other of the level."""
    asking.edit("compose/ai.yaml", "ollama show gemma3-4b-16k >/dev/null && ollama show gemma3-4b-60k", "ollama list")
    asking.edit("compose/ai.yaml", "${LLM_NUM_BATCH:-1024}", "${LLM_NUM_BATCH:-256}")
    skip = 'make_variant() {\n    if ollama show "$1" >/dev/null 2>&1; then return; fi'
    asking.edit("news-creator/entrypoint-backend.sh", "make_variant() {", skip)
    asking.run(*OWN, "-k", ALL_SERVED)
    messages = {v["id"].split("::")[1]: v["message"] for v in asking.failed()}
    assert set(messages) == {"health-is-true[backend]", "app-options[app news]", "rollback[news]"}
    assert f"backend stays healthy although {V16}, {V60} are gone" in messages["health-is-true[backend]"]
    says = f"app asks {V16} with num_batch 256, its Modelfile says 1024: each such request restarts the runner"
    assert messages["app-options[app news]"] == says
    assert f"OLLAMA_BASE_MODEL=gemma3:4b leaves {V16} as it was" in messages["rollback[news]"]


def test_two_bases_in_one_volume_and_a_window_too_small(asking: Any) -> None:
    """A variant of the old base beside one of the new; a Modelfile whose window its longest prompt does not fit."""
    asking.edit("news-creator/Modelfile.gemma3-4b-16k", "num_ctx 16384", "num_ctx 1024")
    other = 'if [ "$1" = gemma3-4b-60k ]; then sed "s/^FROM .*/FROM gemma3:4b/"; else cat; fi'
    entrypoint = "news-creator/entrypoint-backend.sh"
    asking.edit(entrypoint, 'rebase "$source" >"$modelfile"', f'rebase "$source" | {other} >"$modelfile"')
    asking.edit(entrypoint, "\nhave_base\n", '\nhave_base\nimport_base gemma3:4b "$(file_of gemma3:4b)"\n')
    asking.run(*OWN, "-k", "models or loaded or generates or rollback")
    seen = verdicts(asking)
    assert seen[f"models[{V60}]"][1] == (
        f"{V60} is made of gemma3:4b (and {V16} of {BASE}: one volume, two bases), the contract says {BASE}"
    )
    assert seen[f"models[{V16}]"][1] == f"{V16} serves num_ctx 1024, the contract says 16384"
    assert seen[f"loaded[{V16}]"][1] == f"{V16} runs with a context of 1024, the contract says 16384"
    refused = f"{V16} refuses its longest declared prompt of 1500 tokens: it has num_ctx 1024"
    assert seen[f"generates[{V16} longest]"] == ("failed", refused)
    assert seen["rollback[news]"][0] == "not_verified", "models says it; a rollback from there proves nothing"


def test_a_switch_between_two_names_of_one_digest_is_found(asking: Any) -> None:
    """The rollback base is a second name of the same weights: everything follows the switch, and nothing changes."""
    entrypoint = "news-creator/entrypoint-backend.sh"
    asking.edit(entrypoint, 'file="$(file_of "$BASE_MODEL")"', f'file="$(file_of {BASE})"')
    asking.run(*OWN, "-k", "rollback")
    (failed,) = asking.failed()
    assert failed["message"].startswith(f"gemma3:4b and {BASE} are one digest")
    assert failed["message"].endswith("the switch switches nothing")


def test_a_second_name_of_a_blob_is_served_by_its_runner(stack_copy: Any, held: Stack) -> None:
    """`/api/ps` lists one name; the other counts as loaded, and the variant of another window does not."""
    server = Ollama(url_of(held))
    server.copy(V16, "alias")
    server.unload(V16)
    server.load("alias")
    runner = server.runner_of(V16)
    assert runner is not None
    assert runner.context_length == 16384
    assert server.runner_of(V60) is None
    before = server.loaded()
    stack_copy.run("-m", "infra", "-k", "loaded", "--newscreator-stack", url_of(held))
    seen = verdicts(stack_copy)
    assert seen[f"loaded[{V16}]"][0] == "passed"
    assert seen[f"loaded[{V60}]"] == ("not_verified", seen[f"loaded[{V60}]"][1])
    assert "could push out" in seen[f"loaded[{V60}]"][1]
    assert server.loaded() == before, "nothing was loaded in a stack that is not ours"


def test_a_base_that_was_made_again_is_found_in_its_variants(stack_copy: Any, held: Stack, tmp_path: Path) -> None:
    """The name is right, the parent is right; the blob is that of the older pull."""
    write_tiny(tmp_path / "newer.gguf", seed=99, name=BASE)
    (tmp_path / "Modelfile").write_text(f"FROM {tmp_path / 'newer.gguf'}\n")
    environment = {**os.environ, "OLLAMA_HOST": url_of(held)}
    made = ["ollama", "create", BASE, "-f", str(tmp_path / "Modelfile")]
    subprocess.run(made, check=True, env=environment, capture_output=True, timeout=60)
    stack_copy.run("-m", "infra", "-k", "models", "--newscreator-stack", url_of(held))
    message = verdicts(stack_copy)[f"models[{V16}]"][1]
    assert message.startswith(f"{V16} names {BASE} as its parent and carries weights that no other name here has")


def test_nothing_of_a_found_stack_is_changed_or_asked(asking: Any, held: Stack) -> None:
    """What would have to change it is not verified, with the reason; models and runners are as they were."""
    server = Ollama(url_of(held))
    before = (server.digests(), server.loaded())
    asking.run("-m", "infra", "-k", "app-options or health-is-true or rollback", "--newscreator-stack", url_of(held))
    seen = verdicts(asking)
    assert {status for status, _ in seen.values()} == {"not_verified"}
    assert "a stack that was found running is never changed" in seen["health-is-true[backend]"][1]
    assert "a stack that was found running is never changed" in seen["rollback[news]"][1]
    assert (server.digests(), server.loaded()) == before


def test_models_come_back_when_the_watch_is_interrupted(held: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between taking the models away and bringing them back: the same names, the same digests."""
    server = Ollama(url_of(held))
    before = server.digests()
    gone: list[set[str]] = []

    def interrupted(*_: object, **__: object) -> dict[str, float | None]:
        gone.append(set(before) - set(server.digests()))
        raise KeyboardInterrupt

    monkeypatch.setattr(health, "_until", interrupted)
    with pytest.raises(KeyboardInterrupt):
        health._experiment(server, (V16, V60), {"backend": held.endpoints["backend"]}, frozenset())
    assert gone == [{f"{V16}:latest", f"{V60}:latest"}]
    assert server.digests() == before


def test_a_runner_started_by_other_options_is_found_in_a_found_stacks_log(asking: Any, held: Stack) -> None:
    """Somebody asks with another window: `loaded` tells what runs, the log what was started."""
    server = Ollama(url_of(held))
    body = {"model": V16, "prompt": "x", "stream": False, "options": {"num_ctx": 2048, "num_predict": 16}}
    assert probe.request(server.url, "/api/generate", method="POST", body=body, timeout_s=60).is_ok
    asking.run("-m", "infra", "-k", "loaded or generates", "--newscreator-stack", url_of(held))
    seen = verdicts(asking)
    assert seen[f"loaded[{V16}]"] == ("failed", f"{V16} runs with a context of 2048, the contract says 16384")
    assert "would restart it" in seen[f"generates[{V16}]"][1]
    model, app = load(asking.folder / "newscreator.yaml").models["news"], held.endpoints["app"]
    finding, _ = runners.judge_log(held.endpoints["backend"], app, server, model, Subject("app news"), frozenset())
    assert finding is not None
    assert finding.message.startswith("a request started a runner with num_ctx 2048 and num_batch 1024")
