"""A stack of our own by Docker Compose: isolated, watched, and removed whatever happens."""

from __future__ import annotations

import functools
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import engine, probe
from pytest_newscreator.stack.card import Symptom, card
from pytest_newscreator.stack.engine import Container
from pytest_newscreator.stack.model import Endpoint, Request, Stack
from pytest_newscreator.stack.mounts import copied
from pytest_newscreator.stack.owned import owned
from pytest_newscreator.stack.watchdog import Watchdog
from pytest_newscreator.verdicts import NotVerified

BUILD_TIMEOUT_S = 1800.0
POLL_S = 0.05
CRASHES = 2


class ComposeBackend:
    """Starts the project under a name of its own."""

    name = "compose"

    def start(self, request: Request) -> Stack:
        """Build, start and wait; on any failure nothing is left behind."""
        if request.invocation is None or not _compose_services(request):
            raise NotVerified("no service of the contract is started by Compose", needs="stack", fix="add `compose:`")
        engine.require()
        run = secrets.token_hex(4)
        project = f"newscreator-{run}"
        model, placements, notes = owned(
            _config(request, project),
            project=project,
            run=run,
            nvidia=engine.has_nvidia(),
            base_files=request.base_files,
            services=_compose_services(request),
            copied=lambda source: copied(source, request.repository.root, request.folder),
        )
        file = request.folder / "compose.json"
        file.write_text(json.dumps(model), encoding="utf-8")
        compose = ("docker", "compose", "-p", project, "-f", str(file))
        down = (*compose, "down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5")
        watchdog = None if request.keep else Watchdog()
        if watchdog:
            watchdog.order("remove", request.folder)
            watchdog.order("run", *down)
        close = functools.partial(_close, down, request, watchdog)
        try:
            endpoints = _up(request, compose, project)
        except BaseException:
            close()
            raise
        kept = (
            (f"kept: remove it with: docker compose -p {project} down --volumes --rmi local",) if request.keep else ()
        )
        return Stack(
            kind="compose",
            owned=True,
            invocation=request.invocation,
            endpoints=endpoints,
            close=(lambda: None) if request.keep else close,
            placements=placements,
            notes=(*notes, *kept),
        )


def _compose_services(request: Request) -> dict[str, str]:
    """Return the contract's Compose services: Compose name to contract key."""
    services = request.repository.contract.services.values()
    return {service.compose: service.key for service in services if service.compose}


def arguments(request: Request) -> list[str]:
    """Return the options of `docker compose` that the invocation stands for, as typed in the repository's root."""
    invocation = request.invocation
    if invocation is None:
        return []
    options = [part for file in invocation.files for part in ("-f", file)]
    options += [part for file in invocation.env_files for part in ("--env-file", file)]
    options += [part for profile in invocation.profiles for part in ("--profile", profile)]
    if invocation.project_directory:
        options += ["--project-directory", invocation.project_directory]
    return options


def client_environment(request: Request) -> dict[str, str]:
    """Return what Docker's client sees: its own variables, the invocation's, and those passed on by name.

    Nothing else of this process's environment reaches Compose, which would interpolate it.
    """
    own = ("PATH", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "BUILDX_BUILDER", "DOCKER_BUILDKIT")
    kept = {n: v for n, v in os.environ.items() if n in own or n.startswith("DOCKER_")}
    declared = request.invocation.environment if request.invocation else {}
    return {**kept, **request.passed, **declared}


def _config(request: Request, project: str) -> dict[str, Any]:
    """Return the project as Compose itself resolves it."""
    command = ["docker", "compose", "-p", project, *arguments(request), "config", "--format", "json"]
    done = _run(request, command, timeout_s=60)
    if done.returncode:
        raise StackError(f"docker compose refuses the project: {_last(done.stderr)}", fix="mend the file it names")
    model: dict[str, Any] = json.loads(done.stdout)
    return model


