"""From a container's view to this machine's: addresses, ports and paths, and nothing else.

Pure functions over text. A translation is made only where the container's own name, port or folder stands as a
whole; every other character stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pytest_newscreator.frozen import frozen
from pytest_newscreator.sources.ollama.settings import reads_as

LOOPBACK = "127.0.0.1"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - recognised, never bound
OWN_NAMES = ("localhost", LOOPBACK, ANY_ADDRESS)
OLLAMA_PORT = 11434
DISCARD_PORT = 9


@frozen
class Placing:
    """Where one service stands here.

    `ports` maps (host name as a container says it, container port) to the port on this machine's loopback; `own`
    is the service's own Compose name; `folders` are the container's folders that exist here below `root`. `nowhere` is
    a port of this machine on which nobody listens: what stands for a port of the container itself that is not served
    there, where this machine may have somebody's server.
    """

    own: str
    root: Path
    folders: tuple[str, ...]
    ports: Mapping[tuple[str, int], int]
    nowhere: int = DISCARD_PORT

    def text(self, text: str) -> str:
        """Return the text with addresses and folders as they are here."""
        return self._paths(self.addresses(text))

    def argument(self, text: str) -> str:
        """Return a command's argument; a bare port or wildcard address of our own is placed too."""
        if text == ANY_ADDRESS:
            return LOOPBACK
        if text.isdigit() and (self.own, int(text)) in self.ports:
            return str(self.ports[self.own, int(text)])
        return self.text(text)

    def ollama_host(self, text: str) -> str:
        """Return OLLAMA_HOST as it is here, by how Ollama reads it; "" is its default."""
        url = urlsplit(reads_as("OLLAMA_HOST", text, None).value)
        name, port = url.hostname or LOOPBACK, url.port or OLLAMA_PORT
        here = self._here(LOOPBACK if name in {"::", "::1"} else name, port)
        placed = self.text(text)
        return placed if here is None or f"{LOOPBACK}:{here}" in placed else f"{LOOPBACK}:{here}"

    def _here(self, host: str, port: int) -> int | None:
        """Return the port on this machine's loopback for an address that a container says; None for one elsewhere."""
        if host not in OWN_NAMES:
            return self.ports.get((host, port))
        taken = {OLLAMA_PORT, *(inside for _, inside in self.ports)}
        return self.ports.get((self.own, port), self.nowhere if port in taken else None)

    def addresses(self, text: str) -> str:
        """Replace `host:port` where the host is a service or this container itself."""
        hosts = {host for host, _ in self.ports} | set(OWN_NAMES)
        pattern = re.compile(
            r"(?<![\w.-])(" + "|".join(map(re.escape, sorted(hosts, key=len, reverse=True))) + r"):(\d+)\b"
        )

        def placed(match: re.Match[str]) -> str:
            here = self._here(match.group(1), int(match.group(2)))
            return match.group(0) if here is None else f"{LOOPBACK}:{here}"

        return pattern.sub(placed, text)

    def _paths(self, text: str) -> str:
        """Replace the container's folders by where they are here."""
        for folder in sorted(self.folders, key=len, reverse=True):
            pattern = re.compile(r"(?<![\w./-])" + re.escape(folder) + r"(?=$|[/\s\"';:,)])")
            text = pattern.sub(lambda match: f"{self.root}{match.group(0)}", text)
        return text
