"""Weights and KV cache of each layer are forecast as a real Ollama allocates them, to the byte."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_newscreator.measure.vram.forecast import Runner, forecast
from pytest_newscreator.measure.vram.gguf import read
from pytest_newscreator.measure.vram.served import shapes_of
from pytest_newscreator.measure.vram.versions import unforecast
from pytest_newscreator.stack import probe
from pytest_newscreator.standin.tiny import write_for

pytestmark = pytest.mark.usefixtures("by_process")
pytest.importorskip("gguf", reason="the extra `standin` is not installed")

START_S = 30.0
NAME = "vram-standin"
MEMORY = re.compile(r"msg=memory success=true required\.InputWeights=(\d+) (.*)")
SIZES = re.compile(r'required\.CPU\.(Weights|Cache)="\[([\d ]+)\]"')


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def serving(home: Path, parallel: int, kind: str) -> Iterator[tuple[str, Path]]:
    """A server without a GPU; gives its address and its log, and ends it with its runners."""
    log, port = home / f"serve-{parallel}-{kind}.log", free_port()
    given = {
        "HOME": str(home), "PATH": os.environ["PATH"], "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_NUM_PARALLEL": str(parallel), "OLLAMA_KV_CACHE_TYPE": kind, "OLLAMA_FLASH_ATTENTION": "1",
        "CUDA_VISIBLE_DEVICES": "-1", "OLLAMA_DEBUG": "1",
    }  # fmt: skip
    with log.open("wb") as out:
        server = subprocess.Popen(["ollama", "serve"], env=given, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}", log
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + START_S
    while not probe.request(url, "/api/version", timeout_s=1).is_ok:
        assert time.monotonic() < until, f"{url} does not answer"
        time.sleep(0.1)


def create(home: Path, url: str, file: Path) -> None:
    """Make the model of a GGUF."""
    modelfile = home / "Modelfile"
    modelfile.write_text(f"FROM {file}\n")
    given = {"HOME": str(home), "PATH": os.environ["PATH"], "OLLAMA_HOST": url}
    subprocess.run(["ollama", "create", NAME, "-f", modelfile], env=given, check=True, capture_output=True, timeout=60)


def load(url: str, num_ctx: int, num_batch: int) -> None:
    """Load the model with options."""
    body = {"model": NAME, "options": {"num_ctx": num_ctx, "num_batch": num_batch}}
    answer = probe.request(url, "/api/generate", method="POST", body=body, timeout_s=60)
    assert answer.is_ok, answer


def required(log: Path) -> tuple[int, dict[str, tuple[int, ...]]]:
    """Return the last allocation that a log tells of: the input's weights, weights and cache of each layer; bytes."""
    inputs, rest = MEMORY.findall(log.read_text(errors="replace"))[-1]
    return int(inputs), {part: tuple(map(int, sizes.split())) for part, sizes in SIZES.findall(rest)}


@pytest.mark.parametrize(("parallel", "kind"), [(1, "f16"), (2, "f16"), (2, "q8_0")])
def test_a_real_server_allocates_what_is_forecast(tmp_path: Path, parallel: int, kind: str) -> None:
    """Two windows each; a file and the server that has it tell one and the same shapes."""
    file = tmp_path / "tiny.gguf"
    write_for(file, "gemma3:4b-it-qat")
    with serving(tmp_path, parallel, kind) as (url, log):
        why = unforecast(probe.request(url, "/api/version").json()["version"])
        if why is not None:
            pytest.skip(why)
        create(tmp_path, url, file)
        shapes = shapes_of(url, NAME)
        assert shapes == read(file)
        for num_ctx, num_batch in ((2048, 512), (20480, 256)):
            load(url, num_ctx, num_batch)
            found = forecast(shapes, Runner(num_ctx, parallel, num_batch, kind), on_card=False)
            assert required(log) == (found.input_weights, {"Weights": found.weights, "Cache": found.caches})


def test_a_stand_in_is_never_judged(stack_copy: Any) -> None:
    """Where no file tells the release the running server is asked, and what it serves here is no model."""
    stack_copy.edit("news-creator/Dockerfile.backend", "FROM ollama/ollama:0.24.0", "FROM ollama/ollama:latest")
    stack_copy.run("-m", "infra", "--newscreator-stack", "process", "--newscreator-standin", "-k", "vram-forecast")
    said = {verdict["id"].partition("::")[2]: verdict for verdict in stack_copy.verdicts}
    asked = said["vram-forecast[default rtx gemma3-4b-60k]"]
    assert asked["status"] == "not_verified"
    assert "gemma3-4b-60k is a stand-in (tiny)" in asked["message"]
    assert "does not run as rollback" in said["vram-forecast[rollback rtx gemma3-4b-60k]"]["message"]
