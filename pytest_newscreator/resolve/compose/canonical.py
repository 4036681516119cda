"""Short forms made long, and paths made relative to the root: what a service says, in the one form that merges."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.tree import Node

_REMOTE = ("https://", "http://", "git://", "ssh://", "github.com/", "git@")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_HIGHEST_PORT = 65535


def beside(root: Path, directory: str, path: str) -> str:
    """Return `path`, as written in `directory`, relative to the root; an absolute one outside of it stays absolute."""
    if path.startswith("~") or _DRIVE.match(path):
        return path
    joined = posixpath.normpath(posixpath.join(directory, path))
    if not joined.startswith("/"):
        return joined
    top = root.as_posix().rstrip("/")
    return joined.removeprefix(top + "/") if joined.startswith(top + "/") else "." if joined == top else joined


def is_remote(context: str) -> bool:
    """Say whether a build context is fetched from elsewhere (rule: compose-go `paths/context.go`)."""
    return "://" in context or context.startswith((*_REMOTE, "service:"))


def canonical(model: Node, root: Path, directory: str) -> Node:
    """Return a document's tree with every service in canonical form; raises ResolutionError for bad forms."""
    services = model.children.get("services")
    if services is None:
        return model
    if not isinstance(services.content, dict):
        raise ResolutionError("`services` is no mapping, should be one", place=services.place, fix="name each service")
    content = {name: _service(name, service, root, directory) for name, service in services.content.items()}
    return model.with_child("services", replace(services, content=content))


def _service(name: str, service: Node, root: Path, directory: str) -> Node:
    if service.content is None:
        return service
    if not isinstance(service.content, dict):
        message = f"services.{name} is no mapping, should be one"
        raise ResolutionError(message, place=service.place, fix="mend the service")
    content = dict(service.children)
    for key in content.keys() & _FORMS.keys():
        if content[key].content is not None:
            content[key] = _FORMS[key](content[key], root, directory)
    return replace(service, content=content)


def _build(node: Node, root: Path, directory: str) -> Node:
    if node.text is not None:
        node = Node({"context": node}, node.place)
    context = node.children.get("context")
    if context is None or context.text is None or is_remote(context.text):
        return node
    return node.with_child("context", replace(context, content=beside(root, directory, context.text)))


def _env_file(node: Node, root: Path, directory: str) -> Node:
    entries = node.elements if isinstance(node.content, tuple) else (node,)
    return replace(node, content=tuple(_env_file_entry(entry, root, directory) for entry in entries), hops=())


def _env_file_entry(node: Node, root: Path, directory: str) -> Node:
    entry = Node({"path": node}, node.place) if node.text is not None else node
    path = entry.children.get("path")
    if path is None or path.text is None:
        raise ResolutionError("the env_file has no path, should have one", place=node.place, fix="write a path")
    return entry.with_child("path", replace(path, content=beside(root, directory, path.text)))


def _volumes(node: Node, root: Path, directory: str) -> Node:
    return replace(node, content=tuple(_volume(element, root, directory) for element in node.elements))


def _volume(node: Node, root: Path, directory: str) -> Node:
    mount = _short_volume(node, node.text) if node.text is not None else node
    target, source = mount.children.get("target"), mount.children.get("source")
    if target is not None and target.text:
        mount = mount.with_child("target", replace(target, content=posixpath.normpath(target.text)))
    kind = mount.children.get("type")
    if kind is not None and kind.value == "bind" and source is not None and source.text is not None:
        mount = mount.with_child("source", replace(source, content=beside(root, directory, source.text)))
    return mount


def _short_volume(node: Node, text: str) -> Node:
    parts = _split_volume(text)
    if not all(parts) or len(parts) > 3:  # noqa: PLR2004 - source, target, options
        message = f"`{text}` is no volume, should be TARGET, SOURCE:TARGET or SOURCE:TARGET:ro"
        raise ResolutionError(message, place=node.place, fix="check the colons, and that no variable in it is empty")
    source, target = ("", parts[0]) if len(parts) == 1 else parts[:2]
    kind = "bind" if source[:1] in {".", "/", "~"} or source.startswith("\\\\") or _DRIVE.match(source) else "volume"
    options = parts[2].split(",") if len(parts) == 3 else []  # noqa: PLR2004
    values: dict[str, str | bool] = {"type": kind, "target": target}
    values |= {"source": source} if source else {}
    values |= {"read_only": True} if "ro" in options else {}
    return Node({name: Node(value, node.place, node.hops) for name, value in values.items()}, node.place)


