"""Hygiene of exposure: no service of the contract answers anyone but this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

from pytest_newscreator.checks.findings import Conclusions
from pytest_newscreator.checks.hygiene.subjects import Started, hops_of, over_invocations, services, started, unknown
from pytest_newscreator.checks.registry import Check, Subject
from pytest_newscreator.checks.resolved.values import chain
from pytest_newscreator.contract.model import Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.places import Place
from pytest_newscreator.resolve.compose.project import ComposeService, Node, Port
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.sources.ollama.settings import reads_as
from pytest_newscreator.verdicts import Finding, Severity

Reach = Literal["loopback", "everyone", "one"]
_BRIDGE_ADDRESS = "com.docker.network.bridge.host_binding_ipv4"
_LISTENS = ("--host", "--bind", "-b", "--listen")
_OLLAMA_PORT = 11434
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - what Docker does with a port that names no address


@frozen
class Entry:
    """One entry by which a service is reached from outside: a published port, or the host's network."""

    service: Service
    place: Place


def exposed_port_subjects(repository: Repository) -> Iterator[Subject]:
    """Yield every published port of every service of the contract, and every use of the host's network."""
    for service in services(repository):
        found: dict[Place, list[str]] = {}
        for one in started(repository, service):
            here: dict[Place, list[str]] = {}
            for place, label in _entries(one):
                here.setdefault(place, []).append(label)
            found = {**here, **found}
        for place, labels in found.items():
            ends = labels if len(labels) == 1 else [labels[0], labels[-1]]
            yield Subject(f"{service.key} {'-'.join(ends)}", place, Entry(service, place))


def exposed_port(newscreator_subject: Subject, newscreator_conclude: Conclusions) -> None:
    """A service of the stack is published on the loopback interface alone.

    Ollama asks nobody for a password, and Docker's rules come before the host's firewall: `"11434:11434"` gave a whole
    network a model server whose models anyone could delete. Write the address in front, `"127.0.0.1:11434:11434"`, and
    put a proxy that asks who it is before anything that must be reached from elsewhere (CIS Docker v1.6.0 5.14 and
    5.10, OWASP #5a).
    """
    newscreator_conclude("exposed-port", newscreator_subject)


def judge_exposed_port(subject: Subject, repository: Repository) -> Finding | None:
    """Return who can reach an entry beyond this machine, under some invocation."""
    entry: Entry = subject.data
    return over_invocations(entry.service, repository, lambda one: _judged(one, entry.place))


def _namespace(one: Started) -> ComposeService:
    """Return the service whose network this one is in: its own, or the one that `network_mode: service:` names."""
    owner, seen = one.compose, {one.compose.name}
    while (mode := _mode(owner)).startswith("service:"):
        named = one.project.services.get(mode.removeprefix("service:"))
        if named is None or named.name in seen:
            break
        seen.add(named.name)
        owner = named
    return owner


def _mode(service: ComposeService) -> str:
    """Return the network mode, "" for networks of its own."""
    mode = service.get("network_mode")
    return str(mode.value or "") if mode is not None else ""


def _entries(one: Started) -> Iterator[tuple[Place, str]]:
    """Yield where a service is opened to the outside, and by which port."""
    owner = _namespace(one)
    mode = owner.get("network_mode")
    if mode is not None and mode.value == "host":
        yield mode.place, str(_own_port(one))
        return
    if _is_cut_off(one, owner):
        return
    for port in _ports(one, owner):
        yield port.place, f"{port.target}" + ("" if port.protocol == "tcp" else f"/{port.protocol}")


def _ports(one: Started, owner: ComposeService) -> Sequence[Port]:
    """Return the ports that lead to a service; in another one's network, those of its own number."""
    if owner is one.compose:
        return owner.ports
    return [port for port in owner.ports if port.target == _own_port(one)]


def _is_cut_off(one: Started, owner: ComposeService) -> bool:
    """Return whether Docker publishes no port of a service: it has no network, or internal ones alone."""
    internal = (network.get("internal") for network in _networks(one, owner) if network is not None)
    return _mode(owner) == "none" or [node.value for node in internal if node] == [True] * len(_networks(one, owner))


def _networks(one: Started, owner: ComposeService) -> tuple[Node | None, ...]:
    """Return what the project says of each network that a service is in."""
    named, declared = owner.get("networks"), one.project.tree.get("networks")
    names = tuple(named.children if named else ()) or ("default",)
    return tuple(declared.children.get(name) if declared is not None else None for name in names)


def _own_port(one: Started) -> int:
    """Return the port that the contract says a service has, else Ollama's own."""
    return one.service.port or _OLLAMA_PORT


