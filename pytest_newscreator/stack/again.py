"""The same stack under another invocation: what `up -d` does with another environment, and the way back.

Only what a service is given is changed, everything else stays as it was started; ports stay too, so that addresses
hold. `Switch.to` keeps the stack's endpoints true, also where it fails half-way.
"""

from __future__ import annotations

import json
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

from pytest_newscreator.contract.model import Invocation, Service
from pytest_newscreator.errors import ResolutionError, StackError
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.stack import engine, manifest, probe
from pytest_newscreator.stack.compose import client_environment
from pytest_newscreator.stack.container import PROJECT_LABEL, Container
from pytest_newscreator.stack.health import health
from pytest_newscreator.stack.model import Endpoint, Request, Stack
from pytest_newscreator.stack.run import let_go
from pytest_newscreator.stack.watchdog import end_group
from pytest_newscreator.verdicts import NotVerified

POLL_S = 0.1
UP_TIMEOUT_S = 600.0

Texts = dict[str, str | None]


def given_in(repository: Repository, service: Service, invocation: Invocation | None) -> Texts:
    """Return what a service is given under an invocation; raises `StackError` where that does not resolve."""
    more = dict(invocation.environment) if invocation else {}
    if service.process is not None:
        own = service.process.environment
        return {**own, **{name: text for name, text in more.items() if name in own}}
    if invocation is None or service.compose is None:
        return {}
    project = repository.tried(invocation, {})
    if isinstance(project, ResolutionError):
        raise StackError(f"invocation {invocation.name} does not resolve: {project.message}", fix=project.fix)
    given = repository.given(project, service)
    return {name: value.text for name, value in given.environment.items()} if given else {}


def changes(repository: Repository, service: Service, now: Invocation | None, then: Invocation | None) -> Texts:
    """Return the variables that another invocation gives otherwise; None is one that it does not give."""
    before, after = (given_in(repository, service, one) for one in (now, then))
    return {name: after.get(name) for name in (*before, *after) if before.get(name) != after.get(name)}


class Switch(ABC):
    """A stack of our own that can be started again under other invocations of the same files."""

    def __init__(self, stack: Stack, request: Request) -> None:
        """Remember how the stack runs."""
        self.stack = stack
        self.request = request
        self.now = stack.invocation

    @staticmethod
    def of(stack: Stack, request: Request) -> Switch:
        """Return the switch of a stack; raises `NotVerified` where it is not ours."""
        if not stack.owned:
            raise NotVerified(
                "a stack that was found running is never changed",
                needs="stack",
                fix="verify it on a stack of its own (--newscreator-stack compose)",
            )
        kinds = {"compose": _Containers, "process": _Processes}
        if stack.kind not in kinds:
            raise NotVerified(f"a stack of kind {stack.kind} cannot be started again", needs="stack", fix="")
        return kinds[stack.kind](stack, request)

    def to(self, then: Invocation | None) -> Stack:
        """Start what the other invocation gives otherwise, wait until it is healthy, and return the stack as it is.

        Raises `StackError` where a service does not become healthy, `NotVerified` where more than the environment
        would have to change.
        """
        self._hold_same_files(then)
        services = {key: one.service for key, one in self.stack.endpoints.items() if one.service.url is None}
        repository = self.request.repository
        differ = {key: changes(repository, one, self.now, then) for key, one in services.items()}
        differ = {key: texts for key, texts in differ.items() if texts}
        for key, name in ((key, name) for key, texts in differ.items() for name in texts):
            if self.stack.placed(key, name) is not None:
                raise NotVerified(f"{key} {name} is placed on this machine and differs by invocation", needs="", fix="")
        self.now = then
        with self.request.run.starting():
            self.change(differ)
            self._write_down()
        return replace(self.stack, invocation=then)

    @abstractmethod
    def change(self, differ: Mapping[str, Texts]) -> None:
        """Start these services again with these variables, and wait."""

    def put(self, endpoint: Endpoint) -> None:
        """Keep the stack's endpoints true for everybody who holds the stack."""
        cast("dict[str, Endpoint]", self.stack.endpoints)[endpoint.service.key] = endpoint

    def _hold_same_files(self, then: Invocation | None) -> None:
        """Raise `NotVerified` where an invocation is more than another environment."""
        if self.now is None or then is None:
            return
        if (self.now.files, self.now.profiles, self.now.project_directory) != (
            then.files,
            then.profiles,
            then.project_directory,
        ):
            reason = f"invocation {then.name} has other files than {self.now.name}, which this stack runs by"
            raise NotVerified(reason, needs="", fix=f"pick one of its files with --newscreator-invocation {then.name}")

    def _write_down(self) -> None:
        """Tell the other processes of the run where the services are now."""
        file = self.request.folder / manifest.FILE
        if file.exists():
            file.write_text(manifest.written(self.stack), encoding="utf-8")


