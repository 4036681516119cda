"""Which addresses of this machine really listen: what the engine bound, and the sockets of the kernel's own tables."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_newscreator.frozen import frozen
from pytest_newscreator.observe.processes import family
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.model import Endpoint

_LISTEN = "0A"
_TABLES = ("tcp", "tcp6")


@frozen(order=True)
class Listener:
    """One address and port at which something listens; `by` says how that is known."""

    address: str
    port: int
    by: str

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine reaches it."""
        ip = ipaddress.ip_address(self.address)
        return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback

    @property
    def is_everyone(self) -> bool:
        """Return whether it is on every interface."""
        return ipaddress.ip_address(self.address).is_unspecified


def listeners(endpoint: Endpoint) -> tuple[Listener, ...] | None:
    """Return where a service listens on this machine; None for one that is known by its URL alone."""
    if endpoint.container is not None:
        return tuple(sorted(set(_of_container(endpoint.container))))
    if endpoint.pid is None:
        return None
    return tuple(sorted(set(_of_processes(family(endpoint.pid), endpoint.pid))))


def _of_container(identifier: str) -> Iterator[Listener]:
    """Yield the ports that the engine bound, and in the host's network the sockets of the container's processes."""
    container = engine.inspect(identifier)
    for binding in container.bindings:
        yield Listener(binding.address or "0.0.0.0", binding.published, f"Docker publishes {binding.port}")  # noqa: S104
    ports = {binding.published for binding in container.bindings}
    for address, port, _ in _table(Path("/proc/net")):
        if port in ports:
            yield Listener(address, port, "a socket of this machine")
    if (container.raw.get("HostConfig") or {}).get("NetworkMode") == "host" and container.pid:
        pids = [int(one) for one in _top(identifier)]
        yield from _of_processes(tuple(pids), container.pid)


def _top(identifier: str) -> Iterator[str]:
    """Yield the processes of a container by the numbers that this machine gives them."""
    told = engine.client().api.top(identifier)
    column = [title.upper() for title in told["Titles"]].index("PID")
    yield from (row[column] for row in told["Processes"])


def _of_processes(pids: tuple[int, ...], first: int) -> Iterator[Listener]:
    """Yield the sockets at which processes listen."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    for address, port, inode in _table(Path(f"/proc/{first}/net")):
        if inode in inodes:
            yield Listener(address, port, f"a socket of process {first}")


def _sockets(pid: int) -> Iterator[int]:
    """Yield the inodes of a process's open sockets; none where this user may not look."""
    try:
        entries = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            yield int(target[len("socket:[") : -1])


def _table(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield address, port and inode of every listening socket of a network namespace."""
    for name in _TABLES:
        try:
            text = (folder / name).read_text(encoding="ascii")
        except OSError:
            continue
        yield from parse(text)


def parse(text: str) -> Iterator[tuple[str, int, int]]:
    """Read `/proc/net/tcp` or `tcp6` (proc(5)): the listening sockets, addresses as people write them."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:  # noqa: PLR2004 - the column of the inode
            address, _, port = fields[1].partition(":")
            yield _address(address), int(port, 16), int(fields[9])


def _address(text: str) -> str:
    """Return an address of the kernel's tables, which print each four bytes as a number of this machine."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


def by_port(found: tuple[Listener, ...]) -> Mapping[int, tuple[Listener, ...]]:
    """Return the listeners by port."""
    ports = dict.fromkeys(one.port for one in found)
    return {port: tuple(one for one in found if one.port == port) for port in ports}
