"""By which keys a running container differs from what Compose would create of the files now, and what `up` makes of it.

The config-hash label is not asked: it is wrong with `env_file` and changes with the version of Compose.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_newscreator.checks.deployed.image import duration_ns
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Node

UPDATABLE = frozenset({"memory", "cpus", "pids", "restart"})
"""What `docker update` changes in a running container without Compose's knowledge."""

PLACED = frozenset({"ports", "volumes", "gpu", "image", "container_name", "runtime"})
"""What a stack of our own changes to stand beside others."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_UNLIMITED = (0, -1, None)


@frozen
class Drift:
    """One key: what the files say, what runs, and where they say it; `is_open` is what a shell may set otherwise."""

    key: str
    declared: str
    running: str
    place: Place
    is_open: bool = False


@frozen
class _Key:
    """How one key is read: of the files (None leaves it to the image or the engine), and of the inspection."""

    name: str
    path: str
    declared: Callable[[Node | None], object]
    running: Callable[[Mapping[str, Any]], object]


def drifts(compose: ComposeService, raw: Mapping[str, Any], image: Mapping[str, Any] | None) -> Iterator[Drift]:
    """Yield each key by which a container differs from its service; `image` is the configuration of its own image."""
    for key in _KEYS:
        node = compose.get(key.path)
        declared, running = key.declared(node), key.running(raw)
        if declared is not None and declared != running:
            yield _drift(key.name, declared, running, node, compose)
    yield from limits(compose, raw)
    yield from _left_to_image(compose, raw, image or {})
    yield from _health(compose, raw, image or {})
    yield from _ports(compose, raw)
    yield from _volumes(compose, raw)
    yield from _labels(compose, raw)


def _drift(name: str, declared: object, running: object, node: Node | None, compose: ComposeService) -> Drift:
    """Make a drift of two values."""
    place = node.place if node is not None else compose.place
    return Drift(name, shown(declared), shown(running), place, node is not None and _is_open(node))


def _is_open(node: Node) -> bool:
    """Return whether a value is interpolated, so that the shell of the day may have given another."""
    return bool(node.hops) or any(map(_is_open, (*node.children.values(), *node.elements)))


def shown(value: object) -> str:
    """Return a value as a message shows it."""
    if isinstance(value, frozenset | tuple | list):
        parts = [str(part) for part in value]
        return ", ".join(sorted(parts) if isinstance(value, frozenset) else parts) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value in {"", None} else str(value)


def size(text: object) -> int | None:
    """Return a size as Compose writes it, `12G`, in bytes; None for what is none."""
    found = _SIZE.fullmatch(str(text).strip())
    return int(float(found[1]) * _UNITS[found[2].lower()]) if found else None


def _host(name: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a reader of one entry of HostConfig."""
    return lambda raw: (raw.get("HostConfig") or {}).get(name)


def _truth(name: str) -> Callable[[Mapping[str, Any]], object]:
    """Return a reader of a truth value of HostConfig."""
    return lambda raw: bool(_host(name)(raw))


def _set(name: str) -> Callable[[Mapping[str, Any]], object]:
    """Return a reader of a list of HostConfig whose order says nothing."""
    return lambda raw: frozenset(_plain(text) for text in _host(name)(raw) or () if text != "label=disable")


def _plain(text: object) -> str:
    """Return an entry of a security list in one spelling."""
    return str(text).removeprefix("CAP_").removesuffix(":true").removesuffix("=true").replace("=", ":")


def _is_true(node: Node | None) -> bool:
    """Return a truth value, false where none is declared."""
    return node is not None and node.value in {True, "true"}


def _texts(node: Node | None) -> frozenset[str]:
    """Return the entries of a list whose order says nothing."""
    return frozenset(_plain(element.value) for element in (node.elements if node is not None else ()))


def _options(node: Node | None) -> object:
    """Return security options; a profile by file is left alone, since Compose hands on its content."""
    found = _texts(node)
    return None if any(text.startswith("seccomp") for text in found) else found


def _restart(node: Node | None) -> object:
    """Return a restart policy without its count."""
    text = str(node.value) if node is not None and node.value not in {None, False} else "no"
    return text.partition(":")[0]


def _whole(node: Node | None) -> object:
    """Return a number, 0 where none is declared."""
    text = str(node.value) if node is not None else "0"
    return max(0, int(text)) if text.lstrip("-").isdigit() else None


def _nano(node: Node | None) -> object:
    """Return a number of CPUs in billionths."""
    try:
        return round(float(str(node.value)) * 1e9) if node is not None else 0
    except ValueError:
        return None


def _tmpfs(node: Node | None) -> object:
    """Return the targets of memory file systems."""
    found = node.elements or ((node,) if node is not None and node.text else ()) if node is not None else ()
    return frozenset(posixpath.normpath(str(one.value).partition(":")[0]) for one in found)


def _gpus(node: Node | None) -> object:
    """Return whether GPUs are reserved."""
    return any("capabilities" in one.children for one in (node.elements if node is not None else ()))


