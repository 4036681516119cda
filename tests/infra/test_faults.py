"""Faults: what the suite says of a stack that breaks under its hands. A verdict with its cause; no pass, no hang."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.contract.load import load
from pytest_newscreator.contract.model import Service
from pytest_newscreator.measure.streaming import generate
from pytest_newscreator.observe.ollama import Ollama
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.stack import health, patience, probe
from pytest_newscreator.stack.base_files import standin_files
from pytest_newscreator.stack.model import Endpoint, Request, Stack
from pytest_newscreator.stack.process import ProcessBackend
from pytest_newscreator.stack.run import Run, new_id, standins_folder
from pytest_newscreator.verdicts import NotVerified


def sibling(name: str) -> Any:
    """Import a module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


faulty = sibling("faulty")
Fault, judged = faulty.Fault, faulty.judged

ASKS = b'"prompt": "'
"""What a request for an answer holds, and one that only loads a model does not."""


@pytest.fixture(scope="module")
def stack(reference: Path) -> Iterator[Stack]:
    """The reference stack as processes, with stand-in models, once for all faults."""
    if shutil.which("ollama") is None:
        raise NotVerified("no ollama binary is on PATH", needs="ollama", fix="run scripts/build-ollama.sh")
    repository = Repository(load(reference / "newscreator.yaml"), registry.readers())
    bases = standin_files(repository.contract, standins_folder())
    run = Run.open(new_id())
    try:
        yield ProcessBackend().start(
            Request(repository, repository.contract.invocations["default"], run, base_files=bases)
        )
    finally:
        run.leave()


@pytest.fixture
def front(stack: Stack) -> Iterator[Any]:
    """A proxy in front of the stack's Ollama."""
    with faulty.proxy(stack.endpoints["backend"].url or "") as proxy:
        yield proxy


@pytest.fixture
def spare(stack: Stack, tmp_path: Path) -> Iterator[tuple[Any, int]]:
    """A proxy in front of a second Ollama with the stack's models, and that one's process group: it may be killed."""
    first = stack.endpoints["backend"].health_environment
    models = tmp_path / "models"
    shutil.copytree(first["OLLAMA_MODELS"], models)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {**first, "OLLAMA_MODELS": str(models), "OLLAMA_HOST": host}
    with subprocess.Popen(
        ["ollama", "serve"], env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            while not probe.request(f"http://{host}", "/api/version").is_ok:
                assert server.poll() is None
                time.sleep(0.05)
            with faulty.proxy(f"http://{host}") as proxy:
                yield proxy, server.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)


