"""What our tables say a server makes of its variables is what a real one prints at its start."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pytest

from pytest_newscreator.sources.ollama.settings import NO_START, known, reads_as, table_for

START_S = 30.0
FOREVER = "2562047h47m16.854775807s"
CONFIG = re.compile(r'msg="server config" env=("(?:[^"\\]|\\.)*")')
OWN_ORIGINS = "http://localhost https://localhost"
KEY = re.compile(r"(?:^| )([A-Z_]+|https?_proxy|no_proxy):")
TEXTS: Mapping[str, tuple[str, ...]] = {
    "OLLAMA_CONTEXT_LENGTH": ("8k", "8192", '"4096"', "-1", "8_192", "18446744073709551616", "007"),
    "OLLAMA_DEBUG": ("1", "2", "off", "true", "yes", "-0", "debug"),
    "OLLAMA_FLASH_ATTENTION": ("off", "1", "false", "auto", "F", " no ", "' false '"),
    "OLLAMA_GPU_OVERHEAD": ("1GiB", "1073741824", "0", "1e9", "512 MiB", "-5", "'7'"),
    "OLLAMA_KEEP_ALIVE": ("1d", "24 h", "-1", "300", "1h30m", "99999999999", "1.5"),
    "OLLAMA_KV_CACHE_TYPE": ("q8_0", "q4_0", "f16", "'f16'", " q8_0", "q4_0 ", '"f16"'),
    "OLLAMA_LLM_LIBRARY": ("", "cuda_v12", "'cpu'", " x", "", "", ""),
    "OLLAMA_LOAD_TIMEOUT": ("0", "-5", "10m", "1.5h", "9999999h", "+5", "0.5s"),
    "OLLAMA_MAX_LOADED_MODELS": ("auto", "2", "+3", "0", "1.0", "two", "3"),
    "OLLAMA_MAX_QUEUE": ("0", "64", "1_024", "-1", "512", "", "0x10"),
    "OLLAMA_MULTIUSER_CACHE": ("disabled", "0", "T", "nope", "False", "2", ""),
    "OLLAMA_NOHISTORY": ("no", "1", "0", "f", "true", "on", "tRUE"),
    "OLLAMA_NOPRUNE": ("off", "", "t", "FALSE", "0", "never", "1"),
    "OLLAMA_NUM_PARALLEL": ("1.0", "4", " 4 ", "'4'", '" 4 "', "-1", "default"),
    "OLLAMA_ORIGINS": ("*", "http://a,https://b", "http://*", "chrome-extension://x", "", "app://*", "'http://a'"),
    "OLLAMA_REMOTES": ("a, b", "a,b", " ", "'x.example.com'", "ollama.com", "a,", ""),
    "OLLAMA_SCHED_SPREAD": ("fAlse", "1", "", "n", "0", "TRUE", "disable"),
    "OLLAMA_VULKAN": ("off", "0", "", "1", "false", "x", "F"),
}
BATCHES = range(7)


@pytest.fixture
def version(by_process: None) -> str:  # noqa: ARG001
    """The version of the `ollama` on PATH."""
    done = subprocess.run(["ollama", "--version"], check=True, capture_output=True, text=True, timeout=START_S)
    found = re.search(r"version is ([0-9]+\.[0-9]+\.[0-9]+)", done.stdout + done.stderr)
    assert found, done.stdout
    return found[1]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def serving(home: Path, variables: Mapping[str, str]) -> Iterator[IO[str]]:
    """A server with these variables and no other of its own; gives its log, and kills it and its runners at the end."""
    own = {"HOME": str(home), "PATH": os.environ["PATH"], "OLLAMA_HOST": f"127.0.0.1:{free_port()}"}
    server = subprocess.Popen(
        ["ollama", "serve"],
        env={**own, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    watch = threading.Timer(START_S, server.kill)
    watch.start()
    try:
        assert server.stderr is not None
        with server.stderr as log:
            yield log
    finally:
        watch.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def printed(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a server prints of its variables."""
    lines = []
    with serving(home, variables) as log:
        for line in log:
            lines.append(line)
            if found := CONFIG.search(line):
                return parted(json.loads(found[1]))
    raise AssertionError("".join(lines[-20:]))


