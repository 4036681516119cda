"""From a container to a process: the same command under the same environment, placed on this machine.

Only placement is translated (addresses, ports, service names, paths), and each translation is listed; every
other value is byte-equal to what the container would get. The host's own OLLAMA_* never get in.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pytest_newscreator.contract.model import Service
from pytest_newscreator.errors import StackError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.given import Given
from pytest_newscreator.stack.model import Placement, Request
from pytest_newscreator.stack.owned import FILES_VARIABLE
from pytest_newscreator.stack.placement import LOOPBACK, OLLAMA_PORT, OWN_NAMES, Placing
from pytest_newscreator.stack.rootfs import lay_out
from pytest_newscreator.stack.scripts import place_scripts, refuse_scripts
from pytest_newscreator.verdicts import NotVerified

HOST_OWN = ("PATH", "TMPDIR")
ROOTS_HOME = "/root"
HERE = "placed on this machine"


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
    plans += [_process_plan(request, key, ports) for key in _own_processes(request)]
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
        ports={(services[k].compose or k, _inside(services[k])): ports[k] for k in givens},
        nowhere=free_port(),
    )
    environment, placements = _environment(request, key, given, placing)
    command = _command([placing.argument(word) for word in given.command], key)
    placements += tuple(place_scripts(key, root, command, placing))
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


def _inside(service: Service) -> int:
    """Return the port on which a service listens in its container."""
    return service.port or (OLLAMA_PORT if service.kind == "ollama" else 0)


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
        if value.text is None or name in (*HOST_OWN, "OLLAMA_HOST"):
            continue
        text, why = placing.text(value.text), HERE
        if name == FILES_VARIABLE and request.base_files:
            text = " ".join(f"{model}={path}" for model, path in request.base_files.items())
            why = "base models given as files"
        environment[name] = text
        if text != value.text:
            placements.append(Placement(key, name, value.text, text, why))
    declared = given.environment.get("OLLAMA_HOST")
    placements += _commanded(key, environment, declared.text if declared else None, placing)
    placements += confined(key, environment, placing.root)
    return environment, tuple(placements)


def _commanded(key: str, environment: dict[str, str], declared: str | None, placing: Placing) -> Iterator[Placement]:
    """Give every process an OLLAMA_HOST: without one, `ollama` would command whatever serves this machine."""
    environment["OLLAMA_HOST"] = placing.ollama_host(declared or "")
    if environment["OLLAMA_HOST"] != declared:
        yield Placement(key, "OLLAMA_HOST", declared, environment["OLLAMA_HOST"], HERE)


def confined(key: str, environment: dict[str, str], root: Path) -> Iterator[Placement]:
    """Give a process a home below `root`, and a model store wherever one is named: never this user's own."""
    for name, default in (("HOME", ROOTS_HOME), ("OLLAMA_MODELS", None)):
        declared = environment.get(name)
        folder = declared or default
        if folder is None:
            continue
        place = Path(os.path.normpath(folder))
        if not place.is_relative_to(root):
            place = root / os.path.normpath(f"/{folder}").lstrip("/")
            environment[name] = str(place)
            yield Placement(key, name, declared, str(place), "a run of its own uses no folder of this user")
        place.mkdir(parents=True, exist_ok=True)


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


def _process_plan(request: Request, key: str, ports: Mapping[str, int]) -> Plan:
    """Return what a service declared as a process is started by."""
    service = request.repository.contract.services[key]
    process = service.process
    if process is None:
        raise StackError(f"{key} is not declared as a process")
    root, cwd = request.folder / key, request.repository.root
    placing = Placing(own=key, root=root, folders=(), ports=_beside(request, key, ports), nowhere=free_port())
    declared = dict(process.environment)
    environment = _host(request)
    environment.pop("HOME", None)
    environment |= {name: placing.addresses(text) for name, text in declared.items() if name != "OLLAMA_HOST"}
    placements = [
        Placement(key, name, text, environment[name], HERE)
        for name, text in declared.items()
        if name != "OLLAMA_HOST" and environment[name] != text
    ]
    placements += _commanded(key, environment, declared.get("OLLAMA_HOST"), placing)
    if not environment.get("OLLAMA_MODELS"):
        environment["OLLAMA_MODELS"] = f"{root}{ROOTS_HOME}/.ollama/models"
        placements.append(Placement(key, "OLLAMA_MODELS", None, environment["OLLAMA_MODELS"], HERE))
    placements += confined(key, environment, root)
    command = _command([placing.addresses(word) for word in process.command], key)
    refuse_scripts(key, cwd, process.command, placing)
    port = ports[key] if service.kind == "ollama" else service.port or ports[key]
    log = request.folder / f"{key}.log"
    return Plan(service, command, environment, cwd, port, (), tuple(placements), log)


def _beside(request: Request, key: str, ports: Mapping[str, int]) -> dict[tuple[str, int], int]:
    """Return where the services are that a process reaches on this machine: those of one name, as it shares them all.

    An Ollama is placed; an http service declared as a process, and what the contract declares by URL, stay.
    """
    services = request.repository.contract.services
    found: dict[tuple[str, int], int] = {}
    for other in services.values():
        url = urlsplit(other.url) if other.url else None
        if url is not None and url.hostname in OWN_NAMES and url.port:
            found[key, url.port] = url.port
        elif other.kind != "ollama" and other.process and other.port:
            found[key, other.port] = other.port
    for other in sorted(services.values(), key=lambda one: one.key == key):
        if other.kind == "ollama" and other.key in ports:
            found[key, _inside(other)] = ports[other.key]
    return found