def _mode(node: Node | None) -> object:
    """Return a network mode, "" for networks of its own; None leaves one alone that names something else."""
    text = str(node.value) if node is not None else ""
    return text if text in {"host", "none", ""} else None


def _network(raw: Mapping[str, Any]) -> object:
    """Return the network mode of a container in the same words."""
    text = _host("NetworkMode")(raw)
    return text if text in {"host", "none"} else ""


def _requested(raw: Mapping[str, Any]) -> object:
    """Return whether a container was given GPUs."""
    return bool(_host("DeviceRequests")(raw)) or _host("Runtime")(raw) == "nvidia"


_KEYS = (
    _Key("restart", "restart", _restart, lambda raw: (_host("RestartPolicy")(raw) or {}).get("Name") or "no"),
    _Key("init", "init", _is_true, _truth("Init")),
    _Key("read_only", "read_only", _is_true, _truth("ReadonlyRootfs")),
    _Key("privileged", "privileged", _is_true, _truth("Privileged")),
    _Key("cap_add", "cap_add", _texts, _set("CapAdd")),
    _Key("cap_drop", "cap_drop", _texts, _set("CapDrop")),
    _Key("security_opt", "security_opt", _options, _set("SecurityOpt")),
    _Key("tmpfs", "tmpfs", _tmpfs, lambda raw: frozenset(map(posixpath.normpath, _host("Tmpfs")(raw) or {}))),
    _Key("network_mode", "network_mode", _mode, _network),
    _Key("gpu", "deploy.resources.reservations.devices", lambda n: _gpus(n) or None, _requested),
)


def limits(compose: ComposeService, raw: Mapping[str, Any]) -> Iterator[Drift]:
    """Yield the limits that differ: of `deploy`, or of the older keys beside it."""
    pairs = (
        ("memory", ("deploy.resources.limits.memory", "mem_limit"), lambda n: size(n.value) if n else 0, "Memory"),
        ("cpus", ("deploy.resources.limits.cpus", "cpus"), _nano, "NanoCpus"),
        ("pids", ("deploy.resources.limits.pids", "pids_limit"), _whole, "PidsLimit"),
    )
    for name, paths, read, entry in pairs:
        node = next((found for path in paths if (found := compose.get(path)) is not None), None)
        declared, running = read(node), _host(entry)(raw)
        if declared is not None and declared != (0 if running in _UNLIMITED else running):
            yield _drift(name, declared, running, node, compose)


def _left_to_image(compose: ComposeService, raw: Mapping[str, Any], image: Mapping[str, Any]) -> Iterator[Drift]:
    """Compare what Compose may say in the image's place: what is started, as whom and where."""
    config = raw.get("Config") or {}
    entry, command = compose.entrypoint, compose.command
    inherited = tuple(image.get("Cmd") or ()) if entry is None else ()
    expected: tuple[tuple[str, str, object, object], ...] = (
        (
            "entrypoint",
            "entrypoint",
            entry if entry is not None else tuple(image.get("Entrypoint") or ()),
            "Entrypoint",
        ),
        ("command", "command", command if command is not None else inherited, "Cmd"),
        ("user", "user", _text(compose.get("user")) or image.get("User") or "", "User"),
        (
            "working_dir",
            "working_dir",
            _text(compose.get("working_dir")) or image.get("WorkingDir") or "",
            "WorkingDir",
        ),
    )
    for name, path, declared, entry_ in expected:
        found = config.get(str(entry_))
        running = tuple(found or ()) if isinstance(declared, tuple) else found or ""
        if declared != running:
            yield _drift(name, _words(declared), _words(running), compose.get(path), compose)


def _words(value: object) -> object:
    """Return a command as one text."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def _text(node: Node | None) -> str:
    """Return a scalar as text, "" where there is none."""
    return str(node.value) if node is not None and node.value is not None else ""


def _health(compose: ComposeService, raw: Mapping[str, Any], image: Mapping[str, Any]) -> Iterator[Drift]:
    """Compare the health check: Compose's own keys, the image's where it has none."""
    node, running = compose.get("healthcheck"), (raw.get("Config") or {}).get("Healthcheck") or {}
    below = image.get("Healthcheck") or {}
    if node is None and running != below:
        yield Drift(
            "healthcheck", shown(tuple(below.get("Test") or ())), shown(tuple(running.get("Test") or ())), compose.place
        )
    if node is None:
        return
    test = _test(node, below)
    if test is not None and test != tuple(running.get("Test") or ()):
        there = _words(tuple(running.get("Test") or ()))
        yield _drift("healthcheck.test", _words(test), there, compose.get("healthcheck.test") or node, compose)
    for name, key in (("interval", "Interval"), ("timeout", "Timeout"), ("start_period", "StartPeriod")):
        child = node.children.get(name)
        wanted = duration_ns(str(child.value)) if child is not None else None
        if wanted is not None and wanted != (running.get(key) or 0):
            there = f"{(running.get(key) or 0) / 1e9:g}s"
            yield _drift(f"healthcheck.{name}", child.value if child else "", there, child, compose)
    retries = node.children.get("retries")
    if retries is not None and str(retries.value) != str(running.get("Retries") or 0):
        yield _drift("healthcheck.retries", retries.value, running.get("Retries") or 0, retries, compose)


def _test(node: Node, below: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the test that a container would have, None where it cannot be told."""
    disable, test = node.children.get("disable"), node.children.get("test")
    if _is_true(disable):
        return ("NONE",)
    if test is None:
        return tuple(below.get("Test") or ())
    if test.elements:
        return tuple(str(element.value) for element in test.elements)
    return ("CMD-SHELL", test.text) if test.text is not None else None


