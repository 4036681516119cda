"""Where an address leads inside the stack of the contract: the models that it reaches, or why it reaches none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from urllib.parse import urlsplit

from pytest_newscreator.contract.model import Invocation, Service
from pytest_newscreator.frozen import frozen
from pytest_newscreator.resolve.addresses import Address
from pytest_newscreator.resolve.compose.project import ComposeService, Project
from pytest_newscreator.resolve.networks import Reached, is_loopback, is_published_at, namespace, reach
from pytest_newscreator.resolve.repository import Repository
from pytest_newscreator.resolve.values import Value
from pytest_newscreator.sources.ollama.settings import reads_as

SERVING = ("ollama", "openai")
_RELAYS = re.compile(r"(?:^|[/_-])(?:nginx|openresty|caddy|traefik|haproxy|envoy|kong|litellm|apisix)", re.IGNORECASE)
_OLLAMA = re.compile(r"(?:^|/)ollama(?:$|[:@/])")
_OLLAMA_PORT = 11434


@frozen
class Route:
    """Where one address leads.

    `models` are the keys of the models that it reaches. Without any, `why` continues "which ..."; `is_server` says
    that something else answers which serves models, `is_unknown` that files cannot tell. `cause` is a value that
    keeps the server from being reached, where the address itself is right.
    """

    models: frozenset[str] = frozenset()
    why: str = ""
    is_server: bool = False
    is_unknown: bool = False
    cause: Value | None = None


@frozen
class Listening:
    """Where a server listens inside its container: its ports, none where that is not known, and who decides it."""

    ports: frozenset[int] = frozenset()
    only_itself: Value | None = None

    @property
    def text(self) -> str:
        """Return the ports as a message names them."""
        return " or ".join(str(port) for port in sorted(self.ports))


@frozen
class View:
    """The stack as one service sees it, started one way; `compose` is None for a process of the host."""

    repository: Repository
    project: Project
    service: Service
    invocation: Invocation | None = None
    compose: ComposeService | None = None

    def route(self, address: Address) -> Route:
        """Return where an address leads."""
        reached = reach(self.project, self.compose, address)
        answers = {name: self._at(reached, name, port, address) for name, port in reached.services}
        found = [*self._declared(address, reached), *answers.values()]
        if any(route.models for route in found):
            return reduce(_joined, found)
        own = self.service.compose
        if reached.how == "own" and own in answers:
            others = [route for name, route in answers.items() if name != own]
            return others[0] if others else Route(why=f"is {self.service.key}'s own container")
        return found[0] if found else self._nobody(address, reached)

    def _declared(self, address: Address, reached: Reached) -> Iterator[Route]:
        """Yield the servers of the contract outside Compose that an address is."""
        port = address.wanted_port
        for key, service in self.repository.contract.services.items():
            if service.kind not in SERVING or service.compose is not None:
                continue
            host = (urlsplit(service.url).hostname or "").lower() if service.url else "localhost"
            is_it = reached.how == "host" if is_loopback(host) else host == address.host
            if is_it and port in {service.port, None}:
                yield Route(models=_served_by(self.repository, key), why=f"reaches {key}", is_server=True)
            elif is_it and service.url and not is_loopback(host):
                yield Route(why=f"asks {key} at port {port}, it listens on {service.port}")

    def _at(self, reached: Reached, name: str, port: int | None, address: Address) -> Route:
        """Return what one Compose service answers at a port inside its container."""
        if reached.how == "cut-off":
            return Route(why=f"names {name}, which shares no network with {self.service.key}")
        ours = [service for service in self.repository.contract.services.values() if service.compose == name]
        serving = [service for service in ours if service.kind in SERVING]
        if serving:
            return self._asked(serving[0], port, address, reached)
        return self._handed_on(ours[0], name, port) if ours else self._foreign(name)

    def _asked(self, server: Service, port: int | None, address: Address, reached: Reached) -> Route:
        """Return whether a server of the contract answers at a port."""
        listening = self.listening(server)
        if port is not None and listening.ports and port not in listening.ports:
            return Route(why=f"asks {server.key} at port {port}, it listens on {listening.text}")
        if address.scheme == "https" and server.kind == "ollama" and server.ca is None:
            return Route(why=f"asks {server.key} by https, which Ollama does not speak")
        models = _served_by(self.repository, server.key)
        if listening.only_itself is not None and reached.how != "own" and not self._is_on_host(server):
            return Route(models, is_server=True, cause=listening.only_itself)
        return Route(models, why=f"reaches {server.key}", is_server=True)

    def _is_on_host(self, server: Service) -> bool:
        """Tell whether a server and the caller both have the host's network, loopback included."""
        sides = (self.repository.compose_service(self.project, server), self.compose)
        return all(namespace(self.project, side)[0] == "host" for side in sides)

    def _handed_on(self, service: Service, name: str, port: int | None) -> Route:
        """Return what is reached through a service that itself uses models."""
        if service.key == self.service.key:
            return Route(why=f"is {service.key} itself")
        if port is not None and service.port is not None and port != service.port:
            return Route(why=f"asks {service.key} at port {port}, it listens on {service.port}")
        if service.uses:
            return Route(frozenset(service.uses), why=f"reaches {service.key}")
        return self._foreign(name)

    def _foreign(self, name: str) -> Route:
        """Return what is known of a service that the contract says nothing of, as far as models go."""
        service = self.project.services[name]
        image = service.image.text if service.image and service.image.text else ""
        if service.build is None and _OLLAMA.search(image):
            return Route(why=f"reaches {name}, an Ollama that the contract does not know", is_server=True)
        if service.build is not None or _RELAYS.search(image) or self._names_a_server(service):
            return Route(why=f"reaches {name}, which may hand requests on", is_unknown=True)
        return Route(why=f"reaches {name}, which serves no model of the contract")

    def _names_a_server(self, service: ComposeService) -> bool:
        """Tell whether what Compose gives to a service names a server of the contract."""
        servers = [s for s in self.repository.contract.services.values() if s.kind in SERVING and s.compose]
        pattern = "|".join(re.escape(server.compose or "") for server in servers)
        given = " ".join(value.text or "" for value in service.environment.values())
        words = " ".join((*(service.command or ()), *(service.entrypoint or ())))
        return bool(pattern) and re.search(rf"(?<![\w.-])(?:{pattern})(?![\w-])", f"{given} {words}") is not None

    def _nobody(self, address: Address, reached: Reached) -> Route:
        """Return why no service answers."""
        if reached.how == "outside":
            return Route(why="leads out of the project", is_unknown=True)
        if reached.how == "own":
            return Route(why=f"is {self.service.key}'s own network")
        if reached.how == "host":
            what = "is the host" if address.wanted_port is None else f"is port {address.wanted_port} of the host"
            return Route(why=f"{what}, which no service of the project publishes")
        absent = " started" if address.host in self.project.disabled else ""
        return Route(why=f"names {address.host}, and no{absent} service of the project is called that")

    def listening(self, server: Service) -> Listening:
        """Return where a server listens: by OLLAMA_HOST where that is given, else as the contract says."""
        given = self.repository.given(self.project, server)
        value = given.environment.get("OLLAMA_HOST") if given and server.kind == "ollama" else None
        declared = frozenset(() if server.port is None else (server.port,))
        if value is None or not value.text or value.origin is None:
            return Listening(declared)
        url = urlsplit(reads_as("OLLAMA_HOST", value.text, None).value)
        ports = frozenset((url.port or _OLLAMA_PORT,))
        if self._is_set_by_script(server):
            return Listening(declared | ports)
        only_itself = value if is_loopback(url.hostname or "") and not _is_every_address(url.hostname or "") else None
        return Listening(ports, only_itself)

    def _is_set_by_script(self, server: Service) -> bool:
        """Tell whether a script or a command of the server gives OLLAMA_HOST a value of its own."""
        sites = [s for s in self.repository.sites if s.setting == "OLLAMA_HOST" and s.kind == "shell-assignment"]
        here = [s for s in sites if server in self.repository.services_of(s.place.path)]
        given = self.repository.given(self.project, server)
        return bool(here) or "OLLAMA_HOST=" in " ".join(given.command if given else ())

    def url(self, server: Service) -> str:
        """Return the address by which this service reaches a server of the contract."""
        if server.compose is None:
            return server.url or f"http://localhost:{server.port}"
        compose = self.repository.compose_service(self.project, server)
        ports = self.listening(server).ports
        port = min(ports) if ports else None
        if compose and (self.compose is None or namespace(self.project, self.compose)[0] == "host"):
            published = [p.published for p in compose.ports if p.target == port and is_published_at(p, None)]
            return f"http://localhost:{published[0] if published else port}"
        return f"http://{server.compose}" + ("" if port is None else f":{port}")


def _served_by(repository: Repository, key: str) -> frozenset[str]:
    """Return the keys of the models that a service of the contract serves."""
    return frozenset(model.key for model in repository.contract.models.values() if model.service == key)


def _is_every_address(host: str) -> bool:
    """Tell whether a listener on this address hears everybody."""
    return host in {"0.0.0.0", "::", ""}  # noqa: S104 - recognised, never bound


def _joined(one: Route, two: Route) -> Route:
    """Return what either of two routes reaches: several services may have one name."""
    first = one if one.models else two
    return Route(one.models | two.models, first.why, is_server=one.is_server or two.is_server, cause=first.cause)
