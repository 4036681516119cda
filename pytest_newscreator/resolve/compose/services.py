"""A service as Compose would start it: its environment with provenance, image, build, ports and mounts."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import partial

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.canonical import is_remote
from pytest_newscreator.resolve.compose.environment import Variables, entry_hops
from pytest_newscreator.resolve.compose.loading import Files, refused
from pytest_newscreator.resolve.compose.tree import Node
from pytest_newscreator.resolve.compose.words import split
from pytest_newscreator.resolve.values import Hop, HopKind, Value
from pytest_newscreator.sources.bounds import Room, clipped
from pytest_newscreator.sources.compose.interpolation import Lookup
from pytest_newscreator.sources.dotenv import Entry, read_entries, read_raw_entries
from pytest_newscreator.sources.yamlnodes import render


@frozen
class Build:
    """How an image is built; paths are relative to the root, `dockerfile` is "" where it is inline or remote."""

    context: str
    dockerfile: str
    args: Mapping[str, Value]
    target: str | None
    place: Place


@frozen
class Port:
    """A published port; `host_ip` "" is every address, `published` "" lets Docker choose, "8000-8010" is a range."""

    host_ip: str
    published: str
    target: int
    protocol: str
    place: Place


@frozen
class Mount:
    """A mount; the source of a bind is relative to the root where it lies in it, `None` for anonymous volumes."""

    type: str
    source: str | None
    target: str
    read_only: bool
    place: Place


@frozen
class ComposeService:
    """One service of a resolved project; `masked` names hide env_file and the image's ENV, and stay unset."""

    name: str
    place: Place
    environment: Mapping[str, Value]
    masked: frozenset[str]
    image: Value | None
    build: Build | None
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    ports: tuple[Port, ...]
    volumes: tuple[Mount, ...]
    profiles: tuple[str, ...] = ()
    tree: Node = field(default=Node(None, Place("")), repr=False)

    def get(self, path: str) -> Node | None:
        """Return what the merged file says at a dotted path such as `healthcheck.test`, or None."""
        return self.tree.get(path)


def make_service(name: str, node: Node, variables: Variables, files: Files, *, enabled: bool) -> ComposeService:
    """Make a service of its tree; the env_files of one that no profile enables are read only where they exist."""
    environment, masked = _environment(node, variables, files, enabled=enabled)
    image = node.children.get("image")
    return ComposeService(
        name=name,
        place=node.place,
        environment=environment,
        masked=masked,
        image=None if image is None or image.content is None else _value("image", image, "interpolation"),
        build=_build(node.children.get("build"), variables),
        command=_command(node.children.get("command")),
        entrypoint=_command(node.children.get("entrypoint")),
        ports=tuple(_port(port) for port in _elements(node, "ports")),
        volumes=tuple(_mount(mount) for mount in _elements(node, "volumes")),
        profiles=tuple(str(profile.value) for profile in _elements(node, "profiles")),
        tree=node,
    )


def _elements(node: Node, name: str) -> tuple[Node, ...]:
    child = node.children.get(name)
    return child.elements if child is not None else ()


def ordered(hops: Sequence[Hop]) -> tuple[Hop, ...]:
    """Return the hops that won, then those that did not, each group in its order."""
    return (*(hop for hop in hops if hop.won), *(hop for hop in hops if not hop.won))


def _value(name: str, node: Node, kind: HopKind, losers: Sequence[Hop] = ()) -> Value:
    text = render(node.content) if not isinstance(node.content, dict | tuple) else None
    overridden = tuple(_overridden(name, earlier, node, kind) for earlier in node.replaced)
    return Value(name, text, ordered((Hop(kind, name, text, node.place, won=True), *node.hops, *overridden, *losers)))


def _overridden(name: str, node: Node, by: Node, kind: HopKind) -> Hop:
    text = None if node.content is None or isinstance(node.content, dict | tuple) else render(node.content)
    why = f"{by.place.path} overrides it" if by.place.path != node.place.path else f"line {by.place.line} overrides it"
    return Hop(kind, name, text, node.place, won=False, why=why)


def _bound(node: Node, name: str, variables: Variables) -> Node:
    """Return an entry without a value as the project's variables fill it, if they do."""
    variable = variables.known.get(name) if node.content is None else None
    return node if variable is None else replace(node, content=variable.text, hops=variable.hops())


def _environment(
    node: Node, variables: Variables, files: Files, *, enabled: bool
) -> tuple[Mapping[str, Value], frozenset[str]]:
    declared = node.children.get("environment")
    entries = {name: _bound(child, name, variables) for name, child in (declared.children if declared else {}).items()}
    below = _env_files(node, entries, variables, files, enabled=enabled)
    values = {name: hops_value for name, hops_value in below.items() if name not in entries}
    for name, entry in entries.items():
        why = f"environment: in {entry.place.path} overrides it"
        losers = [replace(hop, won=False, why=hop.why or why) for hop in _offers(below.get(name))]
        values[name] = (
            _masked(name, entry, losers) if entry.content is None else _value(name, entry, "environment", losers)
        )
    return values, frozenset(name for name, entry in entries.items() if entry.content is None)


