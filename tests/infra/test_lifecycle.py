"""A stack of our own leaves nothing behind, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.stack import engine
from pytest_newscreator.stack.owned import LABEL, LEASE_LABEL

SLOW_TEST = """
import time

def test_holds_the_stack(newscreator_stack):
    print("HOLDING", flush=True)
    time.sleep(120)
"""


SLOW_TEARDOWN = """
import time, pytest

@pytest.fixture
def slow_to_let_go(newscreator_stack):
    yield
    print("LETTING GO", flush=True)
    time.sleep(120)

def test_lets_go(slow_to_let_go):
    pass
"""
WORKERS_TEST = """
import os, pathlib, time, pytest

@pytest.mark.parametrize("number", range(4))
def test_uses_the_stack(newscreator_stack, newscreator_ollama, number):
    url = newscreator_stack.endpoint("backend").url
    pathlib.Path(f"address-{os.getpid()}").write_text(url)
    if number == 0:
        os.kill(os.getpid(), 9)
    time.sleep(1)
    assert newscreator_ollama.list().models
"""


def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for a condition; return whether it came."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return condition()


def ours(stack_copy: Any) -> set[str]:
    """Return the names of all containers, volumes, networks and images that runs of this copy have made."""
    runs = str(stack_copy.runs)
    return {name for _, name, labels in engine.labelled(LABEL) if runs in labels.get(LEASE_LABEL, "")}


SLOW = {
    "start": (None, "waiting for"),
    "test": (SLOW_TEST, "HOLDING"),
    "teardown": (SLOW_TEARDOWN, "LETTING GO"),
}
"""Where a run is when it is ended: a test file that brings it there, and the words that say so."""


@contextlib.contextmanager
def held(stack_copy: Any, kind: str, where: str = "test", *options: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has come as far as `where`; killed at the end if the test did not end it."""
    code, words = SLOW[where]
    (stack_copy.folder / "test_slow.py").write_text(code or SLOW_TEST)
    command = stack_copy.command("--newscreator-stack", kind, "--newscreator-standin", "-s", *options)
    command[3] = "test_slow.py"
    # Whoever started this session may have let it ignore these, and children inherit that.
    command = ["env", "--default-signal=INT,TERM,HUP", *command]
    run = subprocess.Popen(
        command, cwd=stack_copy.folder, env=stack_copy.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(run, words)
        yield run
    finally:
        run.kill()
        run.communicate(timeout=60)


def wait_for(run: subprocess.Popen[str], words: str) -> None:
    """Read the output until it says the words; the run's end before that is a failure with its output."""
    assert run.stdout is not None
    said = []
    for line in run.stdout:
        said.append(line)
        if words in line:
            return
    pytest.fail("".join(said))


@pytest.mark.usefixtures("by_process")
@pytest.mark.parametrize("where", SLOW)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP], ids=lambda s: s.name)
def test_no_process_survives_a_signal(
    stack_copy: Any, running_as: Callable[[Path], list[str]], how: signal.Signals, where: str
) -> None:
    """Ctrl-C, SIGTERM, SIGKILL and a closed terminal end every process and remove the models, whenever they come."""
    with held(stack_copy, "process", where) as run:
        (folder,) = stack_copy.run_folders()
        assert until(lambda: bool(running_as(folder)), 20)
        run.send_signal(how)
        run.communicate(timeout=60)
    assert until(lambda: not running_as(folder), 20), running_as(folder)
    assert until(lambda: not folder.exists(), 10)


@pytest.mark.usefixtures("by_compose")
@pytest.mark.parametrize(
    ("where", "how"),
    [("start", signal.SIGINT), ("start", signal.SIGKILL), ("test", signal.SIGTERM), ("teardown", signal.SIGINT)],
)
def test_no_container_survives_a_signal(stack_copy: Any, how: signal.Signals, where: str) -> None:
    """Ctrl-C, SIGTERM and SIGKILL remove every container, volume, network and image, whenever they come."""
    with held(stack_copy, "compose", where) as run:
        assert until(lambda: bool(ours(stack_copy)), 60)
        run.send_signal(how)
        run.communicate(timeout=90)
    assert until(lambda: not ours(stack_copy) and not stack_copy.run_folders(), 60), ours(stack_copy)


@pytest.mark.usefixtures("by_process")
def test_the_end_of_one_worker_leaves_the_stack_to_the_others(
    stack_copy: Any, running_as: Callable[[Path], list[str]]
) -> None:
    """All workers use one stack; it survives the death of the one that started it, and goes with the run."""
    (stack_copy.folder / "test_workers.py").write_text(WORKERS_TEST)
    command = stack_copy.command("--newscreator-stack", "process", "--newscreator-standin", "-n2", "-q")
    command[3] = "test_workers.py"
    done = subprocess.run(
        command, check=False, cwd=stack_copy.folder, env=stack_copy.environment(), capture_output=True, text=True,
        timeout=200,
    )  # fmt: skip
    addresses = {path.read_text() for path in stack_copy.folder.glob("address-*")}
    assert len(addresses) == 1, done.stdout
    assert "1 failed, 3 passed" in done.stdout, done.stdout
    assert "crashed while running" in done.stdout
    assert not stack_copy.run_folders()
    assert not running_as(stack_copy.runs)


@pytest.mark.usefixtures("by_process")
def test_a_start_that_fails_under_xdist_is_told_once(stack_copy: Any) -> None:
    """One worker tries and tells why; the others refer to it, and nothing is left."""
    stack_copy.edit("news-creator/entrypoint-backend.sh", "start_server\nhave_base", 'die "broken on purpose"')
    done = stack_copy.run("-m", "infra", "--newscreator-stack", "process", "--newscreator-standin", "-n2")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert sum("broken on purpose" in line for line in done.stdout.splitlines() if line.startswith("E ")) <= 1
    assert len(stack_copy.failed()) == 1
    assert not stack_copy.run_folders()


