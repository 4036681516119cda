"""What a stack of our own costs beside its peers, as ratios inside one run: `make bench-stack`.

1. Start to teardown of one Ollama container, by the fixture, against bare `docker compose up --wait` and `down`.
2. The whole command, from the shell and back, against pytest-docker, testcontainers and python-on-whales.
3. The live checks of the whole reference stack once it is up, in seconds.

Needs Docker and the image OLLAMA_IMAGE (default ollama/ollama:0.24.0). The peers are installed into a virtual
environment of their own below the user's cache, by the versions in PEERS.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "stack.json"
IMAGE = os.environ.get("OLLAMA_IMAGE", "ollama/ollama:0.24.0")
PEERS = ("pytest==9.2.0", "pytest-docker==3.2.6", "testcontainers==4.15.0", "python-on-whales==0.81.0")
ROUNDS = 7
SLOW = ("generates", "loaded", "health-is-true", "rollback", "app-options")
CALL = re.compile(r"^([\d.]+)s call", re.MULTILINE)
PORT = 11635
COMPOSE = f"""\
services:
  ollama:
    image: {IMAGE}
    ports: ["127.0.0.1:{PORT}:11434"]
    healthcheck: {{test: ["CMD", "ollama", "list"], interval: 1s, retries: 30}}
    volumes: ["models:/root/.ollama"]
volumes: {{models: {{}}}}
"""
CONTRACT = """\
version: 1
models: {small: {service: backend, base: "gemma3:4b"}}
services: {backend: {kind: ollama, compose: ollama, port: 11434, ready_within: 1 min}}
compose: {invocations: {default: {files: [compose.yaml]}}}
"""
ASKS = """
import urllib.request

def asks(url):
    with urllib.request.urlopen(url + "/api/version", timeout=5) as answer:
        assert answer.status == 200
"""
TESTS = {
    "ours": "from asks import asks\n\ndef test_it(newscreator_stack):\n"
    '    asks(newscreator_stack.endpoint("backend").url)\n',
    "pytest-docker": f"""
import pytest
from asks import asks

@pytest.fixture(scope="session")
def docker_compose_file():
    return "compose.yaml"

def test_it(docker_services):
    asks("http://127.0.0.1:{PORT}")
""",
    "testcontainers": f"""
import pytest
from asks import asks
from testcontainers.compose import DockerCompose

@pytest.fixture(scope="session")
def stack():
    with DockerCompose(".", compose_file_name="compose.yaml", wait=True) as running:
        yield running

def test_it(stack):
    asks("http://127.0.0.1:{PORT}")
""",
    "python-on-whales": f"""
import pytest
from asks import asks
from python_on_whales import DockerClient

@pytest.fixture(scope="session")
def stack():
    docker = DockerClient(compose_files=["compose.yaml"], compose_project_name="whales")
    docker.compose.up(detach=True, wait=True)
    yield docker
    docker.compose.down(volumes=True)

def test_it(stack):
    asks("http://127.0.0.1:{PORT}")
""",
}
OURS = """
import contextlib, sys, time
from pathlib import Path
from pytest_newscreator.contract.load import load
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.stack import choose
from pytest_newscreator.stack.model import Request
from pytest_newscreator.stack.run import Run, new_id
contract = load(Path("newscreator.yaml"))
repository = Repository(contract, registry.readers())
began = time.perf_counter()
run = Run.open(new_id())
request = Request(repository, contract.invocations["default"], run)
choose.start("compose", request, request)
run.leave()
print(time.perf_counter() - began)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio or value with its goal; `parts` are what it is made of, in their units."""

    name: str
    value: float
    unit: str
    goal: str
    parts: dict[str, float]


def ran(command: list[str], folder: Path) -> tuple[float, str]:
    """Run a command to its end; return its seconds and what it printed. Raises SystemExit where it fails."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode"), "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds, done.stdout


def bare(folder: Path) -> float:
    """Start and remove the stack by Compose alone."""
    up, _ = ran(["docker", "compose", "-p", "bare", "up", "--detach", "--wait"], folder)
    down, _ = ran(["docker", "compose", "-p", "bare", "down", "--volumes"], folder)
    return up + down


