"""The Docker engine, asked through its API: which containers there are and what is known of each."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack.container import (
    PROJECT_LABEL,
    SERVICE_LABEL,
    WORKING_DIR_LABEL,
    Container,
    container_of,
)
from pytest_newscreator.verdicts import Broken, Finding, NotVerified

if TYPE_CHECKING:
    from docker import DockerClient

T = TypeVar("T")

START_FIX = "start Docker (or use --newscreator-stack process)"


@frozen
class Look:
    """What a container was at one moment; `at_s` is that of the monotonic clock."""

    container: Container
    at_s: float


_FIRST: dict[str, Look] = {}
"""The first look at each container that runs: what never changes (environment, labels, mounts) is read there.

An id is never used twice, so a look is that of its container for ever.
"""

_ONCE: dict[Hashable, Any] = {}
"""What was asked once for a whole run."""


_GONE: list[str] = []
"""What was said of a daemon that stopped answering: it is told once, and not waited for again."""


def client() -> DockerClient:
    """Return the client of this process; raises `NotVerified` where there is no daemon to talk to, or none any more."""
    if _GONE:
        raise NotVerified(f"not judged: {_GONE[0]}", needs="docker", fix=START_FIX)
    return _connected()


@functools.lru_cache(maxsize=1)
def _connected() -> DockerClient:
    """Connect, once a process."""
    try:
        import docker
        from docker.errors import DockerException
    except ImportError:
        fix = "pip install 'pytest-newscreator[stack]'"
        raise NotVerified("the Docker SDK is not installed", needs="docker", fix=fix) from None
    connected = None
    try:
        connected = docker.from_env(timeout=30)
        connected.ping()
    except (DockerException, OSError) as error:
        reason = _innermost(error)
        if connected is not None:
            connected.close()
        raise NotVerified(f"no Docker daemon answers ({reason})", needs="docker", fix=START_FIX) from None
    return connected


def disconnect() -> None:
    """Close the client of this process, if there is one, and forget what it told."""
    _FIRST.clear()
    _ONCE.clear()
    _GONE.clear()
    if _connected.cache_info().currsize:
        _connected().close()
        _connected.cache_clear()


def require() -> None:
    """Raise `NotVerified` unless a daemon answers and `docker compose` is there."""
    client()
    if not has_compose():
        raise NotVerified("the docker compose plugin is not installed", needs="docker", fix="install Docker Compose v2")


@functools.lru_cache(maxsize=1)
def has_compose() -> bool:
    """Return whether `docker compose` is there: where plugins usually are, else by asking the client."""
    import subprocess

    if any(os.access(folder / "docker-compose", os.X_OK) for folder in _plugin_folders()):
        return True
    try:
        done = subprocess.run(
            ["docker", "compose", "version"], check=False, capture_output=True, timeout=20, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _plugin_folders() -> Iterator[Path]:
    """Yield where Docker's client looks for plugins."""
    yield Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    for parent in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"):
        yield Path(parent, "docker/cli-plugins")


@functools.lru_cache(maxsize=1)
def has_nvidia() -> bool:
    """Return whether this engine can hand a GPU to a container."""
    info = client().info()
    return "nvidia" in info.get("Runtimes", {}) or any("nvidia" in str(d) for d in info.get("CDISpecDirs") or ())


def containers(project: str | None = None) -> list[Container]:
    """Return the containers of a Compose project, or of all of them, stopped ones too."""
    from docker.errors import NotFound

    label = f"{PROJECT_LABEL}={project}" if project else PROJECT_LABEL
    listed = client().api.containers(all=True, filters={"label": [label, f"{SERVICE_LABEL}"]})
    found: list[Container] = []
    for entry in listed:
        try:
            found.append(inspect(entry["Id"]))
        except NotFound:
            continue
    return [c for c in found if c.labels.get("com.docker.compose.oneoff") != "True"]


def replicas(container: Container) -> tuple[Container, ...]:
    """Return the other containers of the same project, folder and service, stopped ones too, in a fixed order."""
    labels = (PROJECT_LABEL, WORKING_DIR_LABEL, SERVICE_LABEL)
    if PROJECT_LABEL not in container.labels:
        return ()
    found = once(("replicas", container.labels[PROJECT_LABEL]), lambda: containers(container.labels[PROJECT_LABEL]))
    same = [one for one in found if all(one.labels.get(name) == container.labels.get(name) for name in labels)]
    return tuple(sorted((one for one in same if one.id != container.id), key=lambda one: one.name))


