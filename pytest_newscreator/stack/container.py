"""One container as plain data: what `docker inspect` tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pytest_newscreator.frozen import frozen

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
WORKING_DIR_LABEL = "com.docker.compose.project.working_dir"
CONFIG_FILES_LABEL = "com.docker.compose.project.config_files"

ENDED = ("exited", "dead", "restarting")


@frozen
class Binding:
    """A published port as the engine bound it; `address` "" is every one, as 0.0.0.0 and :: are."""

    port: str
    address: str
    published: int


@frozen
class Container:
    """One container as `docker inspect` tells it; `health` is "" where the image and Compose declare none.

    `pid` is 0 while nothing runs; `raw` is the whole inspection.
    """

    id: str
    name: str
    service: str
    labels: Mapping[str, str]
    status: str
    health: str
    health_log: tuple[str, ...]
    exit_code: int
    oom_killed: bool
    restart_count: int
    started_at: str
    image: str
    environment: Mapping[str, str]
    ports: Mapping[int, tuple[str, int]]
    pid: int = 0
    bindings: tuple[Binding, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_running(self) -> bool:
        """Return whether its process runs."""
        return self.status == "running"

    @property
    def is_healthy(self) -> bool:
        """Return whether it runs and its health check, if it has one, passes."""
        return self.is_running and self.health in ("healthy", "")

    @property
    def has_failed(self) -> bool:
        """Return whether waiting is pointless: it ended, or its health check gave up."""
        return self.status in ("exited", "dead") or self.health == "unhealthy"

    @property
    def memory_limit(self) -> int:
        """Return the limit of its memory in bytes, 0 where it has none."""
        limit: int = (self.raw.get("HostConfig") or {}).get("Memory") or 0
        return limit

    @property
    def has_ended_well(self) -> bool:
        """Return whether it ran to its end without an error."""
        return self.status == "exited" and self.exit_code == 0

    @property
    def summary(self) -> str:
        """Return its state in one line."""
        parts = [self.status]
        if self.health:
            parts.append(self.health)
        if self.status in ENDED or self.restart_count:
            parts.append(f"exit code {self.exit_code}")
        if self.oom_killed:
            parts.append("killed by the kernel: out of memory")
        if self.restart_count:
            parts.append(f"restarted {self.restart_count} times")
        return ", ".join(parts)

    def url(self, port: int | None) -> str | None:
        """Return the address at which this machine reaches `port` of the container."""
        if port is None or port not in self.ports:
            return None
        host, published = self.ports[port]
        return f"http://{host}:{published}"


def container_of(raw: dict[str, Any]) -> Container:
    """Make the plain form of an inspection."""
    state, config = raw["State"], raw["Config"]
    health = state.get("Health") or {}
    labels = config.get("Labels") or {}
    probe = [entry.get("Output", "").strip() for entry in health.get("Log") or () if entry.get("ExitCode")]
    return Container(
        id=raw["Id"],
        name=raw["Name"].lstrip("/"),
        service=labels.get(SERVICE_LABEL, ""),
        labels=labels,
        status=state.get("Status", ""),
        health="" if health.get("Status") in (None, "none") else health["Status"],
        health_log=tuple(line for text in probe for line in text.splitlines() if line.strip()),
        exit_code=state.get("ExitCode", 0),
        oom_killed=bool(state.get("OOMKilled")),
        restart_count=raw.get("RestartCount", 0),
        started_at=state.get("StartedAt", ""),
        image=raw.get("Image", ""),
        environment=dict(pair.partition("=")[::2] for pair in config.get("Env") or ()),
        ports=_ports(raw.get("NetworkSettings", {}).get("Ports") or {}),
        pid=state.get("Pid") or 0,
        bindings=tuple(
            Binding(port, binding["HostIp"], int(binding["HostPort"] or 0))
            for port, bindings in (raw.get("NetworkSettings", {}).get("Ports") or {}).items()
            for binding in bindings or ()
        ),
        raw=raw,
    )


def _ports(raw: Mapping[str, list[dict[str, str]] | None]) -> dict[int, tuple[str, int]]:
    """Return container port to (address, published port), loopback for ports published on all interfaces."""
    ports: dict[int, tuple[str, int]] = {}
    for key, bindings in raw.items():
        for binding in bindings or ():
            address = binding["HostIp"] if binding["HostIp"] not in ("", "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
            if ":" in address:
                continue
            ports.setdefault(int(key.partition("/")[0]), (address, int(binding["HostPort"])))
    return ports
