"""A stack of our own leaves nothing behind, whatever ends it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.stack.owned import LABEL

SLOW_TEST = """
import time

def test_holds_the_stack(newscreator_stack):
    print("HOLDING", flush=True)
    time.sleep(120)
"""


def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for a condition; return whether it came."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


def ours() -> set[str]:
    """Return the names of all containers, volumes and networks that carry our label, and of the images of our runs."""
    found: set[str] = set()
    for kind, name in (("container", "{{.Names}}"), ("volume", "{{.Name}}"), ("network", "{{.Name}}")):
        options = ["--all"] if kind == "container" else []
        command = ["docker", kind, "ls", *options, "--filter", f"label={LABEL}", "--format", name]
        found.update(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    images = ["docker", "image", "ls", "--format", "{{.Repository}}", "--filter", "reference=newscreator-*-*"]
    found.update(subprocess.run(images, check=True, capture_output=True, text=True).stdout.split())
    return found


@contextlib.contextmanager
def held(stack_copy: Any, kind: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has brought the stack up and holds it in a test; killed at the end if the test did not end it."""
    (stack_copy.folder / "test_slow.py").write_text(SLOW_TEST)
    command = stack_copy.command("--newscreator-stack", kind, "--newscreator-standin", "-s")
    command[3] = "test_slow.py"
    run = subprocess.Popen(
        command, cwd=stack_copy.folder, env=stack_copy.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until_held(run)
        yield run
    finally:
        run.kill()
        run.communicate(timeout=60)


def wait_until_held(run: subprocess.Popen[str]) -> None:
    """Read the output until the test holds the stack; the run's end before that is a failure with its output."""
    assert run.stdout is not None
    said = []
    for line in run.stdout:
        said.append(line)
        if "HOLDING" in line:
            return
    pytest.fail("".join(said))


@pytest.mark.usefixtures("by_process")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_survives_a_signal(stack_copy: Any, running_as: Callable[[Path], list[str]], how: int) -> None:
    """Ctrl-C, SIGTERM and SIGKILL of pytest each end every process and remove the folder of models."""
    with held(stack_copy, "process") as run:
        stack_folder = next((stack_copy.folder / "tmp").glob("newscreator-stack[0-9]*"))
        assert running_as(stack_folder)
        run.send_signal(how)
        run.communicate(timeout=60)
    assert until(lambda: not running_as(stack_folder), 20), running_as(stack_folder)
    assert until(lambda: not stack_folder.exists(), 10)


@pytest.mark.usefixtures("by_compose")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_container_survives_a_signal(stack_copy: Any, how: int) -> None:
    """Ctrl-C and SIGKILL of pytest each remove every container, volume and network of the run."""
    before = ours()
    with held(stack_copy, "compose") as run:
        assert ours() - before
        run.send_signal(how)
        run.communicate(timeout=90)
    assert until(lambda: not ours() - before, 60), ours() - before


@pytest.mark.usefixtures("by_process")
def test_an_entrypoint_that_fails_is_told_with_its_last_words(
    stack_copy: Any, running_as: Callable[[Path], list[str]]
) -> None:
    """A base with neither file nor registry ends the start at once, with the entrypoint's own line."""
    done = stack_copy.run("-m", "infra", "--newscreator-stack", "process")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "backend ended with exit code 1" in done.stdout
    assert "OLLAMA_BASE_MODEL_FILES has no file for it" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not running_as(stack_copy.folder)


@pytest.mark.usefixtures("by_compose")
def test_an_unhealthy_container_is_told_with_its_probe_and_its_log(stack_copy: Any) -> None:
    """The report of a failed start names the service, what its health probe said and its last lines; nothing stays."""
    before = ours()
    stack_copy.edit("compose/ai.yaml", "ollama show gemma3-4b-60k", "ollama show gemma3-4b-99k")
    stack_copy.edit("compose/ai.yaml", "start_period: 10m", "start_period: 2s")
    stack_copy.edit("compose/ai.yaml", "interval: 5s", "interval: 1s")
    done = stack_copy.run("-m", "infra", "--newscreator-stack", "compose", "--newscreator-standin")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "news-creator-backend did not come up" in done.stdout
    assert "health probe: Error: model 'gemma3-4b-99k' not found" in done.stdout
    assert "ready: gemma3-4b-16k gemma3-4b-60k of gemma3:4b-it-qat" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert ours() == before


@pytest.mark.usefixtures("by_compose")
def test_a_crash_loop_is_found_at_once(stack_copy: Any) -> None:
    """A container that restarts again and again is a failed start, long before `ready_within`."""
    stack_copy.edit("news-creator/entrypoint-backend.sh", "start_server\nhave_base", 'die "broken on purpose"')
    started = time.monotonic()
    done = stack_copy.run("-m", "infra", "--newscreator-stack", "compose", "--newscreator-standin")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "broken on purpose" in done.stdout
    assert time.monotonic() - started < 120
