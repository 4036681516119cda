"""A stack of our own by Docker Compose: isolated, watched, and removed whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pytest_newscreator.contract.model import Invocation, Service
from pytest_newscreator.errors import StackError
from pytest_newscreator.stack import engine, probe
from pytest_newscreator.stack.card import Symptom, card
from pytest_newscreator.stack.causes import Cause, recognised
from pytest_newscreator.stack.container import Container
from pytest_newscreator.stack.model import Endpoint, Request, Stack
from pytest_newscreator.stack.mounts import copied
from pytest_newscreator.stack.owned import LABEL, LEASE_LABEL, lease_of, owned
from pytest_newscreator.verdicts import NotVerified

BUILD_TIMEOUT_S = 1800.0
POLL_S = 0.05
CRASHES = 2


class ComposeBackend:
    """Starts the project under a name of its own."""

    name = "compose"

    def start(self, request: Request) -> Stack:
        """Build, start and wait; whatever ends this, the run's clean-up removes it."""
        if request.invocation is None or not _compose_services(request):
            raise NotVerified("no service of the contract is started by Compose", needs="stack", fix="add `compose:`")
        project = f"newscreator-{request.run.id}"
        with ThreadPoolExecutor(max_workers=1) as beside:
            resolving = beside.submit(config, request, project)
            engine.require()  # importing Docker's client takes as long as Compose takes to resolve the project
            resolved = resolving.result()
        model, placements, notes = owned(
            resolved,
            project=project,
            labels={LABEL: request.run.id, LEASE_LABEL: lease_of(request.run)},
            nvidia=engine.has_nvidia,
            base_files=request.base_files,
            services=_compose_services(request),
            copied=lambda source: copied(source, request.repository.root, request.folder),
        )
        file = request.folder / "compose.json"
        file.write_text(json.dumps(model), encoding="utf-8")
        compose = ("docker", "compose", "-p", project, "-f", str(file))
        request.run.order("run", *compose, "down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "5")
        request.run.watch()
        return Stack(
            kind="compose",
            owned=True,
            invocation=request.invocation,
            endpoints=_up(request, compose, model),
            placements=placements,
            notes=notes,
        )


def _compose_services(request: Request) -> dict[str, str]:
    """Return the contract's Compose services: Compose name to contract key."""
    services = request.repository.contract.services.values()
    return {service.compose: service.key for service in services if service.compose}


def arguments(invocation: Invocation | None) -> list[str]:
    """Return the options of `docker compose` that an invocation stands for, as typed in the repository's root."""
    if invocation is None:
        return []
    options = [part for file in invocation.files for part in ("-f", file)]
    options += [part for file in invocation.env_files for part in ("--env-file", file)]
    options += [part for profile in invocation.profiles for part in ("--profile", profile)]
    if invocation.project_directory:
        options += ["--project-directory", invocation.project_directory]
    return options


def client_environment(invocation: Invocation | None, passed: Mapping[str, str]) -> dict[str, str]:
    """Return what Docker's client sees: its own variables, the invocation's, and those passed on by name.

    Nothing else of this process's environment reaches Compose, which would interpolate it.
    """
    own = ("PATH", "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "BUILDX_BUILDER", "DOCKER_BUILDKIT")
    kept = {n: v for n, v in os.environ.items() if n in own or n.startswith("DOCKER_")}
    declared = invocation.environment if invocation else {}
    return {**kept, **passed, **declared}


def config(request: Request, project: str) -> dict[str, Any]:
    """Return the project as Compose itself resolves it."""
    command = ["docker", "compose", "-p", project, *arguments(request.invocation), "config", "--format", "json"]
    done = _run(request, command, timeout_s=60)
    if done.returncode:
        raise StackError(f"docker compose refuses the project: {_last(done.stderr)}", fix="mend the file it names")
    model: dict[str, Any] = json.loads(done.stdout)
    return model


def _up(request: Request, compose: Sequence[str], model: Mapping[str, Any]) -> dict[str, Endpoint]:
    """Build and start; wait until every service of the contract serves and is healthy."""
    services = model.get("services", {}).values()
    refuse_what_never_serves(request.repository.contract.services.values(), model)
    if any("build" in service for service in services):
        _build(request, compose)
    _pull(request, compose, {service["image"] for service in services if "build" not in service})
    request.progress("starting the containers")
    said = request.folder / "up.log"
    started = time.monotonic()
    arguments_ = [*compose, "up", "--detach", "--no-build"]
    with said.open("wb") as errors, _client(request, arguments_, stdout=subprocess.DEVNULL, stderr=errors) as up:
        return _wait(request, model["name"], up, started)


def refuse_what_never_serves(services: Iterable[Service], model: Mapping[str, Any]) -> None:
    """Raise `StackError` where waiting is pointless: a service that is never created, a port that nobody reaches."""
    created = model.get("services", {})
    for service in services:
        if not service.compose:
            continue
        if service.compose not in created:
            what = f"{service.key} is never created: this invocation has no service {service.compose}, or its profile"
            raise StackError(f"{what} is not active", place=service.place, fix="add `profiles:` to the invocation")
        ports = created[service.compose].get("ports") or ()
        if service.port is not None and str(service.port) not in {str(one.get("target")) for one in ports}:
            what = f"{service.key} is never reached: port {service.port} of {service.compose} is not published"
            raise StackError(what, place=service.place, fix=f'publish it: ports: ["127.0.0.1::{service.port}"]')


def _pull(request: Request, compose: Sequence[str], images: Collection[str]) -> None:
    """Pull the images that are not here, outside of `ready_within`; raises `StackError` with those that stay away."""
    if all(engine.image_id(image) for image in images):
        return
    request.progress("pulling the images that are not here")
    pull = [*compose, "pull", "--quiet", "--policy", "missing", "--ignore-buildable"]
    done = _run(request, pull, timeout_s=BUILD_TIMEOUT_S)
    missing = sorted(image for image in images if engine.image_id(image) is None)
    if missing:
        names = ", ".join(missing)
        said = [line for line in done.stderr.splitlines() if line.strip()]
        fix = f"docker pull {missing[0]}, or correct its name"
        first = f"the image {names} is neither here nor to be pulled"
        raise StackError(card(first, [Symptom("pull", "failed", log=said[-2:])], fix))


def _build(request: Request, compose: Sequence[str]) -> None:
    """Build the images; raises `StackError` with the builder's last words."""
    request.progress("building the images")
    built = _run(request, [*compose, "--progress", "plain", "build"], timeout_s=BUILD_TIMEOUT_S)
    if built.returncode:
        log = [line for line in built.stderr.splitlines() if line.strip()]
        cause = recognised(log) or Cause("", "read the lines above")
        first = f"the images cannot be built{f': {cause.what}' if cause.what else ''}"
        raise StackError(card(first, [Symptom("build", "failed", log=log)], cause.fix))


def _wait(request: Request, project: str, up: subprocess.Popen[bytes], started: float) -> dict[str, Endpoint]:
    """Poll until all is well; a crash, a crash loop, an unhealthy container or the time limit end it at once."""
    services = [s for s in request.repository.contract.services.values() if s.compose]
    served: dict[str, float] = {}
    healthy: dict[str, float] = {}
    while True:
        elapsed = time.monotonic() - started
        found = engine.containers(project)
        containers = worst(found)
        for service in services:
            container = containers.get(service.compose or "")
            if container is None:
                continue
            if service.key not in served and _serves(service, container):
                served[service.key] = elapsed
            if service.key not in healthy and container.is_healthy and service.key in served:
                healthy[service.key] = elapsed
        if len(healthy) == len(services) and up.poll() == 0:
            return {s.key: _endpoint(s, containers[s.compose or ""], served[s.key], healthy[s.key]) for s in services}
        own = {s.compose for s in services}
        # A job that the project runs once, to fetch a model say, has done its part when it ends well.
        ended = [c for c in found if c.has_failed and not (c.has_ended_well and c.service not in own)]
        sick = ended or [c for c in found if c.restart_count >= CRASHES]
        overdue = [s for s in services if s.key not in healthy and elapsed > s.ready_within_s]
        failed_up = up.poll() not in (None, 0) and not sick
        if sick or overdue or failed_up:
            said = (request.folder / "up.log").read_text(encoding="utf-8", errors="replace")
            raise _failure(sick, overdue, containers, said)
        waiting = ", ".join(s.key for s in services if s.key not in healthy)
        request.progress(f"waiting for {waiting or 'the containers'} ({elapsed:.0f} s)")
        time.sleep(POLL_S)


def _serves(service: Service, container: Container) -> bool:
    """Return whether a service answers; one without a port in the contract is only asked by its health check."""
    return container.is_running if service.port is None else probe.answers(service, container.url(service.port))


def worst(found: Iterable[Container]) -> dict[str, Container]:
    """Return one container a service: of several the first that is not well yet, so that all are waited for."""
    ordered = sorted(found, key=lambda one: (one.is_healthy, one.name), reverse=True)
    return {container.service: container for container in ordered}


def _endpoint(service: Any, container: Container, served_s: float, healthy_s: float) -> Endpoint:  # noqa: ANN401
    """Return a started container as a service of the contract."""
    url = container.url(service.port)
    return Endpoint(service, "container", url, container=container.id, served_s=served_s, healthy_s=healthy_s)


def _failure(
    sick: Sequence[Container], overdue: Sequence[Service], containers: Mapping[str, Container], said: str
) -> StackError:
    """Return the whole story of a failed start: the cause where it is known, and what each service says."""
    late = [containers[s.compose or ""] for s in overdue if s.compose in containers]
    symptoms = [_symptom(container) for container in (sick or late)]
    symptoms += [
        Symptom(service.key, "never created") for service in overdue if not sick and service.compose not in containers
    ]
    words = [line for symptom in symptoms for line in (*symptom.probe, *symptom.log)]
    cause = recognised([*words, *said.splitlines()])
    first = _headline(sick, overdue, said)
    if cause is None:
        fix = (
            "the last lines name the cause; mend it and run again" if symptoms else "mend what it names, then run again"
        )
        return StackError(card(first, symptoms, fix))
    return StackError(card(f"{first}: {cause.what}", symptoms, cause.fix))


def _headline(sick: Sequence[Container], overdue: Sequence[Service], said: str) -> str:
    """Return what happened, in one line."""
    if sick:
        return f"{', '.join(c.service for c in sick)} did not come up"
    if overdue:
        longest = max(s.ready_within_s for s in overdue)
        return f"{', '.join(s.key for s in overdue)} was not healthy within {longest:.0f} s (ready_within)"
    return f"docker compose up failed: {_last(said)}"


def _symptom(container: Container) -> Symptom:
    """Return what is known of a container that is not well."""
    limit = f" (its memory limit is {container.memory_limit >> 20} MiB)" if container.memory_limit else ""
    state = container.summary + (limit if container.oom_killed else "")
    return Symptom(
        container.service, state, container.health_log, engine.log_tail(container), dict(container.environment)
    )


def _run(request: Request, command: Sequence[str], *, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run Docker's client in the repository's root, in a session of its own, ended with the run."""
    with _client(request, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as client:
        try:
            said, errors = client.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise StackError(f"no end after {timeout_s:.0f} s: {' '.join(command)}", fix="run it by hand") from None
    return subprocess.CompletedProcess(
        command, client.returncode, said.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
    )


@contextlib.contextmanager
def _client(request: Request, command: Sequence[str], **streams: Any) -> Iterator[subprocess.Popen[bytes]]:  # noqa: ANN401
    """Start Docker's client; it is ended when this block is left, or when this process is."""
    client = subprocess.Popen(
        command,
        cwd=request.repository.root,
        env=client_environment(request.invocation, request.passed),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **streams,
    )
    request.run.order_kill(client.pid)
    try:
        yield client
    finally:
        if client.poll() is None:
            os.killpg(client.pid, signal.SIGKILL)
        client.wait()
        for stream in (client.stdout, client.stderr):
            if stream:
                stream.close()


def _last(text: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
