"""The owned form of a Compose project: the same services under a name, ports, networks and volumes of our own."""

from __future__ import annotations

import copy
import platform
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_newscreator.stack.isolation import within
from pytest_newscreator.stack.model import Placement

if TYPE_CHECKING:
    from pytest_newscreator.stack.run import Run

LABEL = "org.pytest-newscreator.run"
LEASE_LABEL = "org.pytest-newscreator.lease"
FILES_VARIABLE = "OLLAMA_BASE_MODEL_FILES"
FILES_FOLDER = "/newscreator/base-files"

Model = dict[str, Any]


def owned(  # noqa: PLR0913 - by name, each one fact of this machine or run
    model: Model,
    *,
    project: str,
    labels: Mapping[str, str],
    nvidia: Callable[[], bool],
    base_files: Mapping[str, Path],
    services: Mapping[str, str],
    copied: Callable[[Path], Path | None],
) -> tuple[Model, tuple[Placement, ...], tuple[str, ...]]:
    """Return `docker compose config`'s model placed under `project`, what was changed, and what the reader must know.

    `services` maps Compose names to contract keys; `copied` gives what is mounted in the place of a writable
    folder of this machine, or None for an empty volume. Everything that is not placement stays byte-equal.
    """
    model = copy.deepcopy(model)
    declared, model["name"] = model.get("name"), project
    placements: list[Placement] = []
    notes: list[str] = []
    built = _built(model, project)
    for name, service in model.get("services", {}).items():
        _label(service, labels)
        placements += within(service, services.get(name, name))
        if service.get("image") in built or "build" in service:
            service["image"] = built.get(service.get("image"), f"{project}-{name}")
        service["ports"] = [_loopback(port) for port in service.get("ports", [])]
        placements += _spare(service, services.get(name, name), copied, model)
        if _wants_gpu(service) and not nvidia():
            _drop_gpu(service)
            notes.append(
                f"{services.get(name, name)}: the GPU reservation was dropped, Docker has no NVIDIA runtime here"
            )
        if base_files and FILES_VARIABLE in (service.get("environment") or {}):
            placements.append(_bring_base_files(service, services.get(name, name), base_files))
    for kind in ("networks", "volumes"):
        resources = model.get(kind) or {}
        for name, resource in resources.items():
            placements += _plain(name, resource or {})
            placements += _taken(kind.removesuffix("s"), name, resource or {}, declared)
            resources[name] = _owned(resource or {}, labels)
    return model, tuple(placements), tuple(notes)


def _spare(service: Model, key: str, copied: Callable[[Path], Path | None], model: Model) -> Iterator[Placement]:
    """Mount something else where a service could write into this machine's folders, or command its servers.

    What is mounted and not there is an empty volume: Docker would make an empty folder of it, in the checkout too.
    """
    for mount in list(service.get("volumes", [])):
        source = Path(mount.get("source", ""))
        if mount.get("type") != "bind":
            continue
        if not (source.exists() or source.is_symlink()):
            yield _emptied(model, mount, key, "it does not exist, and Docker would make it in this machine's folders")
            continue
        if source.is_socket() or _has_docker(source):
            service["volumes"].remove(mount)
            why = "it commands what is not this run's"
            yield Placement(key, f"mount {mount['target']}", str(source), "dropped", why)
            continue
        if mount.get("read_only") or source.is_block_device() or source.is_char_device():
            continue
        copy_ = copied(source)
        if copy_ is None:
            yield _emptied(model, mount, key, "a run of its own writes nowhere else")
            continue
        mount["source"] = str(copy_)
        why = "a run of its own writes nowhere else"
        yield Placement(key, f"mount {mount['target']}", str(source), "a copy", why)


