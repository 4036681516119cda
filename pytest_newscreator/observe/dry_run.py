"""What `docker compose up` would do to each container, by its own dry run: the verdict, without the key that is why."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pytest_newscreator.contract.model import Invocation
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.compose import arguments, client_environment
from pytest_newscreator.stack.container import PROJECT_LABEL, Container

_LINE = re.compile(r"Container (\S+?)\s+(Running|Recreate|Create|Starting)\s*\Z")
_HASH_LABEL = "com.docker.compose.config-hash"
_PATIENCE_S = 20.0


def verdict(root: Path, invocation: Invocation, container: Container, passed: Mapping[str, str]) -> str | None:
    """Return what an `up -d` would do to a container now: `Running` (it is left), `Recreate`, `Create`.

    None where Compose refuses, is not there or takes too long. `passed` are the variables of this machine that Compose
    may see beside Docker's own. Where the hash on the container's label is the one of now, nothing more is asked: it
    leaves out only the content of an `env_file`, and the dry run takes three times as long. Each is asked once a run.
    """
    project = container.labels.get(PROJECT_LABEL, "")
    asked = root, invocation, project, passed
    key = root, invocation.name, project
    hashes = engine.once(("hashes", *key), lambda: _hashes(_said(*asked, ("config", "--hash", "*"))))
    if hashes.get(container.service) == container.labels.get(_HASH_LABEL, ""):
        return "Running"
    dry = ("--dry-run", "up", "-d", "--no-build")
    return engine.once(("dry run", *key), lambda: parse(_said(*asked, dry) or "")).get(container.name)


def _hashes(text: str | None) -> dict[str, str]:
    """Read `docker compose config --hash`: a service and its hash a line."""
    return dict(line.split()[:2] for line in (text or "").splitlines() if len(line.split()) > 1)


def _said(
    root: Path, invocation: Invocation, project: str, passed: Mapping[str, str], what: tuple[str, ...]
) -> str | None:
    """Ask Compose; None where it does not answer well."""
    command = ["docker", "compose", "--ansi", "never", "-p", project, *arguments(invocation), *what]
    try:
        done = subprocess.run(
            command, check=False, cwd=root, env=client_environment(invocation, passed), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=_PATIENCE_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout


def parse(text: str) -> Mapping[str, str]:
    """Read the lines of a dry run; of several words for a container the first is what is done to it."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        said = _LINE.search(line.rstrip())
        if said is not None:
            found.setdefault(said[1], said[2])
    return found
