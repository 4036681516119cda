"""What a service of our own may not share with this machine or with containers that are not its run's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_newscreator.stack.model import Placement

NAMESPACES: Final = ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup", "cgroup_parent")
OWN: Final = ("service:", "none", "bridge", "private", "shareable")
"""Beginnings of what stays within the run."""
WHY: Final = "a run of its own shares nothing with what is not its own"


def within(service: dict[str, Any], key: str) -> Iterator[Placement]:
    """Drop from a resolved service what reaches beyond its run, and yield each as a change."""
    name = service.pop("container_name", None)
    if name:
        yield Placement(key, "container_name", name, "a name of the run", WHY)
    for namespace in NAMESPACES:
        value = service.get(namespace)
        if value and not str(value).startswith(OWN):
            del service[namespace]
            own = "the run's own network" if namespace == "network_mode" else "the container's own"
            yield Placement(key, namespace, str(value), own, WHY)
    foreign = [one for one in service.get("volumes_from", []) if str(one).startswith("container:")]
    if foreign:
        service["volumes_from"] = [one for one in service["volumes_from"] if one not in foreign]
        yield Placement(key, "volumes_from", ", ".join(foreign), "dropped", WHY)
    for many in ("external_links",):
        if service.get(many):
            yield Placement(key, many, ", ".join(map(str, service.pop(many))), "dropped", WHY)
    tags = service.get("build", {}).pop("tags", None)
    if tags:
        yield Placement(key, "build.tags", ", ".join(tags), "dropped", "they would name the run's image")
    fixed = [str(port["published"]) for port in service.get("ports", []) if port.get("published")]
    if fixed:
        yield Placement(key, "ports", ", ".join(fixed), "free ones on the loopback interface", WHY)