def peers_python() -> Path:
    """Return the Python of the environment that has the peers, made where it is missing."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-newscreator" / "bench-peers"
    made_of = folder / "made-of"
    if not made_of.exists() or made_of.read_text(encoding="ascii") != " ".join(PEERS):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin/pip"), "install", "--quiet", *PEERS], check=True)
        made_of.write_text(" ".join(PEERS), encoding="ascii")
    return folder / "bin" / "python"


def commands(python: Path) -> dict[str, list[str]]:
    """Return the whole command of each tool."""
    options = ["-q", "-p", "no:cacheprovider"]
    theirs = {
        name: [str(python), "-m", "pytest", *options, f"test_{name.replace('-', '_')}.py"]
        for name in TESTS
        if name != "ours"
    }
    ours = [sys.executable, "-m", "pytest", *options, "test_ours.py", "--newscreator-stack", "compose"]
    return {"ours": ours, **theirs}


def rounds(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Measure everything in turn, round by round; return the medians: start to teardown, and whole commands."""
    whole = commands(peers_python())
    inside: dict[str, list[float]] = {"bare": [], "ours": []}
    outside: dict[str, list[float]] = {name: [] for name in whole}
    for number in range(ROUNDS + 1):
        one = {"bare": bare(folder), "ours": float(ran([sys.executable, "-c", OURS], folder)[1])}
        other = {name: ran(command, folder)[0] for name, command in whole.items()}
        if number:  # the first round warms caches and bytecode
            for name, seconds in one.items():
                inside[name].append(seconds)
            for name, seconds in other.items():
                outside[name].append(seconds)
    return (
        {name: statistics.median(values) for name, values in inside.items()},
        {name: statistics.median(values) for name, values in outside.items()},
    )


def starts(folder: Path) -> list[Figure]:
    """Compare starting and removing a stack."""
    inside, outside = rounds(folder)
    best = min(seconds for name, seconds in outside.items() if name != "ours")
    return [
        Figure("start to teardown against bare compose", inside["ours"] / inside["bare"], "x", "<= 1.05", inside),
        Figure("the whole command against the best peer", outside["ours"] / best, "x", "< 1", outside),
    ]


def live_checks(folder: Path) -> Figure:
    """Sum what the live checks of the reference stack take once it is up, without those that load or restart."""
    for part in ("newscreator.yaml", ".env.example", "compose", "news-creator"):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("tests", "__pycache__", "*.gguf"))
        else:
            shutil.copy(source, folder / part)
    (folder / "pytest.ini").write_text("[pytest]\nnewscreator_pass_environment = CA_BUNDLE\n", encoding="utf-8")
    options = ["--newscreator-stack", "compose", "--newscreator-standin", "--newscreator-keep"]
    base = [sys.executable, "-m", "pytest", "newscreator.yaml", "-m", "infra", "-p", "no:cacheprovider", *options]
    doctor = "from pytest_newscreator.cli import main; main()"
    try:
        ran([*base, "-k", "healthy"], folder)
        seconds, items = [], 0
        for _ in range(3):
            _, said = ran([*base, "-k", f"not ({' or '.join(SLOW)})", "--durations=0", "-vv"], folder)
            calls = [float(found) for found in CALL.findall(said)]
            seconds.append(sum(calls))
            items = len(calls)
    finally:
        ran([sys.executable, "-c", doctor, "doctor", "--clean", "--kept"], folder)
    parts = {"items": float(items)}
    return Figure("live checks of the reference stack, once it is up", statistics.median(seconds), "s", "< 1", parts)


def main() -> None:
    """Measure, print, and keep the figures with the machine they were taken on."""
    with tempfile.TemporaryDirectory(prefix="newscreator-bench-") as name:
        folder = Path(name) / "stack"
        folder.mkdir()
        files = {"compose.yaml": COMPOSE, "newscreator.yaml": CONTRACT, "asks.py": ASKS, "pytest.ini": "[pytest]\n"}
        tests = {f"test_{tool.replace('-', '_')}.py": text for tool, text in TESTS.items()}
        for path, text in {**files, **tests}.items():
            (folder / path).write_text(text, encoding="utf-8")
        figures = starts(folder)
        reference = Path(name) / "reference"
        reference.mkdir()
        figures.append(live_checks(reference))
    for figure in figures:
        made_of = "; ".join(f"{key} {value:.3f}" for key, value in figure.parts.items())
        print(f"{figure.name}: {figure.value:.2f} {figure.unit} (goal {figure.goal}); {made_of}")
    machine = {
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "date": str(datetime.now(UTC).date()),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"machine": machine, "figures": [asdict(one) for one in figures]}, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
