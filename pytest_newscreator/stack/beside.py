"""A second instance of a service beside the stack: the same program and environment, but for one address.

The stack itself stays as it is; the instance ends with the block that asked for it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_newscreator.errors import StackError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack import engine, probe
from pytest_newscreator.stack.again import recipe, spawn
from pytest_newscreator.stack.container import Container
from pytest_newscreator.stack.model import Endpoint
from pytest_newscreator.stack.placement import LOOPBACK
from pytest_newscreator.stack.plan import free_port
from pytest_newscreator.stack.run import Run
from pytest_newscreator.stack.watchdog import end_group
from pytest_newscreator.verdicts import NotVerified

POLL_S: Final = 0.1
PORT: Final = 11434
ONE_OFF: Final = "com.docker.compose.oneoff"


@frozen
class Beside:
    """A running second instance: where it answers, and the log of what stands between it and the server."""

    url: str
    log: Callable[[], str]


@contextlib.contextmanager
def process(endpoint: Endpoint, variable: str, old: str, new: str, run: Run) -> Iterator[str]:
    """Run a second process of a service with `old` replaced by `new` in one variable; give its address.

    `old` and `new` are HOST:PORT. Raises `NotVerified` where the service cannot be placed on another port.
    """
    port = free_port()
    taken = str(urlsplit(endpoint.url or "").port)
    command, cwd = recipe(endpoint.pid or 0)
    environment = {n: str(port) if text == taken else text for n, text in endpoint.health_environment.items()}
    words = tuple(_ported(word, taken, port) for word in command)
    key, text = endpoint.service.key, environment.get(variable, "")
    if words == command and environment == dict(endpoint.health_environment):
        raise NotVerified(f"{key} does not say in its command or environment where it listens", needs="", fix="")
    if old not in text:
        raise NotVerified(f"{key} {variable} is {text or 'unset'}, which does not lead to {old}", needs="", fix="")
    environment[variable] = text.replace(old, new)
    with (run.folder / f"{key}-beside.log").open("ab") as log:
        one = spawn(words, environment, cwd, log)
    run.order_kill(one.pid)
    try:
        url = f"http://{LOOPBACK}:{port}"
        _wait(endpoint, url, lambda: one.poll() is None)
        yield url
    finally:
        end_group(one.pid)
        one.wait(timeout=10)


def _ported(word: str, taken: str, port: int) -> str:
    """Return an argument with the port of the copy: a bare port, or one behind a colon or an equals sign."""
    if word == taken:
        return str(port)
    for mark in (":", "="):
        if word.endswith(f"{mark}{taken}"):
            return f"{word.removesuffix(taken)}{port}"
    return word


def _wait(endpoint: Endpoint, url: str, lives: Callable[[], bool]) -> None:
    """Wait until the instance answers; raises `StackError` where it ends, or takes too long."""
    begun, key = time.monotonic(), endpoint.service.key
    while not probe.answers(endpoint.service, url):
        if not lives() or time.monotonic() - begun > endpoint.service.ready_within_s:
            raise StackError(f"a second {key} does not come up", fix="see its log")
        time.sleep(POLL_S)


@contextlib.contextmanager
def container(endpoint: Endpoint, variable: str, source: Path) -> Iterator[Beside]:
    """Run a second container of a service whose address leads through a recorder, a container of the same image.

    `source` is the recorder's own file. Raises `NotVerified` where the image has no Python to run it.
    """
    first = engine.inspect(endpoint.container or "")
    text = first.environment.get(variable, "")
    netloc = urlsplit(text).netloc
    if not netloc:
        raise NotVerified(f"{endpoint.service.key} {variable} is {text or 'unset'}, no address", needs="", fix="")
    with contextlib.ExitStack() as made:
        code = source.read_text(encoding="utf-8")
        words = ["-I", "-c", code, "0.0.0.0", str(PORT), netloc]  # noqa: S104 - inside the stack's own network
        recorder = made.enter_context(_container(first, {"Entrypoint": ["python3"], "Cmd": words}, {}))
        address = _address(recorder, first)
        port = endpoint.service.port or 0
        bound = {"PortBindings": {f"{port}/tcp": [{"HostIp": LOOPBACK, "HostPort": ""}]}}
        changed = {**first.environment, variable: text.replace(netloc, f"{address}:{PORT}")}
        environment = [f"{name}={value}" for name, value in changed.items()]
        second = made.enter_context(_container(first, {"Env": environment}, bound))
        url = _published(second, port)
        _wait(endpoint, url, lambda: engine.inspect(second).is_running)
        yield Beside(url, lambda: str(engine.client().api.logs(recorder).decode("utf-8", "replace")))


@contextlib.contextmanager
def _container(like: Container, config: dict[str, Any], host: dict[str, Any]) -> Iterator[str]:
    """Start a container made like another one, with these differences; it is removed with the block."""
    from docker.errors import APIError

    api = engine.client().api
    raw = like.raw
    dropped = {"Hostname", "Domainname", "Healthcheck"}
    settings = {name: value for name, value in raw["Config"].items() if name not in dropped}
    settings |= {"Healthcheck": {"Test": ["NONE"]}, **config}
    settings["Labels"] = {**raw["Config"].get("Labels", {}), ONE_OFF: "True"}
    own = {"PortBindings": {}, "RestartPolicy": {"Name": "no"}, "AutoRemove": False, **host}
    networks = raw["NetworkSettings"]["Networks"]
    settings["HostConfig"] = {**raw["HostConfig"], **own}
    settings["NetworkingConfig"] = {"EndpointsConfig": {name: {} for name in networks}}
    made: str = api.create_container_from_config(settings)["Id"]
    try:
        try:
            api.start(made)
        except APIError as error:
            reason = f"a second container of {like.service} does not start: {error.explanation}"
            raise NotVerified(reason, needs="", fix="") from None
        yield made
    finally:
        api.remove_container(made, force=True, v=True)


def _address(made: str, like: Container) -> str:
    """Return the address of a container in the network of another one."""
    network = next(iter(like.raw["NetworkSettings"]["Networks"]))
    inspected = engine.inspect(made)
    address = inspected.raw["NetworkSettings"]["Networks"][network]["IPAddress"]
    if not (inspected.is_running and address):
        raise NotVerified(f"the image of {like.service} has no Python for the recorder", needs="", fix="")
    return str(address)


def _published(made: str, port: int) -> str:
    """Return where this machine reaches a container's port."""
    url = engine.inspect(made).url(port)
    if url is None:
        raise NotVerified(f"port {port} of a second container is not published", needs="", fix="")
    return url