BROKEN = {
    "a 500": (Fault(status=500, asked=ASKS), 'answered with an error: 500: {"error": "it is broken on purpose"}'),
    "no done": (faulty.without_done(asked=ASKS), "broke off: the stream ended without `done`"),
    "done false": (faulty.not_done(asked=ASKS), "broke off: the stream ended without `done`"),
    "an error line": (
        faulty.error_line("CUDA out of memory", asked=ASKS),
        "answered with an error: CUDA out of memory",
    ),
    "a cut": (Fault(cut_after=40, asked=ASKS), "it was cut off in a line: b'{"),
    "a page": (Fault(garbled=True, asked=ASKS), "a line that is no JSON object: b'<html>"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_answer_that_breaks_fails_with_what_broke_it(stack_copy: Any, front: Any, what: str) -> None:
    """Status 200 and a first line are no answer; the one check that asked says what came instead."""
    fault, expected = BROKEN[what]
    front.break_("/api/generate", fault)
    failed = judged(stack_copy, "-k", "generates and 16k and not longest", "--newscreator-stack", front.url)
    assert list(failed) == ["generates[gemma3-4b-16k]"]
    assert expected in failed["generates[gemma3-4b-16k]"]


def test_a_prompt_that_is_only_measured_with_fails_too(stack_copy: Any, front: Any) -> None:
    """Asked alone, the longest prompt does not take a server that answers 500 for one that does not count."""
    front.break_("/api/generate", Fault(status=500, asked=ASKS))
    failed = judged(stack_copy, "-k", "generates and 16k and longest", "--newscreator-stack", front.url)
    assert "answered with an error: 500" in failed["generates[gemma3-4b-16k longest]"]


LISTS = {
    "/api/show": (Fault(cut_after=40), "/api/show answered nothing whole: it was cut off after 40 bytes"),
    "/api/tags": (Fault(garbled=True), "/api/tags answered what is no JSON object: 200: <html>"),
}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_that_breaks_fails_with_the_path_that_broke(stack_copy: Any, front: Any, path: str) -> None:
    """What the server has is unknown then: every model fails, and the message names the request."""
    fault, expected = LISTS[path]
    front.break_(path, fault)
    failed = judged(stack_copy, "-k", "models", "--newscreator-stack", front.url)
    assert set(failed) == {"models[news base]", "models[gemma3-4b-16k]", "models[gemma3-4b-60k]"}
    assert all(message.startswith(front.url + expected) for message in failed.values())


def test_a_server_that_says_a_byte_now_and_then_is_not_waited_for(front: Any) -> None:
    """A timeout of the socket would never end: the whole answer has a bound."""
    front.break_("/api/tags", faulty.trickle())
    front.break_("/api/generate", faulty.trickle())
    begun = time.monotonic()
    assert str(probe.request(front.url, "/api/tags", timeout_s=0.5)) == "nothing whole within 0.5 s"
    streamed = generate(front.url, {"model": "gemma3-4b-16k", "prompt": "a"}, timeout_s=5, within_s=0.5)
    assert streamed.error == "TimeoutError: nothing whole within 0.5 s"
    assert not streamed.is_done
    assert time.monotonic() - begun < 5


def test_a_paused_server_is_told_from_one_that_works(spare: tuple[Any, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence may be a long prompt; a server that leaves every other question unanswered too is not waited for."""
    proxy, group = spare
    monkeypatch.setattr(patience, "LOOK_EVERY_S", 0.3)
    monkeypatch.setattr(probe, "ALIVE_WITHIN_S", 0.5)
    os.killpg(group, signal.SIGSTOP)
    begun = time.monotonic()
    streamed = generate(proxy.upstream, {"model": "gemma3-4b-16k", "prompt": "a"}, timeout_s=300)
    assert (streamed.error or "").startswith("SilentServerError: nothing for ")
    assert time.monotonic() - begun < 30


def test_a_slow_answer_is_an_answer(front: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is silent for long and answers meanwhile what else it is asked is waited for."""
    monkeypatch.setattr(patience, "LOOK_EVERY_S", 0.1)
    front.break_("/api/generate", Fault(every_s=0.4))
    body = {"model": "gemma3-4b-16k", "prompt": "a", "options": {"num_predict": 3}}
    assert generate(front.url, body, timeout_s=30).is_done
    assert "/api/version" in front.asked


def test_a_backend_killed_in_the_middle_of_an_answer_fails_there(stack_copy: Any, spare: tuple[Any, int]) -> None:
    """The answer that broke off fails, and so does what is asked afterwards; nothing waits."""
    proxy, group = spare
    proxy.break_("/api/generate", Fault(asked=ASKS, then=lambda: os.killpg(group, signal.SIGKILL)))
    failed = judged(stack_copy, "-k", "generates and 16k", "--newscreator-stack", proxy.url)
    assert set(failed) == {"generates[gemma3-4b-16k]", "generates[gemma3-4b-16k longest]"}
    assert "gemma3-4b-16k" in failed["generates[gemma3-4b-16k]"]
    assert "/api/version answered nothing" in failed["generates[gemma3-4b-16k longest]"]


def test_a_backend_paused_in_the_middle_of_an_answer_fails_there(stack_copy: Any, spare: tuple[Any, int]) -> None:
    """It accepts connections and never answers: found by asking it something else."""
    proxy, group = spare
    (stack_copy.folder / "conftest.py").write_text(faulty.IMPATIENT)
    proxy.break_("/api/generate", Fault(asked=ASKS, then=lambda: os.killpg(group, signal.SIGSTOP)))
    failed = judged(stack_copy, "-k", "generates and 16k and not longest", "--newscreator-stack", proxy.url)
    assert "SilentServerError: nothing for " in failed["generates[gemma3-4b-16k]"]


def test_a_model_deleted_while_it_serves_is_missed_by_whoever_asks_next(
    stack_copy: Any, spare: tuple[Any, int]
) -> None:
    """`models` has passed by then: what is found afterwards is not left to it."""
    proxy, _ = spare
    server = Ollama(proxy.upstream)
    proxy.break_("/api/generate", Fault(asked=ASKS, then=lambda: server.delete("gemma3-4b-16k")))
    failed = judged(stack_copy, "-k", "healthy or models or generates", "--newscreator-stack", proxy.url)
    assert failed["generates[gemma3-4b-16k longest]"] == "backend does not have gemma3-4b-16k"


@pytest.mark.usefixtures("by_process")
def test_a_backend_that_ends_after_it_was_found_healthy_is_a_failure(
    stack_copy: Any, running_as: Callable[[Path], list[str]]
) -> None:
    """Nobody steps back to an item that has passed; the message says that the process has ended. Nothing stays."""
    kill = "os.killpg(stack.endpoints['backend'].pid, signal.SIGKILL)"
    (stack_copy.folder / "conftest.py").write_text(faulty.AT_ITEM.format(name="models[news base]", what=kill))
    own = ("--newscreator-stack", "process", "--newscreator-standin", "-k", "healthy or models or generates")
    failed = judged(stack_copy, *own)
    assert {"models[news base]", "models[gemma3-4b-16k]", "generates[gemma3-4b-60k]"} <= set(failed)
    assert "has ended): http://" in failed["models[news base]"]
    assert not running_as(stack_copy.folder)


def test_a_health_command_that_hangs_ends_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running_as: Callable[[Path], list[str]]
) -> None:
    """A shell's own children go with it: `ollama show` waits for a paused server for ever."""
    monkeypatch.setattr(health, "TIMEOUT_S", 0.5)
    environment = {"PATH": os.environ["PATH"], "MARK": str(tmp_path)}
    service = Service("backend", "ollama", Place("newscreator.yaml"))
    command = ("sh", "-c", "sleep 60; true")
    endpoint = Endpoint(service, "process", health_command=command, health_environment=environment)
    assert health.health(endpoint) == (False, "no end after 0 s")
    deadline = time.monotonic() + 10  # a killed process is gone a moment later
    while running_as(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running_as(tmp_path)