class _Processes(Switch):
    """Services that run as processes: ended, and started by the same command."""

    def __init__(self, stack: Stack, request: Request) -> None:
        """Read the commands while the processes run."""
        super().__init__(stack, request)
        running = {key: one.pid for key, one in stack.endpoints.items() if one.pid is not None}
        self.recipes = {key: recipe(pid) for key, pid in running.items()}

    def change(self, differ: Mapping[str, Texts]) -> None:
        """End and start each service that is given something else, in the order they were started in."""
        for key in (key for key in self.recipes if key in differ):
            endpoint = self.stack.endpoints[key]
            environment = changed(endpoint.health_environment, differ[key])
            if endpoint.pid is not None:
                end_group(endpoint.pid)
            self._start(replace(endpoint, health_environment=environment), key)

    def _start(self, endpoint: Endpoint, key: str) -> None:
        """Start one service and wait until it is healthy."""
        command, cwd = self.recipes[key]
        if endpoint.log is None:
            raise StackError(f"{key} has no log to go on with")
        with endpoint.log.open("ab") as log:
            process = spawn(command, endpoint.health_environment, cwd, log)
        self.request.run.order_kill(process.pid)
        self.put(replace(endpoint, pid=process.pid))
        try:
            _wait(self.stack.endpoints[key], process)
        finally:
            let_go(process)


class _Containers(Switch):
    """Services that run by Compose: created again where they are given something else."""

    def change(self, differ: Mapping[str, Texts]) -> None:
        """Write the project as it is meant now, and bring it up."""
        keys = {key: one.container for key, one in self.stack.endpoints.items() if one.container is not None}
        found = {key: engine.inspect(container) for key, container in keys.items()}
        project = next(one.labels[PROJECT_LABEL] for one in found.values())
        again = self.request.folder / "again.json"
        source = again if again.exists() else self.request.folder / "compose.json"
        model: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        for key, texts in differ.items():
            self._give(model["services"][found[key].service], texts, found[key])
        again.write_text(json.dumps(model), encoding="utf-8")
        self._up(["docker", "compose", "-p", project, "-f", str(again), "up", "--detach", "--no-build"])
        self._wait(project, differ)

    def _give(self, service: dict[str, Any], texts: Texts, container: Container) -> None:
        """Change what a service of the model is given; its published ports stay those that it has now."""
        environment = service.setdefault("environment", {})
        for name, text in texts.items():
            environment.pop(name, None)
            if text is not None:
                environment[name] = text.replace("$", "$$")
        for port in service.get("ports", []):
            if port["target"] in container.ports:
                port["published"] = str(container.ports[port["target"]][1])

    def _up(self, command: list[str]) -> None:
        """Run Docker's client; it ends with the run."""
        client = subprocess.Popen(
            command,
            cwd=self.request.repository.root,
            env=client_environment(self.now, self.request.passed),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.request.run.order_kill(client.pid)
        try:
            _, errors = client.communicate(timeout=UP_TIMEOUT_S)
        except BaseException:
            end_group(client.pid)
            client.wait()
            raise
        if client.returncode:
            lines = errors.decode("utf-8", "replace").strip().splitlines()
            raise StackError(f"docker compose up failed: {lines[-1] if lines else 'no word'}", fix=" ".join(command))

    def _wait(self, project: str, differ: Mapping[str, Texts]) -> None:
        """Wait until every service that was created again is healthy and answers."""
        begun = time.monotonic()
        waiting = {key: self.stack.endpoints[key].service for key in differ}
        while waiting:
            containers = {one.service: one for one in engine.containers(project)}
            for key, service in tuple(waiting.items()):
                one = containers.get(service.compose or "")
                if one is None:
                    continue
                url = one.url(service.port)
                self.put(replace(self.stack.endpoints[key], container=one.id, url=url))
                if one.is_healthy and probe.answers(service, url):
                    del waiting[key]
                elif one.has_failed or time.monotonic() - begun > service.ready_within_s:
                    last = (one.health_log or tuple(engine.log_tail(one)) or ("",))[-1]
                    raise StackError(f"{key} is {one.summary} after it was started again: {last}", fix="see its log")
            time.sleep(POLL_S)


def recipe(pid: int) -> tuple[tuple[str, ...], Path]:
    """Return the command and the working directory of a process."""
    raw = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return tuple(word.decode("utf-8", "surrogateescape") for word in raw), Path(f"/proc/{pid}/cwd").resolve()


def changed(environment: Mapping[str, str], texts: Texts) -> dict[str, str]:
    """Return an environment with these variables; None takes one away."""
    merged = {**environment, **texts}
    return {name: text for name, text in merged.items() if text is not None}


def spawn(
    command: tuple[str, ...], environment: Mapping[str, str], cwd: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its words appended to `log`."""
    return subprocess.Popen(
        command,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _wait(endpoint: Endpoint, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process serves and is healthy; raises `StackError` where it ends, or takes too long."""
    begun, said, key = time.monotonic(), "not asked yet", endpoint.service.key
    while True:
        if process.poll() is not None:
            raise StackError(f"{key} ended with exit code {process.returncode} when it was started again: {said}")
        if probe.answers(endpoint.service, endpoint.url):
            ok, said = health(endpoint)
            if ok:
                return
        if time.monotonic() - begun > endpoint.service.ready_within_s:
            raise StackError(f"{key} was not healthy within {endpoint.service.ready_within_s:.0f} s: {said}")
        time.sleep(POLL_S)
