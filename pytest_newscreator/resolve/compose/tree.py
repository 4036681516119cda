"""The tree Compose works on: merged, interpolated values, each with its place and where it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pytest_newscreator.errors import ResolutionError
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.values import Hop
from pytest_newscreator.sources.yamlnodes import Scalar

Path = tuple[str, ...]


@frozen
class Reset:
    """A `!reset` or `!override`: which of them, the path of what it takes from the files before, where it stands."""

    tag: str
    path: Path
    place: Place


@frozen
class Node:
    """One value of the tree; `hops` lead from an interpolated scalar to its literal.

    `replaced` are the values that this one overrides, the latest first; `listed` marks an environment (or
    labels, or build arguments) that was written as a list or merged: Compose cannot `!reset` single keys of it.
    `removed` are the entries that were taken away, each with what did it.
    """

    content: Scalar | tuple[Node, ...] | dict[str, Node]
    place: Place
    hops: tuple[Hop, ...] = ()
    replaced: tuple[Node, ...] = ()
    listed: bool = False
    removed: tuple[tuple[Node, Reset], ...] = ()

    @property
    def value(self) -> object:
        """Return the plain value: scalars, lists and dictionaries."""
        if isinstance(self.content, dict):
            return {name: child.value for name, child in self.content.items()}
        if isinstance(self.content, tuple):
            return [child.value for child in self.content]
        return self.content

    @property
    def children(self) -> Mapping[str, Node]:
        """Return the entries of a mapping, nothing for anything else."""
        return self.content if isinstance(self.content, dict) else {}

    @property
    def elements(self) -> tuple[Node, ...]:
        """Return the elements of a list, nothing for anything else."""
        return self.content if isinstance(self.content, tuple) else ()

    @property
    def text(self) -> str | None:
        """Return the text of a scalar string, None for anything else."""
        return self.content if isinstance(self.content, str) else None

    def get(self, path: str | Path) -> Node | None:
        """Return the node at a dotted path such as `deploy.resources.limits.memory`, list indices included."""
        node: Node | None = self
        for name in (path.split(".") if path else ()) if isinstance(path, str) else path:
            if node is None:
                return None
            if name.isdecimal() and node.elements:
                node = node.elements[int(name)] if int(name) < len(node.elements) else None
            else:
                node = node.children.get(name)
        return node

    def removal(self, path: str | Path) -> Reset | None:
        """Return what took away a value that stood at a path in an earlier file, None where nothing did.

        A path is dotted, or one name after the other where a name may have dots of its own.
        """
        node, found = self, None
        names = tuple(path.split(".")) if isinstance(path, str) else path
        for index, name in enumerate(names):
            for gone, reset in node.removed:
                below = gone.get(names[index + 1 :]) if reset.path[-1] == name else None
                found = reset if below is not None and below.content is not None else found
            if name not in node.children:
                break
            node = node.children[name]
        return found

    def with_child(self, name: str, child: Node) -> Node:
        """Return this mapping with one entry set."""
        return replace(self, content={**self.children, name: child})


def merge(base: Node, over: Node, path: Path = ()) -> Node:
    """Merge `over` onto `base` as Compose merges a later file onto an earlier one; both in canonical form.

    Raises ResolutionError where the two have kinds that cannot be merged.
    """
    special = _special(path)
    if special is not None:
        return special(base, over, path)
    if over.content is None:
        return base
    if isinstance(base.content, dict):
        return _merge_mappings(base, _same_kind(over, Mapping, path), path)
    if isinstance(base.content, tuple):
        return _append(base, _same_kind(over, tuple, path), path)
    return _override(base, over, path)


def _same_kind(over: Node, kind: type, path: Path) -> Node:
    if not isinstance(over.content, kind):
        what = "a mapping" if kind is Mapping else "a list"
        message = f"{'.'.join(path)} is something else here, should be {what} as in the file before"
        raise ResolutionError(message, place=over.place, fix="use the same form in both files, or `!override`")
    return over


def _merge_mappings(base: Node, over: Node, path: Path) -> Node:
    content = dict(base.children)
    for name, child in over.children.items():
        content[name] = merge(content[name], child, (*path, name)) if name in content else child
    return replace(base, content=content, removed=(*base.removed, *over.removed))


def _merge_keyed(base: Node, over: Node, path: Path) -> Node:
    content = dict(base.children)
    for name, child in over.children.items():
        content[name] = _override(content[name], child, path) if name in content else child
    return replace(base, content=content, listed=True)


def _append(base: Node, over: Node, _: Path) -> Node:
    return replace(base, content=(*_sequence(base), *_sequence(over)))


def _append_new(base: Node, over: Node, _: Path) -> Node:
    present = [node.value for node in _sequence(base)]
    return replace(base, content=(*_sequence(base), *(node for node in _sequence(over) if node.value not in present)))


def _sequence(node: Node) -> tuple[Node, ...]:
    if isinstance(node.content, str):
        return (node,)
    return node.elements


def _override(base: Node, over: Node, _: Path) -> Node:
    return replace(over, replaced=(*over.replaced, base, *base.replaced))


def _merge_logging(base: Node, over: Node, path: Path) -> Node:
    drivers = [node.children["driver"].value for node in (base, over) if "driver" in node.children]
    same = len(drivers) < 2 or drivers[0] == drivers[1]  # noqa: PLR2004 - both name one
    return _merge_mappings(base, over, path) if same else over


_Merger = Callable[[Node, Node, Path], Node]
KEYED = frozenset(
    {
        ("environment",),
        ("labels",),
        ("annotations",),
        ("sysctls",),
        ("build", "args"),
        ("build", "labels"),
        ("build", "additional_contexts"),
        ("deploy", "labels"),
    }
)
_SPECIAL: dict[Path, _Merger] = {
    **dict.fromkeys(KEYED, _merge_keyed),
    **dict.fromkeys((("command",), ("entrypoint",), ("healthcheck", "test")), _override),
    **dict.fromkeys(((name,) for name in ("dns", "dns_opt", "dns_search", "env_file", "label_file", "tmpfs")), _append),
    ("extra_hosts",): _append_new,
    ("build", "extra_hosts"): _append_new,
    ("logging",): _merge_logging,
}


def _special(path: Path) -> _Merger | None:
    if len(path) < 3 or path[0] != "services":  # noqa: PLR2004 - services, a name, an attribute
        return None
    if path[2] == "ulimits" and len(path) == 4:  # noqa: PLR2004
        return _override
    return _SPECIAL.get(path[2:])


def without(node: Node, resets: Sequence[Reset], at: Path = ()) -> Node:
    """Return `node` without what `!reset` and `!override` of a later file name; what did it is remembered."""
    if not resets or not isinstance(node.content, dict):
        return node
    deeper = [reset for reset in resets if reset.path[: len(at)] == at]
    if not deeper or node.listed:
        return node
    here = {reset.path[-1]: reset for reset in deeper if len(reset.path) == len(at) + 1}
    kept = {name: without(child, deeper, (*at, name)) for name, child in node.content.items() if name not in here}
    gone = tuple((node.content[name], reset) for name, reset in here.items() if name in node.content)
    return replace(node, content=kept, removed=(*node.removed, *gone))


def unique(model: Node) -> Node:
    """Return the model with each port, mount, env_file and the like once: the last one, in the first one's position."""
    services = model.children.get("services")
    if services is None:
        return model
    changed = {name: made for name, one in services.children.items() if (made := _unique_service(one)) is not one}
    if not changed:
        return model
    return model.with_child("services", replace(services, content={**services.children, **changed}))