def _split_volume(text: str) -> list[str]:
    """Split at colons; a single letter before one is a drive to Compose, on Linux too."""
    if len(text) <= 2:  # noqa: PLR2004 - as short a text is a target, whatever it holds
        return [text]
    joined: list[str] = []
    for part in text.split(":"):
        if joined and len(joined[-1]) == 1 and joined[-1].isalpha():
            joined[-1] += ":" + part
        else:
            joined.append(part)
    return joined


def _ports(node: Node, _root: Path, _directory: str) -> Node:
    return replace(node, content=tuple(port for element in node.elements for port in _port(element)))


def _port(node: Node) -> tuple[Node, ...]:
    if isinstance(node.content, dict):
        listening = node.children.get("host_ip")
        if listening is not None and listening.text is not None:
            _address(listening.text, listening.place, listening.text)
        return (node,)
    text = str(node.content)
    rest, _, protocol = text.partition("/")
    address, _, ports = rest.rpartition(":")
    address, _, published = address.rpartition(":") if address.count(":") else ("", "", address)
    target, host = _range(ports, node.place, text), _range(published, node.place, text) if published else None
    if host is not None and len(target) != len(host) and len(target) > 1:
        message = f"`{text}` maps ranges of different lengths, should map as many host ports as container ports"
        raise ResolutionError(message, place=node.place, fix="make the two ranges equally long")
    bare = _without_brackets(address)
    if bare:
        _address(bare, node.place, text)
    shared = {"host_ip": bare, "protocol": protocol.lower() or "tcp"}
    made = []
    for index, number in enumerate(target):
        host_port = "" if host is None else published if len(target) == 1 else str(host[index])
        made.append(_port_node(node, {**shared, "published": _plain_port(host_port), "target": number}))
    return tuple(made)


def _without_brackets(address: str) -> str:
    """Return the host's address of a short port; one of IPv6 stands in brackets, and is none without them."""
    if address.startswith("[") and address.endswith("]"):
        return address[1:-1]
    return f"[{address}" if ":" in address else address


def _address(text: str, place: Place, whole: str) -> None:
    """Refuse a host that is no address (rule: Go's `net.ParseIP`, which takes neither names nor zones)."""
    try:
        ip_address(text.replace("%", " "))
    except ValueError as error:
        message = f"`{whole}` publishes at `{text.lstrip('[')}`, should be an IP address"
        fix = "write 127.0.0.1 for localhost, an IPv6 address in brackets, or leave it out for every address"
        raise ResolutionError(message, place=place, fix=fix) from error


def _plain_port(text: str) -> str:
    return "-".join(str(int(part)) for part in text.split("-")) if text else ""


def _port_node(node: Node, values: Mapping[str, str | int]) -> Node:
    content = {name: Node(value, node.place, node.hops) for name, value in values.items() if value != ""}
    return Node(content, node.place)


def _range(text: str, place: Place, whole: str) -> range:
    match = _RANGE.fullmatch(text)
    first = int(match[1]) if match else 0
    last = int(match[2] or match[1]) if match else 0
    if match is None or last > _HIGHEST_PORT or first > last:
        message = f"`{whole}` is no port, should be CONTAINER, HOST:CONTAINER or ADDRESS:HOST:CONTAINER"
        raise ResolutionError(message, place=place, fix="check the numbers, and that no variable in it is empty")
    return range(first, last + 1)


def _depends_on(node: Node, _root: Path, _directory: str) -> Node:
    if not isinstance(node.content, tuple):
        return node
    started: dict[str, str | bool] = {"condition": "service_started", "required": True}
    return replace(node, content={str(element.value): _started(element, started) for element in node.content})


def _started(node: Node, values: Mapping[str, str | bool]) -> Node:
    return Node({name: Node(value, node.place) for name, value in values.items()}, node.place)


def _names(node: Node, _root: Path, _directory: str) -> Node:
    if not isinstance(node.content, tuple):
        return node
    return replace(node, content={str(element.value): Node(None, element.place) for element in node.content})


_FORMS: dict[str, Callable[[Node, Path, str], Node]] = {
    "build": _build,
    "env_file": _env_file,
    "volumes": _volumes,
    "ports": _ports,
    "depends_on": _depends_on,
    "networks": _names,
    "models": _names,
}
