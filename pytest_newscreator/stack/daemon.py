"""Which Docker daemon is meant, as a part of a command: what it is ordered to do elsewhere must reach the same one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAMES: Final = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")


def endpoint(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the `env` command that gives Docker's client the daemon of this environment, whatever it is run in.

    A context that was chosen by `docker context use` is written out: another may be chosen meanwhile.
    """
    config = environment.get("DOCKER_CONFIG") or str(Path(environment.get("HOME") or Path.home(), ".docker"))
    given = {name: environment[name] for name in NAMES if environment.get(name)} | {"DOCKER_CONFIG": config}
    if "DOCKER_HOST" not in given and "DOCKER_CONTEXT" not in given:
        given["DOCKER_CONTEXT"] = _chosen(Path(config, "config.json"))
    unset = [part for name in NAMES if name not in given for part in ("-u", name)]
    return ("env", *unset, *(f"{name}={given[name]}" for name in NAMES if name in given))


def _chosen(file: Path) -> str:
    """Return the context that Docker's client uses by its own configuration."""
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "default"
    return str(read.get("currentContext") or "default") if isinstance(read, dict) else "default"