def parted(text: str) -> dict[str, str]:
    """Take a printed map of Go apart: names and texts with no mark but a blank between them."""
    inside = text.removeprefix("map[").removesuffix("]")
    keys = list(KEY.finditer(inside))
    ends = [key.start() for key in keys[1:]] + [len(inside)]
    return {key[1]: inside[key.end() : end] for key, end in zip(keys, ends, strict=True)}


def as_printed(name: str, value: str) -> str:
    """Return a reading's value as Go prints it."""
    if name == "OLLAMA_ORIGINS":
        return " ".join(value.split(","))
    if name == "OLLAMA_REMOTES":
        return f"[{' '.join(value.split(','))}]"
    return {"forever": FOREVER, "unset": "false"}.get(value, value)


def told(name: str, text: str) -> str:
    """Return the part of a printed text that a reading speaks of: of the origins those before the server's own."""
    return text.removeprefix("[").partition(OWN_ORIGINS)[0].strip() if name == "OLLAMA_ORIGINS" else text


@pytest.mark.parametrize("batch", BATCHES)
def test_a_text_is_read_as_the_server_reads_it(tmp_path: Path, version: str, batch: int) -> None:
    """Seven texts for each variable, all variables of a batch in one start."""
    texts = {name: texts[batch] for name, texts in TEXTS.items() if name in known(version)}
    shown = printed(tmp_path, texts)
    expected = {name: as_printed(name, reads_as(name, text, version).value) for name, text in texts.items()}
    assert {name: told(name, shown[name]) for name in texts} == expected


def test_a_variable_that_is_not_set_has_the_default_of_the_table(tmp_path: Path, version: str) -> None:
    """Every variable that the server prints is in the table, with its default."""
    shown = {name: text for name, text in printed(tmp_path, {}).items() if name.startswith("OLLAMA_")}
    if table_for(version) == version:
        assert shown.keys() <= known(version).keys()
    table = {name: known(version)[name] for name in shown if name in known(version)}
    expected = {name: as_printed(name, variable.default) for name, variable in table.items()}
    expected["OLLAMA_MODELS"] = f"{tmp_path}/.ollama/models"
    # What decides is not what is printed: no type is f16, and the test itself says where to listen.
    seen = {name: told(name, shown[name]) for name in table} | {"OLLAMA_KV_CACHE_TYPE": "f16"}
    expected["OLLAMA_HOST"] = seen["OLLAMA_HOST"]
    if "OLLAMA_IGPU_ENABLE" in seen:
        seen["OLLAMA_IGPU_ENABLE"] = seen["OLLAMA_IGPU_ENABLE"] or "false"
    assert seen == expected


@pytest.mark.parametrize(
    "form",
    ["127.0.0.1:{}", "http://127.0.0.1:{}/", "' localhost:{} '", "tcp://127.0.0.1:{}", "https://localhost:{}/x"],
)
def test_where_to_listen_is_read_as_the_server_reads_it(tmp_path: Path, version: str, form: str) -> None:
    """Scheme, host and port as they are printed."""
    text = form.format(free_port())
    assert printed(tmp_path, {"OLLAMA_HOST": text})["OLLAMA_HOST"] == reads_as("OLLAMA_HOST", text, version).value


def test_a_quoted_folder_is_the_folder(tmp_path: Path, version: str) -> None:
    """Quotes around the whole text are none of it; a tilde is."""
    for text in (f"'{tmp_path}/m'", f" {tmp_path}/~ "):
        shown = printed(tmp_path, {"OLLAMA_MODELS": text})["OLLAMA_MODELS"]
        assert shown == reads_as("OLLAMA_MODELS", text, version).value


@pytest.mark.parametrize("text", ["http://a, http://b", "localhost:3000", "*,", "http://*:*"])
def test_an_origin_that_ends_the_server_is_known(tmp_path: Path, version: str, text: str) -> None:
    """One bad origin, a blank after a comma among them, and nothing serves."""
    assert reads_as("OLLAMA_ORIGINS", text, version).value == NO_START
    with serving(tmp_path, {"OLLAMA_ORIGINS": text}) as log:
        lines = list(log)
    assert any(line.startswith("panic: ") and ("bad origin" in line or "only one *" in line) for line in lines)