@pytest.mark.usefixtures("by_process")
def test_a_kept_stack_is_taken_up_again_until_its_inputs_change(
    stack_copy: Any, running_as: Callable[[Path], list[str]]
) -> None:
    """By content, never by time: a touched file keeps it, an edited one replaces it; `doctor` removes it."""
    keep = ("-m", "infra", "-k", "healthy", "--newscreator-stack", "process", "--newscreator-standin")
    first = stack_copy.run(*keep, "--newscreator-keep")
    (folder,) = stack_copy.run_folders()
    pids = sorted((folder / "orders").read_text().splitlines())
    assert first.returncode == 0
    assert running_as(folder)
    (stack_copy.folder / "news-creator/Modelfile.gemma3-4b-16k").touch()
    assert "taken over from an earlier run" in stack_copy.run(*keep, "--newscreator-keep").stdout
    assert sorted((folder / "orders").read_text().splitlines()) == pids
    stack_copy.edit("news-creator/Modelfile.gemma3-4b-16k", "FROM", "# edited\nFROM")
    assert "taken over" not in stack_copy.run(*keep, "--newscreator-keep").stdout
    assert sorted((folder / "orders").read_text().splitlines()) != pids
    doctor = [sys.executable, "-c", "from pytest_newscreator.cli import main; main()", "doctor", "--clean", "--kept"]
    told = subprocess.run(doctor, check=True, env=stack_copy.environment(), capture_output=True, text=True)
    assert f"removed: run {folder} (kept)" in told.stdout
    assert not running_as(folder)
    assert not folder.exists()


@pytest.mark.usefixtures("by_process")
def test_what_a_crash_of_everything_left_is_found_and_removed(
    stack_copy: Any, running_as: Callable[[Path], list[str]]
) -> None:
    """Where the watchdog died with pytest, the doctor finds the run, says so by its exit code, and cleans it up."""
    with held(stack_copy, "process") as run:
        (folder,) = stack_copy.run_folders()
        os.kill(int((folder / "watchdog").read_text().split()[0]), signal.SIGKILL)
        run.kill()
        run.communicate(timeout=60)
    assert running_as(folder)
    doctor = [sys.executable, "-c", "from pytest_newscreator.cli import main; main()", "doctor"]
    told = subprocess.run(doctor, check=False, env=stack_copy.environment(), capture_output=True, text=True)
    assert told.returncode == 1
    assert f"run {folder} (left behind)" in told.stdout
    subprocess.run([*doctor, "--clean"], check=True, env=stack_copy.environment(), capture_output=True)
    assert not running_as(folder)
    assert not folder.exists()


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
    stack_copy.edit("compose/ai.yaml", "ollama show gemma3-4b-60k", "ollama show gemma3-4b-99k")
    stack_copy.edit("compose/ai.yaml", "start_period: 10m", "start_period: 2s")
    stack_copy.edit("compose/ai.yaml", "interval: 5s", "interval: 1s")
    done = stack_copy.run("-m", "infra", "--newscreator-stack", "compose", "--newscreator-standin")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "news-creator-backend did not come up" in done.stdout
    assert "health probe: Error: model 'gemma3-4b-99k' not found" in done.stdout
    assert "ready: gemma3-4b-16k gemma3-4b-60k of gemma3:4b-it-qat" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not ours(stack_copy)


@pytest.mark.usefixtures("by_compose")
def test_a_crash_loop_is_found_at_once(stack_copy: Any) -> None:
    """A container that restarts again and again is a failed start, long before `ready_within`."""
    stack_copy.edit("news-creator/entrypoint-backend.sh", "start_server\nhave_base", 'die "broken on purpose"')
    started = time.monotonic()
    done = stack_copy.run("-m", "infra", "--newscreator-stack", "compose", "--newscreator-standin")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "broken on purpose" in done.stdout
    assert time.monotonic() - started < 120


FAULTY = {
    "an image that is nowhere": (
        ("compose/ai.yaml", "    build:\n", "    image: nosuch/none:1\n    x-build:\n"),
        "the image nosuch/none:1 is neither here nor to be pulled",
    ),
    "a file that the build does not find": (
        ("news-creator/Dockerfile.backend", "COPY ", "COPY nothere.txt /\nCOPY "),
        "the images cannot be built: the build does not find /nothere.txt",
    ),
    "a program that is not in the image": (
        ("news-creator/Dockerfile.backend", "ENTRYPOINT [", 'ENTRYPOINT ["/nothere.sh", '),
        "the image has no program /nothere.sh",
    ),
}


@pytest.mark.usefixtures("by_compose")
@pytest.mark.parametrize("fault", FAULTY)
def test_a_start_that_cannot_be_is_told_in_its_first_line(stack_copy: Any, fault: str) -> None:
    """What is missing is named, with what to do, in under forty lines; nothing is left."""
    (path, old, new), told = FAULTY[fault]
    file = stack_copy.folder / path
    file.write_text(file.read_text().replace(old, new, 1))
    done = stack_copy.run("-m", "infra", "--newscreator-stack", "compose", "--newscreator-standin")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert told in done.stdout
    report = done.stdout[done.stdout.index(told) :].splitlines()
    assert any(line.strip().startswith("do: ") for line in report[:40]), done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert until(lambda: not ours(stack_copy), 20), ours(stack_copy)