def _up(request: Request, compose: Sequence[str], project: str) -> dict[str, Endpoint]:
    """Build and start; wait until every service of the contract serves and is healthy."""
    request.progress("building the images")
    built = _run(request, [*compose, "--progress", "plain", "build"], timeout_s=BUILD_TIMEOUT_S)
    if built.returncode:
        log = [line for line in built.stderr.splitlines() if line.strip()]
        raise StackError(
            card("the images cannot be built", [Symptom("build", "failed", log=log)], "read the lines above")
        )
    request.progress("pulling the images that are not here")
    # What cannot be pulled is told by `up`, which needs it; pulling first keeps it out of `ready_within`.
    _run(request, [*compose, "pull", "--quiet", "--policy", "missing", "--ignore-buildable"], timeout_s=BUILD_TIMEOUT_S)
    request.progress("starting the containers")
    said = request.folder / "up.log"
    started = time.monotonic()
    with said.open("wb") as errors:
        up = subprocess.Popen(
            [*compose, "up", "--detach", "--no-build"],
            cwd=request.repository.root,
            env=client_environment(request),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    try:
        return _wait(request, project, up, started)
    finally:
        if up.poll() is None:
            os.killpg(up.pid, signal.SIGKILL)
        up.wait()


def _wait(request: Request, project: str, up: subprocess.Popen[bytes], started: float) -> dict[str, Endpoint]:
    """Poll until all is well; a crash, a crash loop, an unhealthy container or the time limit end it at once."""
    services = [s for s in request.repository.contract.services.values() if s.compose]
    served: dict[str, float] = {}
    healthy: dict[str, float] = {}
    while True:
        elapsed = time.monotonic() - started
        containers = {c.service: c for c in engine.containers(project)}
        for service in services:
            container = containers.get(service.compose or "")
            if container is None:
                continue
            if service.key not in served and probe.answers(service, container.url(service.port)):
                served[service.key] = elapsed
            if service.key not in healthy and container.is_healthy and service.key in served:
                healthy[service.key] = elapsed
        if len(healthy) == len(services) and up.poll() == 0:
            return {s.key: _endpoint(s, containers[s.compose or ""], served[s.key], healthy[s.key]) for s in services}
        sick = [c for c in containers.values() if c.has_failed or c.restart_count >= CRASHES]
        overdue = [s for s in services if s.key not in healthy and elapsed > s.ready_within_s]
        failed_up = up.poll() not in (None, 0) and not sick
        if sick or overdue or failed_up:
            said = (request.folder / "up.log").read_text(encoding="utf-8", errors="replace")
            raise _failure(sick, overdue, containers, said)
        waiting = ", ".join(s.key for s in services if s.key not in healthy)
        request.progress(f"waiting for {waiting or 'the containers'} ({elapsed:.0f} s)")
        time.sleep(POLL_S)


def _endpoint(service: Any, container: Container, served_s: float, healthy_s: float) -> Endpoint:  # noqa: ANN401
    """Return a started container as a service of the contract."""
    url = container.url(service.port)
    return Endpoint(service, "container", url, container=container.id, served_s=served_s, healthy_s=healthy_s)


def _failure(
    sick: Sequence[Container], overdue: Sequence[Any], containers: dict[str, Container], error: str
) -> StackError:
    """Return the whole story of a failed start."""
    if not sick and not overdue:
        return StackError(card(f"docker compose up failed: {_last(error)}", [], "mend what it names, then run again"))
    late = [containers[s.compose] for s in overdue if s.compose in containers]
    names = ", ".join(c.service for c in (sick or late)) or ", ".join(s.key for s in overdue)
    why = "did not come up" if sick else "was not healthy in time (ready_within)"
    symptoms = [Symptom(c.service, c.summary, c.health_log, engine.log_tail(c)) for c in (sick or late)]
    return StackError(card(f"{names} {why}", symptoms, "the last lines name the cause; mend it and run again"))


def _close(down: Sequence[str], request: Request, watchdog: Watchdog | None) -> None:
    """Remove containers, volumes, networks and images of this run, then dismiss the watchdog."""
    done = _run(request, down, timeout_s=120)
    if done.returncode:
        raise StackError(f"the stack could not be removed: {_last(done.stderr)}", fix=" ".join(down))
    shutil.rmtree(request.folder, ignore_errors=True)
    if watchdog:
        watchdog.close()


def _run(request: Request, command: Sequence[str], *, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run Docker's client in the repository's root, in a session of its own."""
    try:
        return subprocess.run(
            command,
            check=False,
            cwd=request.repository.root,
            env=client_environment(request),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"no end after {timeout_s:.0f} s: {' '.join(command)}", fix="run it by hand") from None


def _last(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
