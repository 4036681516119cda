"""From a container to a process: the same command under the same environment, placed on this machine.

Only placement is translated (addresses, ports, service names, paths), and each translation is listed; every
other value is byte-equal to what the container would get. The host's own OLLAMA_* never get in.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_newscreator.contract.model import Service
from pytest_newscreator.errors import StackError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.stack.model import Placement, Request
from pytest_newscreator.stack.owned import FILES_VARIABLE
from pytest_newscreator.stack.placement import LOOPBACK, Placing
from pytest_newscreator.stack.rootfs import lay_out
from pytest_newscreator.verdicts import NotVerified

HOST_OWN = ("PATH", "TMPDIR")


@frozen
class Plan:
    """What one service is started by: its command, its whole environment, and how it is asked for its health."""

    service: Service
    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path
    port: int
    health: tuple[str, ...]
    placements: tuple[Placement, ...]
    log: Path
    after: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Return the address of the service on this machine."""
        return f"http://{LOOPBACK}:{self.port}"


def plans(request: Request) -> list[Plan]:
    """Return what to start, in order; raises `NotVerified` where a program is missing on this machine."""
    givens = dict(_givens(request))
    ports = {key: free_port() for key in (*givens, *_own_processes(request))}
    plans = [_container_plan(request, key, given, givens, ports) for key, given in givens.items()]
    plans += [_process_plan(request, key, ports[key]) for key in _own_processes(request)]
    return sorted(plans, key=lambda plan: _depth(plan, {p.service.compose: p for p in plans}))


def _depth(plan: Plan, plans: Mapping[str | None, Plan], seen: int = 0) -> int:
    """Return how many services must be there before this one."""
    depths = [_depth(plans[name], plans, seen + 1) for name in plan.after if name in plans and seen < len(plans)]
    return 1 + max(depths) if depths else 0


def _givens(request: Request) -> list[tuple[str, Given]]:
    """Return what Compose and the image give to each Compose service of the contract."""
    repository = request.repository
    if request.invocation is None:
        return []
    project = repository.projects[request.invocation.name]
    if isinstance(project, Exception):
        raise StackError(f"invocation {request.invocation.name} does not resolve: {project.message}", fix=project.fix)
    found = []
    for service in repository.contract.services.values():
        given = repository.given(project, service)
        if given is not None:
            found.append((service.key, given))
    return found


def _own_processes(request: Request) -> list[str]:
    """Return the keys of the services that the contract declares as processes."""
    return [service.key for service in request.repository.contract.services.values() if service.process]


def free_port() -> int:
    """Return a port that was free on the loopback interface a moment ago."""
    with socket.socket() as probe_socket:
        probe_socket.bind((LOOPBACK, 0))
        port: int = probe_socket.getsockname()[1]
        return port


def _container_plan(
    request: Request, key: str, given: Given, givens: Mapping[str, Given], ports: Mapping[str, int]
) -> Plan:
    """Translate one container into a process."""
    services = request.repository.contract.services
    service = services[key]
    if service.kind == "ollama":
        _find("ollama", key)
    root = request.folder / key
    placing = Placing(
        own=service.compose or key,
        root=root,
        folders=lay_out(given, request.repository.root, root),
        ports={(services[k].compose or k, services[k].port or 0): ports[k] for k in givens},
    )
    environment, placements = _environment(request, key, given, placing)
    command = _command([placing.argument(word) for word in given.command], key)
    depends = given.compose.get("depends_on")
    return Plan(
        service=service,
        command=command,
        environment=environment,
        cwd=_cwd(given, root),
        port=ports[key],
        health=_health_command(given, placing),
        placements=placements,
        log=request.folder / f"{key}.log",
        after=tuple(depends.value) if depends is not None and isinstance(depends.value, dict | list) else (),
    )


def _cwd(given: Given, root: Path) -> Path:
    """Return the working directory as it is here."""
    workdir = given.image.workdir if given.image and given.image.workdir else ""
    return root / workdir.lstrip("/")


def _environment(
    request: Request, key: str, given: Given, placing: Placing
) -> tuple[dict[str, str], tuple[Placement, ...]]:
    """Return the container's environment as it is here, and what was changed in it."""
    environment = _host(request)
    placements: list[Placement] = []
    for name, value in given.environment.items():
        if value.text is None or name in HOST_OWN:
            continue
        text, why = placing.text(value.text), "placed on this machine"
        if name == FILES_VARIABLE and request.base_files:
            text = " ".join(f"{model}={path}" for model, path in request.base_files.items())
            why = "base models given as files"
        environment[name] = text
        if text != value.text:
            placements.append(Placement(key, name, value.text, text, why))
    return environment, tuple(placements)


def _host(request: Request) -> dict[str, str]:
    """Return what a process needs of this machine: where programs are, and where temporary files go."""
    temporary = request.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {"PATH": _search_path(), "TMPDIR": str(temporary), **request.passed}


def _command(words: Sequence[str], key: str) -> tuple[str, ...]:
    """Return the command with its program found here: at its translated path, else by its name on PATH."""
    if not words:
        raise StackError(f"{key}: neither Compose nor its Dockerfile says what to run", fix="add `command:`")
    program = words[0]
    return (program if Path(program).is_file() else _find(Path(program).name, key), *words[1:])


def _search_path() -> str:
    """Return where programs are looked for: beside this Python first, so that a virtual environment's come first."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _find(name: str, key: str) -> str:
    """Return where a program is on this machine; raises `NotVerified` where it is not."""
    found = shutil.which(name, path=_search_path())
    if found is None:
        needs = "ollama" if name == "ollama" else "stack"
        raise NotVerified(f"{key} needs {name}, which is not on PATH", needs=needs, fix=f"install {name}")
    return found


def _health_command(given: Given, placing: Placing) -> tuple[str, ...]:
    """Return the Compose health check's own command, placed here; empty where none is declared."""
    node = given.compose.get("healthcheck.test")
    words = node.value if node is not None else None
    if isinstance(words, str):
        words = ["CMD-SHELL", words]
    if not isinstance(words, list) or not words or words[0] == "NONE":
        return ()
    placed = [placing.text(str(word)) for word in words]
    if placed[0] == "CMD-SHELL":
        return ("/bin/sh", "-c", placed[1])
    return tuple(placed[1:] if placed[0] == "CMD" else placed)


def _process_plan(request: Request, key: str, port: int) -> Plan:
    """Return what a service declared as a process is started by."""
    service = request.repository.contract.services[key]
    process = service.process
    if process is None:
        raise StackError(f"{key} is not declared as a process")
    environment = {"HOME": os.environ.get("HOME", "/"), **_host(request), **process.environment}
    declared = process.environment.get("OLLAMA_HOST")
    placements: tuple[Placement, ...] = ()
    if service.kind == "ollama":
        environment["OLLAMA_HOST"] = f"{LOOPBACK}:{port}"
        placements = (Placement(key, "OLLAMA_HOST", declared, environment["OLLAMA_HOST"], "placed on this machine"),)
    else:
        port = service.port or port
    command = _command(list(process.command), key)
    log = request.folder / f"{key}.log"
    return Plan(service, command, environment, request.repository.root, port, (), placements, log)
