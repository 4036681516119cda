"""How fast the static part is, as ratios inside one run: `make bench`.

1. The reference stack resolved under all its invocations, against one `docker compose config`.
2. `pytest newscreator.yaml -m config`, against a bare pytest start in the same place.
3. A generated repository of 7,000 files: seconds, growth from 3,500 to 7,000, peak memory.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "static.json"
PARTS = ("newscreator.yaml", ".env.example", "compose", "news-creator")
RESOLVE = """
import time
from pathlib import Path
from pytest_newscreator.contract.load import load
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
from pytest_newscreator.sources.docker import parse
from pytest_newscreator.sources.compose import interpolation
contract = load(Path("newscreator.yaml"))
def once():
    # Nothing is kept from the run before: each reads, parses and resolves all there is.
    interpolation.parse.cache_clear()
    parse.parse.cache_clear()
    repository = Repository(contract, registry.readers())
    for project in repository.resolved.values():
        for service in contract.services.values():
            repository.given(project, service)
once()
began = time.perf_counter()
for _ in range(20):
    once()
print((time.perf_counter() - began) / 20)
"""
JUDGE = """
import resource, time
from pathlib import Path
began = time.perf_counter()
from pytest_newscreator.checks.builtin import CHECKS
from pytest_newscreator.checks.findings import Findings
from pytest_newscreator.contract.load import load
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources import registry
findings = Findings(CHECKS, Repository(load(Path("newscreator.yaml")), registry.readers()))
count = sum(1 for _ in findings.all())
wrong = [judged.finding.headline for judged in findings.said() if judged.finding.severity == "error"]
seconds = time.perf_counter() - began
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, count, len(wrong))
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio or value with its goal; `parts` are what it is made of, in their units."""

    name: str
    value: float
    unit: str
    goal: str
    parts: dict[str, float]


def median(measure: Callable[[], float], times: int = 7) -> float:
    """Return the median of several measurements."""
    return statistics.median(measure() for _ in range(times))


def compiling(folder: Path) -> dict[str, str]:
    """Return the environment of a measured command: bytecode is kept, as an installation has it."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}


def wall(command: list[str], folder: Path) -> float:
    """Return how many seconds a command takes; raises CalledProcessError where it fails."""
    environment = compiling(folder)
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    return time.perf_counter() - began


def reference(folder: Path) -> Path:
    """Copy the reference stack without its tests."""
    root = folder / "reference"
    root.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("tests", "__pycache__", "*.gguf"))
        else:
            shutil.copy(source, root / part)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def python(code: str, folder: Path) -> list[float]:
    """Run a piece of Python in a folder and return the numbers it prints."""
    command, environment = [sys.executable, "-c", code], compiling(folder)
    ran = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=environment)
    return [float(word) for word in ran.stdout.split()]


def resolution(root: Path) -> Figure:
    """Compare all invocations in process with one `docker compose config` (its plugin, in a process as always)."""
    command = ["docker", "compose", "-f", "compose/compose.yaml", "config", "--format", "json"]
    wall(command, root)
    theirs, ours = median(lambda: wall(command, root)), median(lambda: python(RESOLVE, root)[0], 3)
    parts = {"docker compose config, one invocation, s": theirs, "ours, all invocations, s": ours}
    return Figure(
        "resolution of the reference stack: times faster than docker compose config", theirs / ours, "x", ">= 20", parts
    )


def pytest_start(root: Path) -> Figure:
    """Compare a run of all config checks with a run of one empty test."""
    (root / "bare").mkdir()
    (root / "bare" / "test_nothing.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
    base = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    bare, ours = [*base, "-p", "no:newscreator", "bare"], [*base, "newscreator.yaml", "-m", "config"]
    wall(bare, root), wall(ours, root)
    pairs = [(wall(bare, root), wall(ours, root)) for _ in range(9)]
    parts = {
        "bare pytest, s": statistics.median(p[0] for p in pairs),
        "config checks, s": statistics.median(p[1] for p in pairs),
    }
    ratio = statistics.median(ours / bare for bare, ours in pairs)
    return Figure("pytest newscreator.yaml -m config against a bare pytest start", ratio, "x", "<= 2", parts)


def large(folder: Path) -> list[Figure]:
    """Judge generated repositories of two sizes, each in a process of its own."""
    from generated import generate

    figures: dict[int, list[float]] = {}
    for files in (3500, 7000):
        root = folder / str(files)
        root.mkdir()
        lines = generate(root, files)
        runs = [python(JUDGE, root) for _ in range(3)]
        figures[files] = [*min(runs), lines]
    seconds, memory, items, wrong, lines = figures[7000]
    if wrong:
        raise SystemExit(f"the generated repository has {wrong:.0f} findings, should have none")
    parts = {"items": items, "lines": lines, "3,500 files, s": figures[3500][0]}
    return [
        Figure("generated repository of 7,000 files, 25 of them Compose, 1,000 Python", seconds, "s", "< 3", parts),
        Figure("the same: growth from 3,500 files", seconds / figures[3500][0], "x", "about 2", {}),
        Figure("the same: peak memory", memory, "MiB", "< 200", {}),
    ]


def main() -> None:
    """Measure, print, and keep the figures with the machine they were taken on."""
    with tempfile.TemporaryDirectory(prefix="newscreator-bench-") as name:
        folder = Path(name)
        root = reference(folder)
        figures = [pytest_start(root), *large(folder)]
        if shutil.which("docker"):
            figures.insert(0, resolution(root))
    for figure in figures:
        made_of = "; ".join(f"{key} {value:.3f}" for key, value in figure.parts.items())
        print(f"{figure.name}: {figure.value:.2f} {figure.unit} (goal {figure.goal}){'; ' if made_of else ''}{made_of}")
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
