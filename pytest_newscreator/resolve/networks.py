"""Who answers at an address inside a Compose project: names, networks, shared namespaces and the host's ports."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Literal

from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.addresses import Address
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.compose.services import Port
from pytest_newscreator.resolve.compose.tree import Node

How = Literal["network", "own", "host", "outside", "cut-off", "nobody"]

_HOST_NAMES = frozenset(
    {"host.docker.internal", "gateway.docker.internal", "host.containers.internal", "docker.for.mac.localhost"}
)
_DOCKER_BRIDGE = "172.17.0.1"
_LOCAL_NAMES = frozenset({"localhost", "ip6-localhost", "localhost.localdomain"})
_EXTRA_HOST = re.compile(r"(?P<name>[^:=]+)[:=](?P<to>.+)")


@frozen
class Reached:
    """What an address leads to, as one caller sees it: services, each with the port inside its container.

    `how` says by which way, or why nothing of the project answers: `outside` is a name that the project does not
    decide, `cut-off` names services that share no network with the caller. A port None is left to the program.
    """

    how: How
    services: tuple[tuple[str, int | None], ...] = ()


def reach(project: Project, caller: ComposeService | None, address: Address) -> Reached:
    """Return what answers at an address; a caller None is a process of the host itself."""
    mode, root = namespace(project, caller)
    port = address.wanted_port
    host = _extra_hosts(caller).get(address.host, address.host)
    if host == "host-gateway" or host in _HOST_NAMES or host == _DOCKER_BRIDGE:
        return _on_host(project, port)
    if is_loopback(host):
        return _on_host(project, port) if mode == "host" else Reached("own", _sharing(project, root, port))
    return _by_name(project, caller, host, port)


def _by_name(project: Project, caller: ComposeService | None, host: str, port: int | None) -> Reached:
    """Return what Docker's DNS knows by a name; a link is one that the caller alone has."""
    mode, root = namespace(project, caller)
    if mode == "container":  # of a container that the project does not start
        return Reached("outside")
    shared = {name: _shared(project, mode, root, name) for name in project.services}
    near = [name for name, networks in shared.items() if any(host in _names(project, name, n) for n in networks)]
    near += [name for name in _links(caller, host) if name in project.services]
    if near:
        return Reached("network", tuple(pair for name in near for pair in _sharing(project, name, port)))
    found = [name for name in project.services if host in _every_name(project, name)]
    if found:
        return Reached("cut-off", tuple((name, port) for name in found))
    return Reached("outside" if _may_be_outside(project, root, host) else "nobody")


def namespace(project: Project, service: ComposeService | None) -> tuple[str, str]:
    """Return how a service is on the network (`""` is by its networks), and the service whose namespace it has."""
    seen: set[str] = set()
    while service is not None and service.name not in seen:
        seen.add(service.name)
        node = service.get("network_mode")
        mode = node.text if node is not None and node.text else ""
        if not mode.startswith("service:"):
            return mode.partition(":")[0], service.name
        service = project.services.get(mode.removeprefix("service:"))
    return "host" if service is None and not seen else "", ""


def is_loopback(host: str) -> bool:
    """Tell whether a name or an IP address means the machine that asks."""
    if host in _LOCAL_NAMES or host.endswith(".localhost"):
        return True
    ip = _ip(host)
    return ip is not None and (ip.is_loopback or ip.is_unspecified)


def is_published_at(port: Port, number: int | None) -> bool:
    """Tell whether a published port is the host's port of this number; where that is left open, any will do."""
    first, _, last = port.published.partition("-")
    if port.protocol != "tcp" or not first.isdecimal():
        return False
    return number is None or int(first) <= number <= int(last or first)


def _on_host(project: Project, number: int | None) -> Reached:
    """Return what answers at a port of the host: who publishes it, and who has the host's own network."""
    found: list[tuple[str, int | None]] = []
    for name, service in project.services.items():
        found += [(name, port.target) for port in service.ports if is_published_at(port, number)]
        if namespace(project, service)[0] == "host":
            found.append((name, number))
    return Reached("host", tuple(found))