def _judged(one: Started, place: Place) -> Finding | None:
    """Judge one entry under one invocation; an invocation without it has nothing wrong."""
    owner = _namespace(one)
    mode = owner.get("network_mode")
    if mode is not None and mode.place == place:
        return _on_host(one, mode)
    here = [port for port in _ports(one, owner) if port.place == place]
    if not here:
        return None
    address = here[0].host_ip or _default_address(one, owner)
    reach = reach_of(address)
    if reach in {None, "loopback"}:
        return None
    hops = hops_of(next((node for node in _elements(owner) if node.place == place), None))
    serving = next((port for port in here if port.target == _own_port(one)), here[0])
    where = f"on {address}, which is not this machine alone" if reach == "one" else "on every interface"
    return Finding(
        f"{one.service.key} publishes {_numbers(here, _own_port(one))} {where}, should be on 127.0.0.1",
        place=place,
        expected="127.0.0.1",
        observed=address,
        chain=chain(hops),
        fix=f'write "127.0.0.1:{serving.published or serving.target}:{serving.target}"; put a proxy with a login before'
        " it where others must reach it (CIS Docker v1.6.0 5.14, OWASP #5a)",
        severity=_severity(reach),
    )


def _numbers(ports: Sequence[Port], served: int) -> str:
    """Return the ports of one entry for people: a range by its ends, with the one that the service answers at."""
    targets = list(dict.fromkeys(port.target for port in ports))
    if len(targets) == 1:
        return str(targets[0])
    ends = f"{targets[0]} to {targets[-1]}"
    return f"{served} (with all of {ends})" if served in targets else ends


def _elements(service: ComposeService) -> tuple[Node, ...]:
    """Return the published ports as nodes."""
    ports = service.get("ports")
    return ports.elements if ports is not None else ()


def _severity(reach: Reach | None) -> Severity:
    """Return how loud it is: one certain address may be meant."""
    return "note" if reach == "one" else "error"


def reach_of(address: str) -> Reach | None:
    """Return who can connect to what is bound to an address; None for what is no address, which Docker refuses."""
    try:
        ip = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return None
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.is_unspecified:
        return "everyone"
    return "loopback" if ip.is_loopback else "one"


def _default_address(one: Started, owner: ComposeService) -> str:
    """Return where Docker binds a port without an address: everywhere, unless the networks say otherwise."""
    addresses = {_bridge_address(network) for network in _networks(one, owner)}
    return addresses.pop() if len(addresses) == 1 else _EVERYWHERE


def _bridge_address(network: Node | None) -> str:
    """Return the address that a network binds published ports to."""
    options = network.get("driver_opts") if network is not None else None
    address = options.children.get(_BRIDGE_ADDRESS) if options is not None else None
    return str(address.value) if address is not None else _EVERYWHERE


def _on_host(one: Started, mode: Node) -> Finding | None:
    """Judge a service in the host's network by the address that it listens on."""
    address, hops = _listens(one)
    reach = "loopback" if address == "localhost" else reach_of(address or "")
    if reach is None:
        reason = f"{one.service.key} is in the host's network, and the address that it listens on is not known"
        raise unknown(f"{mode.place}: {reason}")
    if reach == "loopback":
        return None
    where = f"on {address}" if reach == "one" else "on every interface"
    return Finding(
        f"{one.service.key} is in the host's network and listens {where}, should listen on 127.0.0.1",
        place=mode.place,
        expected="127.0.0.1",
        observed=address,
        chain=hops,
        fix="take `network_mode: host` away and publish the port on 127.0.0.1, or have it listen there"
        " (CIS Docker v1.6.0 5.10, OWASP #5)",
        severity=_severity(reach),
    )


def _listens(one: Started) -> tuple[str | None, tuple[str, ...]]:
    """Return the address that a service listens on, and where that is said; None where nothing says it."""
    given = one.given
    value = given.environment.get("OLLAMA_HOST") if one.service.kind == "ollama" else None
    if value is not None and value.text is not None:
        host = urlsplit(reads_as("OLLAMA_HOST", value.text, None).value).hostname
        return host or _EVERYWHERE, chain(value.chain)
    words = [part for word in given.command for part in word.split()]
    pairs = [word.partition("=")[::2] for word in words] + list(pairwise(words))
    told = [text for name, text in pairs if name in _LISTENS and text]
    return (urlsplit(f"//{told[-1]}").hostname or told[-1], ()) if told else (None, ())


EXPOSED_PORT = Check("exposed-port", "resolved", "config", exposed_port, exposed_port_subjects, judge_exposed_port)