def _unique_service(service: Node) -> Node:
    """Return a service with each element once; the node itself where each is."""
    named = [(name, child) for name, child in service.children.items() if name in _IDENTITIES and child.elements]
    changed = {name: made for name, one in named if (made := _unique_elements(one, _IDENTITIES[name])) is not one}
    return replace(service, content={**service.children, **changed}) if changed else service


def _unique_elements(node: Node, identity: Callable[[Node], object]) -> Node:
    kept: dict[object, Node] = {}
    for element in node.elements:
        key = identity(element)
        earlier = kept.get(key)
        kept[key] = element if earlier is None else _override(earlier, element, ())
    return replace(node, content=tuple(kept.values())) if len(kept) < len(node.elements) else node


def _by_key(node: Node) -> object:
    return str(node.value).partition("=")[0]


def _by_target(node: Node) -> object:
    return repr(node.children["target"].value) if "target" in node.children else repr(node.value)


def _by_path(node: Node) -> object:
    return node.children["path"].value if "path" in node.children else repr(node.value)


def _by_source(node: Node) -> object:
    named = node.children.get("target") or node.children.get("source")
    return str(named.value) if named else str(node.value)


def _by_port(node: Node) -> object:
    parts = {name: child.value for name, child in node.children.items()}
    # Compose tells a number from a text here: `published: 8080` and "8080:80" are two ports to it.
    return (type(parts.get("published")), *(str(parts.get(name) or default) for name, default in _PORT_DEFAULTS))


_PORT_DEFAULTS = (("host_ip", "0.0.0.0"), ("published", ""), ("target", ""), ("protocol", "tcp"))  # noqa: S104 - Compose's
_IDENTITIES: dict[str, Callable[[Node], object]] = {
    **dict.fromkeys(("cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "links", "profiles", "tmpfs"), _by_key),
    "expose": lambda node: str(node.value),
    "volumes": _by_target,
    "env_file": _by_path,
    "configs": _by_source,
    "secrets": _by_source,
    "ports": _by_port,
}