def _sharing(project: Project, root: str, port: int | None) -> tuple[tuple[str, int | None], ...]:
    """Return the services that have the network namespace of one, itself first."""
    others = [name for name, service in project.services.items() if namespace(project, service)[1] == root]
    return tuple((name, port) for name in sorted(others, key=lambda name: name != root))


def _shared(project: Project, mode: str, root: str, name: str) -> frozenset[str]:
    """Return the networks on which a caller can find a service by a name."""
    return frozenset(() if mode else _networks(project, root).keys() & _networks(project, name).keys())


def _every_name(project: Project, name: str) -> frozenset[str]:
    """Return the names of a service on all of its networks; its own too where it has none."""
    networks = _networks(project, name)
    return frozenset({name.lower()}).union(*(_names(project, name, network) for network in networks))


def _names(project: Project, name: str, network: str) -> frozenset[str]:
    """Return the names of a service on a network; what is in another one's namespace has none of its own."""
    service = project.services[name]
    given = (service.get("container_name"), service.get("hostname"))
    names = {name, *(node.text for node in given if node is not None and node.text)}
    names |= {f"{project.name}{mark}{name}{mark}1" for mark in "-_"} | set(_aliases(_networks(project, name)[network]))
    full = {f"{each}.{behind}" for each in names for behind in (network, f"{project.name}_{network}")}
    return frozenset(each.lower() for each in names | full)


def _networks(project: Project, name: str) -> dict[str, Node]:
    """Return the networks of a service by the names that Docker has for them; without any it is on the default one."""
    service = project.services.get(name)
    if service is None or service.get("network_mode") is not None:
        return {}
    declared = service.get("networks")
    given = dict(declared.children) if declared is not None else {}
    own = given or {"default": Node(None, service.place)}
    return {_network_name(project, key): node for key, node in own.items()}


def _network_name(project: Project, key: str) -> str:
    """Return the name that a network is given, else its key: two keys may mean one network."""
    declared = _network(project, key)
    named = declared.children.get("name") if declared is not None else None
    return named.text if named is not None and named.text else key


def _network(project: Project, key: str) -> Node | None:
    """Return what the project declares of a network."""
    networks = project.tree.children.get("networks")
    return networks.children.get(key) if networks is not None else None


def _aliases(node: Node) -> Iterator[str]:
    """Yield the aliases and fixed addresses that a service has on a network."""
    listed = node.children.get("aliases")
    fixed = [node.children[key] for key in ("ipv4_address", "ipv6_address") if key in node.children]
    yield from (str(each.value) for each in (*(listed.elements if listed is not None else ()), *fixed))


def _links(caller: ComposeService | None, host: str) -> Iterator[str]:
    """Yield the services that a caller's `links:` give a name to."""
    node = caller.get("links") if caller is not None else None
    for element in node.elements if node is not None else ():
        name, _, alias = str(element.value).partition(":")
        if (alias or name).lower() == host:
            yield name


def _extra_hosts(caller: ComposeService | None) -> dict[str, str]:
    """Return the names that a caller's `extra_hosts:` give to addresses."""
    node = caller.get("extra_hosts") if caller is not None else None
    if node is None:
        return {}
    found = {name.lower(): str(child.value) for name, child in node.children.items()}
    for element in node.elements:
        match = _EXTRA_HOST.fullmatch(str(element.value))
        if match:
            found[match["name"].lower()] = match["to"].strip("[]")
    return found


def _may_be_outside(project: Project, root: str, host: str) -> bool:
    """Tell whether a name may be known beyond the project: an IP address, a full name, an external network."""
    service = project.services.get(root)
    networks = service.get("networks") if service is not None else None
    keys = tuple(networks.children) if networks is not None else ()
    declared = [_network(project, key) for key in (*keys, *(() if keys else ("default",)))]
    external = any(node is not None and "external" in node.children for node in declared)
    linked = service is not None and service.get("external_links") is not None
    return external or linked or service is None or "." in host or _ip(host) is not None


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a host is, None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