def inspect(identifier: str) -> Container:
    """Return what is known of one container now."""
    found = container_of(client().api.inspect_container(identifier))
    if found.is_running:  # before that it is only being made
        _FIRST.setdefault(found.id, Look(found, time.monotonic()))
    return found


def first_look(identifier: str) -> Look:
    """Return the first look that this process had at a running container, by its id; else it is had now.

    For what cannot change: one request a container and run. Its state is `inspect`'s.
    """
    if identifier not in _FIRST:
        found = inspect(identifier)
        return _FIRST.get(found.id) or Look(found, time.monotonic())
    return _FIRST[identifier]


def once(key: Hashable, ask: Callable[[], T]) -> T:
    """Return what `ask` returns, asked once in a run of checks; a run ends with `disconnect`."""
    if key not in _ONCE:
        _ONCE[key] = ask()
    found: T = _ONCE[key]
    return found


def is_healthy(identifier: str) -> bool:
    """Return whether a container is still there, runs and is healthy."""
    from docker.errors import NotFound

    try:
        return inspect(identifier).is_healthy
    except NotFound:
        return False


def labelled(label: str) -> Iterator[tuple[Literal["container", "network", "volume", "image"], str, dict[str, str]]]:
    """Yield kind, name and labels of everything that carries a label, in the order in which it can be removed."""
    api, only = client().api, {"label": label}
    for container in api.containers(all=True, filters=only):
        yield "container", container["Names"][0].lstrip("/"), container["Labels"]
    for network in api.networks(filters=only):
        yield "network", network["Name"], network["Labels"]
    for volume in api.volumes(filters=only)["Volumes"] or ():
        yield "volume", volume["Name"], volume["Labels"]
    for image in api.images(filters=only):
        for name in image["RepoTags"] or (image["Id"],):
            yield "image", name, image["Labels"]


def remove(what: str, name: str) -> str:
    """Remove one thing; return what went wrong, "" where nothing did or where it is gone already."""
    from docker.errors import APIError, NotFound

    api = client().api
    removers: dict[str, Callable[[], object]] = {
        "container": lambda: api.remove_container(name, force=True, v=True),
        "network": lambda: api.remove_network(name),
        "volume": lambda: api.remove_volume(name),
        "image": lambda: api.remove_image(name),
    }
    try:
        removers[what]()
    except NotFound:
        return ""
    except APIError as error:
        return f"{what} {name}: {error.explanation}"
    return ""


def translated(error: BaseException) -> Broken | None:
    """Return the verdict behind an error of Docker's client: a container that is gone, a daemon that is; else None.

    A daemon that goes away while its stack is verified is a failure, told by the first item that needed it.
    """
    from docker.errors import DockerException, NotFound

    if isinstance(error, NotFound):
        said = f"a container was removed while it was verified ({_innermost(error)})"
        return Broken(Finding(said, fix="see who removed it, then run again"))
    if isinstance(error, requests_errors()) and not isinstance(error, DockerException):
        _GONE.append(f"the Docker daemon stopped answering ({_innermost(error)})")
        return Broken(Finding(_GONE[0], fix="start Docker, then run again"))
    if isinstance(error, DockerException):
        return Broken(Finding(f"the Docker daemon refused to answer ({_innermost(error)})", fix="see its log"))
    return None


def requests_errors() -> type[Exception]:
    """Return the root of what the HTTP library below Docker's client raises."""
    from requests.exceptions import RequestException

    root: type[Exception] = RequestException
    return root


def image_id(name: str) -> str | None:
    """Return the id of the image that a name means on this engine now; None where there is none."""
    from docker.errors import ImageNotFound

    try:
        found: str = client().api.inspect_image(name)["Id"]
    except ImageNotFound:
        return None
    return found


def log_tail(container: Container, lines: int = 100) -> list[str]:
    """Return the last lines that the container wrote."""
    text: bytes = client().api.logs(container.id, tail=lines)
    return [line for line in text.decode("utf-8", "replace").splitlines() if line.strip()]


def _innermost(error: BaseException) -> str:
    """Return the last cause of a chain of exceptions in a few words."""
    text = str(error)
    for cause in ("No such file or directory", "Connection refused", "Permission denied", "timed out"):
        if cause.lower() in text.lower():
            return cause.lower()
    return text.splitlines()[0][:120] if text else type(error).__name__
