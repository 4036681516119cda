"""Live drift: what the suite says of a stack that is not what its contract says."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.contract.load import load
from pytest_newscreator.observe.ollama import Ollama
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.base_files import standin_files
from pytest_newscreator.stack.model import Request, Stack
from pytest_newscreator.stack.process import ProcessBackend
from pytest_newscreator.stack.run import Run, new_id, standins_folder


@contextlib.contextmanager
def started(folder: Path, invocation: str) -> Iterator[Stack]:
    """A copy as processes under one of its invocations, with stand-in models."""
    repository = Repository(load(folder / "newscreator.yaml"), registry.readers())
    chosen = repository.contract.invocations[invocation]
    run = Run.open(new_id())
    try:
        yield ProcessBackend().start(
            Request(repository, chosen, run, base_files=standin_files(repository.contract, standins_folder()))
        )
    finally:
        run.leave()


@pytest.fixture
def rolled_back(stack_copy: Any, by_process: None) -> Iterator[Stack]:  # noqa: ARG001 - skips
    """A stack of processes that was started with the rollback's base."""
    with started(stack_copy.folder, "rollback") as stack:
        yield stack


@pytest.fixture
def sound(stack_copy: Any, by_process: None) -> Iterator[Stack]:  # noqa: ARG001 - skips
    """A stack of processes as the contract has it."""
    with started(stack_copy.folder, "default") as stack:
        yield stack


def delete(url: str, model: str) -> None:
    """Delete a model from a running Ollama."""
    body = json.dumps({"model": model}).encode()
    request = urllib.request.Request(f"{url}/api/delete", body, {"Content-Type": "application/json"}, method="DELETE")
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 200


def test_a_backend_on_another_base_is_found_by_its_variants(stack_copy: Any, rolled_back: Stack) -> None:
    """Every variant names the parent that it really has."""
    stack_copy.run("-m", "infra", "-k", "models", "--newscreator-stack", rolled_back.endpoints["backend"].url or "")
    messages = {v["subject"]: v["message"] for v in stack_copy.failed()}
    assert messages["gemma3-4b-16k"] == "gemma3-4b-16k is made of gemma3:4b, the contract says gemma3:4b-it-qat"
    assert messages["gemma3-4b-60k"] == "gemma3-4b-60k is made of gemma3:4b, the contract says gemma3:4b-it-qat"


def test_the_rollback_is_right_when_it_is_asked_for(stack_copy: Any, rolled_back: Stack) -> None:
    """Under `--newscreator-invocation rollback` the same stack is what the contract says."""
    url = rolled_back.endpoints["backend"].url or ""
    chosen = ("--newscreator-stack", url, "--newscreator-invocation", "rollback")
    done = stack_copy.run("-m", "infra", "-k", "models", *chosen)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert {v["status"] for v in stack_copy.verdicts if v["check"] == "models"} == {"passed"}


def test_a_deleted_variant_is_found_and_only_it(stack_copy: Any, sound: Stack) -> None:
    """The one that is gone fails, at the contract's line that declares it; the others stay as they are."""
    url = sound.endpoints["backend"].url or ""
    delete(url, "gemma3-4b-60k")
    stack_copy.run("-m", "infra", "--newscreator-stack", url)
    (failed,) = stack_copy.failed()
    assert failed["subject"] == "gemma3-4b-60k"
    assert failed["message"].startswith("backend does not have gemma3-4b-60k; it has ")
    line = (stack_copy.folder / "newscreator.yaml").read_text().splitlines()[failed["place"]["line"] - 1]
    assert "gemma3-4b-60k:" in line


def test_verdicts_from_a_stand_in_say_so(stack_copy: Any, sound: Stack) -> None:
    """A server of random weights is recognised by what it serves, also where this run did not start it."""
    stack_copy.run("-m", "infra", "-k", "models", "--newscreator-stack", sound.endpoints["backend"].url or "")
    said = {v["standin"] for v in stack_copy.verdicts if v["check"] == "models"}
    assert said == {"tiny model of random weights"}


