"""`newscreator doctor`: what this machine can verify, and what earlier runs left on it."""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict

from pytest_newscreator.frozen import frozen
from pytest_newscreator.observe.gpu import has_nvidia
from pytest_newscreator.stack import engine, leftovers
from pytest_newscreator.stack.leftovers import Left
from pytest_newscreator.verdicts import NotVerified

PATIENCE_S = 20
EXTRAS = {
    "stack": ("docker", "testinfra", "ollama"),
    "perf": ("pytest_benchmark", "pynvml"),
    "standin": ("gguf", "numpy"),
    "cli": ("typer", "rich"),
}


@frozen
class Means:
    """One thing that verdicts need: whether it is here, what it is, what it serves and how to have it."""

    name: str
    here: bool
    detail: str
    serves: str
    fix: str = ""

    def __str__(self) -> str:
        """Render as `docker   yes  engine 27.1 (containers, ...)`."""
        way = f"; do: {self.fix}" if self.fix and not self.here else ""
        return f"{self.name:<10} {'yes' if self.here else 'no':<4} {self.detail} ({self.serves}){way}"


@frozen
class Health:
    """What the machine has, what is left on it, what was removed and what could not be."""

    means: tuple[Means, ...]
    left: tuple[Left, ...]
    removed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Return whether nothing is left that nobody meant to keep, and everything could be removed."""
        return not self.faults and not any(one.ours and not one.kept for one in self.left)


def examine(*, clean: bool, kept: bool, unseen: bool = False) -> Health:
    """Look at the machine; with `clean` remove what is left first, with `kept` and `unseen` also those."""
    removed, faults = leftovers.clean_up(kept=kept, unseen=unseen) if clean else ([], [])
    means = (_python(), _docker(), _compose(), _nvidia(), _ollama(), *map(_extra, EXTRAS))
    return Health(means, tuple(_left()), tuple(removed), tuple(faults))


def render(health: Health) -> str:
    """Return it as text."""
    lines = ["what this machine can verify:", *(f"  {one}" for one in health.means), ""]
    lines += [f"removed: {one}" for one in health.removed]
    lines += [f"could not be removed: {one}" for one in health.faults]
    lines += [str(one) for one in health.left] or ["nothing of earlier runs is left"]
    if any(one.ours and not one.kept for one in health.left):
        lines.append("  do: newscreator doctor --clean")
    if any(one.kept for one in health.left):
        lines.append("  do: newscreator doctor --clean --kept, where it is not needed any more")
    if any(one.unseen for one in health.left):
        lines.append("  do: newscreator doctor --clean --unseen, where no other session uses it")
    return "\n".join(lines)


def as_json(health: Health) -> str:
    """Return it as JSON: `means`, `left`, `removed`, `faults`."""
    return json.dumps(asdict(health), indent=2)


def _left() -> list[Left]:
    """Return what is left, as far as it can be asked."""
    found = list(leftovers.left_runs())
    try:
        found += leftovers.left_in_docker()
    except NotVerified:
        return found
    return found


def _python() -> Means:
    """Return the Python that runs."""
    return Means("python", here=True, detail=platform.python_version(), serves="config checks")


def _docker() -> Means:
    """Return whether a Docker daemon answers."""
    serves = "containers: deployed and served checks"
    return _asked("docker", serves, lambda: f"engine {engine.client().version()['Version']}")


def _compose() -> Means:
    """Return whether `docker compose` is there."""
    version = _said(["docker", "compose", "version", "--short"])
    return Means("compose", bool(version), version or "not found", "a stack of our own", "install Docker Compose v2")


def _nvidia() -> Means:
    """Return whether there is an NVIDIA GPU."""
    here = has_nvidia()
    detail = "driver loaded" if here else "no driver"
    return Means("gpu", here, detail, "gpu checks", "run on the GPU host")


def _ollama() -> Means:
    """Return whether the `ollama` program is there, for process stacks."""
    path = shutil.which("ollama")
    detail = version_of(_said([path, "--version"]) or "") if path else "not on PATH"
    return Means("ollama", path is not None, detail, "a stack of processes, without Docker", "install Ollama")


def version_of(said: str) -> str:
    """Return the version in what `ollama --version` prints: the client's own, where a server of another one answers."""
    found = re.findall(r"(client )?version is (\S+)", said)
    return max(found)[1] if found else "of an unknown version"


def _extra(name: str) -> Means:
    """Return whether the packages of an extra are installed."""
    missing = [package for package in EXTRAS[name] if importlib.util.find_spec(package) is None]
    detail = f"without {', '.join(missing)}" if missing else "installed"
    return Means(f"[{name}]", not missing, detail, "optional packages", f"pip install 'pytest-newscreator[{name}]'")


def _asked(name: str, serves: str, ask: Callable[[], str]) -> Means:
    """Return the answer of something that may not be there."""
    try:
        return Means(name, here=True, detail=ask(), serves=serves)
    except NotVerified as missing:
        return Means(name, here=False, detail=missing.reason, serves=serves, fix=missing.fix)


def _said(command: list[str]) -> str | None:
    """Return what a command prints, None where it fails or is not there."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else None