def _emptied(model: Model, mount: Model, key: str, why: str) -> Placement:
    """Make an empty volume of a mount."""
    volumes = model.setdefault("volumes", {})
    name, source, target = f"in-place-of-mount-{len(volumes)}", mount.get("source", ""), mount["target"]
    volumes[name] = {}
    mount.clear()
    mount.update({"type": "volume", "source": name, "target": target})
    return Placement(key, f"mount {target}", str(source), "an empty volume", why)


def _has_docker(source: Path) -> bool:
    """Return whether a folder is one in which Docker's socket lies."""
    return source.is_dir() and any((source / name).is_socket() for name in ("docker.sock", "run/docker.sock"))


def _built(model: Model, project: str) -> dict[str | None, str]:
    """Return which image of this run stands for the name of each image that the project builds."""
    services = model.get("services", {}).items()
    return {one["image"]: f"{project}-{name}" for name, one in services if "build" in one and "image" in one}


def _taken(kind: str, name: str, resource: Model, project: str | None) -> Iterator[Placement]:
    """Tell of a network or volume that has a name of its own, or is there already: the run makes its own."""
    usual = (None, f"{project}_{name}", name)
    if resource.get("external") or (project and resource.get("name") not in usual):
        said = f"{resource.get('name') or name}{' (external)' if resource.get('external') else ''}"
        yield Placement(f"{kind} {name}", "name", said, "a new one", "a run of its own uses nobody else's")


def lease_of(run: Run) -> str:
    """Return where the lease of a run lies: the machine's name and the folder, as a label says it."""
    return f"{platform.node()}:{run.folder}"


def _label(service: Model, labels: Mapping[str, str]) -> None:
    """Mark a service's containers as ours, and the image that is built for it."""
    service.setdefault("labels", {}).update(labels)
    if "build" in service:
        service["build"].setdefault("labels", {}).update(labels)


def _loopback(port: Model) -> Model:
    """Publish a port on a free one of the loopback interface."""
    return {
        "target": port["target"],
        "protocol": port.get("protocol", "tcp"),
        "host_ip": "127.0.0.1",
        "mode": "ingress",
    }


def _reservations(service: Model) -> Model:
    """Return what a service reserves."""
    reserved: Model = service.get("deploy", {}).get("resources", {}).get("reservations", {})
    return reserved


def _wants_gpu(service: Model) -> bool:
    """Return whether a service asks for a device, in any of the three ways."""
    return "devices" in _reservations(service) or "gpus" in service or service.get("runtime") == "nvidia"


def _drop_gpu(service: Model) -> None:
    """Remove the device reservations."""
    _reservations(service).pop("devices", None)
    service.pop("gpus", None)
    if service.get("runtime") == "nvidia":
        del service["runtime"]


def _bring_base_files(service: Model, key: str, base_files: Mapping[str, Path]) -> Placement:
    """Hand the base models over as files, through the variable that the service's entrypoint reads."""
    declared = service["environment"][FILES_VARIABLE]
    pairs = []
    for name, path in base_files.items():
        target = f"{FILES_FOLDER}/{path.name}"
        pairs.append(f"{name}={target}")
        service.setdefault("volumes", []).append(
            {"type": "bind", "source": str(path), "target": target, "read_only": True}
        )
    service["environment"][FILES_VARIABLE] = " ".join(pairs)
    return Placement(key, FILES_VARIABLE, declared or "", " ".join(pairs), "base models given as files")


def _plain(name: str, volume: Model) -> Iterator[Placement]:
    """Make a plain volume of one that is a folder of this machine, or of another one; one in memory stays."""
    options = volume.get("driver_opts") or {}
    if "device" in options and options.get("type") != "tmpfs":
        del volume["driver_opts"]
        why = "a run of its own writes nowhere else"
        yield Placement(f"volume {name}", "device", str(options["device"]), "an empty volume", why)


def _owned(resource: Model, labels: Mapping[str, str]) -> Model:
    """Give a network or volume the project's own name, also where the file fixes one or takes an external one."""
    resource.pop("name", None)
    resource.pop("external", None)
    resource.setdefault("labels", {}).update(labels)
    return resource