@pytest.fixture
def live(stack_copy: Any, tmp_path: Path, by_compose: None) -> Iterator[Any]:  # noqa: ARG001 - skips
    """A user's own Compose stack of the copy, running; ports and models by its `compose/.env`."""
    contract = load(stack_copy.folder / "newscreator.yaml")
    models = tmp_path / "models"
    models.mkdir()
    bases = standin_files(contract, models)
    pairs = " ".join(f"{name}=/model-files/{path.name}" for name, path in bases.items())
    lines = [f"MODEL_FILES_DIR={models}", f"OLLAMA_BASE_MODEL_FILES={pairs}",
             "NEWS_CREATOR_BACKEND_PORT=0", "NEWS_CREATOR_PORT=0"]  # fmt: skip
    (stack_copy.folder / "compose" / ".env").write_text("\n".join(lines) + "\n")
    for folder in (models, *models.parents[:4]):
        folder.chmod(0o755)
    compose = [
        "docker",
        "compose",
        "-p",
        "newscreator-test-live",
        "-f",
        "compose/compose.yaml",
        "-f",
        "compose/cpu.yaml",
    ]

    def up(**environment: str) -> None:
        subprocess.run([*compose, "up", "--detach", "--build", "--wait"], check=True, cwd=stack_copy.folder,
                       env=stack_copy.environment(**environment), capture_output=True, text=True)  # fmt: skip

    try:
        up()
        yield up
    finally:
        subprocess.run([*compose, "down", "--volumes", "--rmi", "local"], check=True, cwd=stack_copy.folder,
                       env=stack_copy.environment(), capture_output=True)  # fmt: skip


def weights(stack_copy: Any) -> dict[str, str]:
    """Return, for each variant of the live stack, its parent and the digest of its manifest."""
    (backend,) = [c for c in engine.containers("newscreator-test-live") if c.service == "news-creator-backend"]
    server = Ollama(backend.url(11434) or "")
    assert stack_copy.folder.exists()
    found = {}
    for name in ("gemma3-4b-16k", "gemma3-4b-60k"):
        shown = server.show(name)
        found[name] = f"{shown.parent if shown else None} {server.digest(name)}"
    return found


def test_the_readmes_rollback_changes_parent_and_digest_and_back(stack_copy: Any, live: Any) -> None:
    """One variable and one `up -d`: both variants are made of the other base; without it, of the decided one again."""
    decided = weights(stack_copy)
    live(OLLAMA_BASE_MODEL="gemma3:4b")
    rolled_back = weights(stack_copy)
    live()
    assert weights(stack_copy) == decided
    assert {text.split()[0] for text in decided.values()} == {"gemma3:4b-it-qat"}
    assert {text.split()[0] for text in rolled_back.values()} == {"gemma3:4b"}
    assert not set(decided.values()) & set(rolled_back.values())


def containers() -> dict[str, tuple[str, str]]:
    """Return id and start time of the live stack's containers."""
    return {c.service: (c.id, c.started_at) for c in engine.containers("newscreator-test-live")}


def test_attaching_leaves_a_live_stack_as_it_is(stack_copy: Any, live: Any) -> None:  # noqa: ARG001 - it runs
    """`auto` finds the running project, verifies it and touches nothing: same containers, same start times."""
    before = containers()
    done = stack_copy.run("-m", "infra")
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "stack: attach" in done.stdout
    assert containers() == before


def test_a_live_stack_that_agrees_only_with_the_rollback_is_called_rolled_back(stack_copy: Any, live: Any) -> None:
    """One finding, at the switch: the variants agree with the rollback, so that nothing else is blamed."""
    live(OLLAMA_BASE_MODEL="gemma3:4b")
    stack_copy.run("-m", "infra")
    (failed,) = stack_copy.failed()
    assert failed["id"] == "newscreator.yaml::environment[backend OLLAMA_BASE_MODEL]"
    assert failed["message"].startswith("rolled back: backend runs with OLLAMA_BASE_MODEL=gemma3:4b")


def test_a_live_stack_on_an_undeclared_base_fails_at_its_environment(stack_copy: Any, live: Any) -> None:
    """What was given to the container is the first level that disagrees."""
    stack_copy.edit(
        "newscreator.yaml",
        "rollback: {files: [compose/compose.yaml], environment",
        "other: {files: [compose/compose.yaml], environment",
    )
    contract = (stack_copy.folder / "newscreator.yaml").read_text()
    kept = [line for line in contract.splitlines() if not line.strip().startswith("other:")]
    (stack_copy.folder / "newscreator.yaml").write_text("\n".join(kept) + "\n")
    live(OLLAMA_BASE_MODEL="gemma3:4b")
    stack_copy.run("-m", "infra")
    by_level = {v["id"].split("::")[1]: v["message"] for v in stack_copy.failed()}
    expected = "backend runs with OLLAMA_BASE_MODEL=gemma3:4b, the files say gemma3:4b-it-qat (invocation cpu)"
    assert by_level["environment[backend OLLAMA_BASE_MODEL]"] == expected