def _ports(compose: ComposeService, raw: Mapping[str, Any]) -> Iterator[Drift]:
    """Compare the published ports; one that Docker chooses may be any."""
    running: dict[str, list[tuple[str, str]]] = {}
    for name, bindings in (_host("PortBindings")(raw) or {}).items():
        running[name] = [(_address(one.get("HostIp")), str(one.get("HostPort") or "")) for one in bindings or ()]
    for port in compose.ports:
        name = f"{port.target}/{port.protocol}"
        wanted = _address(port.host_ip), port.published
        found = next((one for one in running.get(name, ()) if _is_port(wanted, one)), None)
        node = next((one for one in _elements(compose, "ports") if one.place == port.place), None)
        if found is None:
            there = [f"{address}:{number}" for address, number in running.get(name, ())]
            yield _drift("ports", f"{wanted[0]}:{port.published or 'any'}:{name}", there, node, compose)
            return
        running[name].remove(found)
    over = [f"{address}:{number}:{name}" for name, found in running.items() for address, number in found]
    if over:
        yield _drift("ports", "none", over, None, compose)


def _address(text: str | None) -> str:
    """Return an address in one spelling: Compose hands no address on as every one."""
    return text if text and text != "::" else "0.0.0.0"  # noqa: S104


def _is_port(wanted: tuple[str, str], found: tuple[str, str]) -> bool:
    """Return whether a binding is one that was asked for."""
    if wanted[0] != found[0]:
        return False
    first, _, last = wanted[1].partition("-")
    if first in {"", "0"} or not found[1].isdigit():
        return found[1] in {"", "0", wanted[1]}
    return int(first) <= int(found[1].partition("-")[0]) <= int(last or first)


def _elements(compose: ComposeService, name: str) -> tuple[Node, ...]:
    """Return the elements of a list of the service."""
    node = compose.get(name)
    return node.elements if node is not None else ()


def _volumes(compose: ComposeService, raw: Mapping[str, Any]) -> Iterator[Drift]:
    """Compare where something is mounted, of which kind, and whether it may be written to."""
    mounts = {posixpath.normpath(one["Destination"]): one for one in raw.get("Mounts") or ()}
    for mount in (one for one in compose.volumes if one.type in {"bind", "volume"}):
        there = mounts.get(posixpath.normpath(mount.target))
        says = f"{mount.target} ({mount.type}{', read-only' if mount.read_only else ''})"
        node = next((one for one in _elements(compose, "volumes") if one.place == mount.place), None)
        if there is None:
            yield _drift("volumes", says, f"nothing at {mount.target}", node, compose)
        elif there.get("Type") != mount.type or bool(there.get("RW")) == mount.read_only:
            runs = f"{there.get('Type')}{'' if there.get('RW') else ', read-only'}"
            yield _drift("volumes", says, f"{mount.target} ({runs})", node, compose)
        elif mount.type == "bind" and mount.source and not there.get("Source", "").endswith(_end(mount.source)):
            yield _drift("volumes", f"{mount.target} of {mount.source}", there.get("Source"), node, compose)
    targets = {posixpath.normpath(one.target) for one in compose.volumes}
    over = [path for path, one in mounts.items() if one.get("Type") == "bind" and path not in targets]
    if over and not any(_elements(compose, kind) for kind in ("configs", "secrets")):
        yield _drift("volumes", "none", over, compose.get("volumes"), compose)


def _end(source: str) -> str:
    """Return the end of a path that a source must have, wherever the tree lies."""
    return "" if source in {".", ""} or source.startswith("~") else posixpath.normpath(source).removeprefix("../")


def _labels(compose: ComposeService, raw: Mapping[str, Any]) -> Iterator[Drift]:
    """Compare the service's own labels; what the engine and Compose add is theirs."""
    node, running = compose.get("labels"), (raw.get("Config") or {}).get("Labels") or {}
    declared = dict(node.children) if node is not None else {}
    for element in node.elements if node is not None else ():
        name, _, text = str(element.value).partition("=")
        declared[name] = Node(text, element.place, element.hops)
    for name, child in declared.items():
        text = "" if child.value is None else shown(child.value) if isinstance(child.value, bool) else str(child.value)
        if running.get(name) != text:
            yield _drift(f"labels.{name}", text, running.get(name), child, compose)