def _offers(value: Value | None) -> tuple[Hop, ...]:
    return tuple(hop for hop in value.chain if hop.kind == "env_file") if value is not None else ()


def _masked(name: str, entry: Node, losers: Sequence[Hop]) -> Value:
    why = "declared without a value: it stays unset, and hides env_file and the image's ENV"
    own = Hop("environment", name, None, entry.place, won=True, why=why)
    overridden = tuple(_overridden(name, earlier, entry, "environment") for earlier in entry.replaced)
    return Value(name, None, ordered((own, *entry.hops, *overridden, *losers)))


def _env_files(
    node: Node, entries: Mapping[str, Node], variables: Variables, files: Files, *, enabled: bool
) -> dict[str, Value]:
    own = {name: render(entry.content) for name, entry in entries.items() if isinstance(entry.content, str)}
    known, values, room = dict(own), dict[str, Value](), Room()

    def look_up(name: str) -> str | None:
        text = variables.text(name)
        return own.get(name) if text is None else text

    for element in _elements(node, "env_file"):
        for entry in _env_file(element, look_up, known, files, enabled=enabled):
            if entry.value is None:
                continue
            known[entry.name] = entry.value
            below = variables.known[entry.name].hops() if entry.bare and entry.name in variables.known else ()
            hops = (*refused(partial(entry_hops, entry, variables)), *below)
            value = _from_env_file(entry, hops, values.get(entry.name))
            place = entry.place
            refused(partial(room.take, lambda: place, text=len(entry.value), hops=len(value.chain)))  # noqa: B023
            values[entry.name] = value
    return values


def _from_env_file(entry: Entry, below: Sequence[Hop], earlier: Value | None) -> Value:
    losers = [
        replace(hop, won=False, why=hop.why or f"{entry.place.path}:{entry.place.line} is read later")
        for hop in _offers(earlier)
    ]
    own = Hop("env_file", entry.name, entry.value, entry.place, won=True)
    return Value(entry.name, entry.value, ordered((own, *below, *losers)))


def _env_file(
    element: Node, look_up: Lookup, known: Mapping[str, str], files: Files, *, enabled: bool
) -> tuple[Entry, ...]:
    named, required = element.children["path"], element.children.get("required")
    path = str(named.value)
    if not files.exists(path) and (not enabled or (required is not None and required.value in {False, "false"})):
        return ()
    if path not in files.env_file:
        files.env_file[path] = files.source(path, "the env_file", named.place)
    source, form = files.env_file[path], element.children.get("format")
    if form is not None and form.value == "raw":
        return refused(lambda: read_raw_entries(source, look_up))
    return refused(lambda: read_entries(source, look_up, known=known, lazy=files.lazy))


def _build(node: Node | None, variables: Variables) -> Build | None:
    if node is None or not isinstance(node.content, dict):
        return None
    context = str(node.children["context"].value) if "context" in node.children else "."
    declared = node.children.get("args")
    bound = {name: _bound(child, name, variables) for name, child in (declared.children if declared else {}).items()}
    args = {name: _value(name, child, "build-arg") for name, child in bound.items() if child.content is not None}
    target = node.children.get("target")
    return Build(context, _dockerfile(node, context), args, target.text if target else None, node.place)


def _dockerfile(node: Node, context: str) -> str:
    if "dockerfile_inline" in node.children or is_remote(context):
        return ""
    named = node.children.get("dockerfile")
    return posixpath.normpath(posixpath.join(context, named.text if named and named.text else "Dockerfile"))


def _command(node: Node | None) -> tuple[str, ...] | None:
    if node is None or node.content is None:
        return None
    if isinstance(node.content, tuple):
        return tuple(
            render(element.content) for element in node.content if not isinstance(element.content, dict | tuple)
        )
    words = split(str(node.value))
    if words is None:
        message = f"`{clipped(str(node.value))}` is no command line, should have every quote and bracket closed"
        raise ResolutionError(message, place=node.place, fix="close the quotes, or write a list")
    return words


def _port(node: Node) -> Port:
    values = {name: child.value for name, child in node.children.items()}
    target = str(values.get("target", ""))
    if not target.isdecimal():
        raise ResolutionError("the port has no target number, should have one", place=node.place, fix="add `target:`")
    texts = (
        str(values.get(name) or default) for name, default in (("host_ip", ""), ("published", ""), ("protocol", "tcp"))
    )
    host_ip, published, protocol = texts
    return Port(host_ip, published, int(target), protocol, node.place)


def _mount(node: Node) -> Mount:
    values = {name: child.value for name, child in node.children.items()}
    if "target" not in values:
        raise ResolutionError("the mount has no target, should have one", place=node.place, fix="add `target:`")
    source = values.get("source")
    read_only = values.get("read_only") in {True, "true"}
    return Mount(
        str(values.get("type", "volume")),
        None if source is None else str(source),
        str(values["target"]),
        read_only,
        node.place,
    )
