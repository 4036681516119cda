"""How Ollama reads OLLAMA_HOST (its `envconfig.Host`, from 0.14.3 on): `[scheme://]host[:port][/path]`."""

from __future__ import annotations

import ipaddress

from pytest_newscreator.sources.ollama import go_values as go

PORT = "11434"
_MOST_PORT = 65535
_SCHEME_PORTS = {"http": "80", "https": "443"}
_LOCAL = frozenset({"", "localhost"})


def host_text(text: str) -> str:
    """Return the URL that the server makes of a text: where it listens, and where the command connects."""
    scheme, rest, port = _parts(text)
    address, slash, path = rest.partition("/")
    host, given = _split(address) or (_bare(address), port)
    if not _is_port(given):
        given = port
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{given}" + (f"{slash}{path.removeprefix('/')}" if path else "")


def mistaken_host(text: str) -> tuple[str | None, str]:
    """Return what a person sees in a text that is read otherwise, and why; None where it is read as it looks."""
    scheme, rest, port = _parts(text)
    address = rest.partition("/")[0]
    split = _split(address)
    if split is None and address.isdigit():
        return f"{scheme}://127.0.0.1:{address}", "a bare number is taken for a host's name"
    if split is not None and not _is_port(split[1]):
        return f"{scheme}://{address}", f"{split[1]!r} is no port from 0 to {_MOST_PORT}"
    if split is None and port != PORT and _is_local(_bare(address)):
        return f"{scheme}://{address}:{PORT}", f"a text with {scheme}:// has port {port} where it names none"
    return None, ""


def _parts(text: str) -> tuple[str, str, str]:
    """Return the scheme, what follows it, and the port where none is named."""
    text = text.strip(go.BLANKS)
    scheme, found, rest = text.partition("://")
    if found:
        return scheme, rest, _SCHEME_PORTS.get(scheme, PORT)
    return ("https", "ollama.com:443", PORT) if text == "ollama.com" else ("http", text, PORT)


def _split(address: str) -> tuple[str, str] | None:
    """Split host from port as Go's `net.SplitHostPort` does; None where it refuses."""
    head, colon, port = address.rpartition(":")
    if not colon:
        return None
    if head.startswith("[") and head.endswith("]"):
        head = head[1:-1]
    elif ":" in head:
        return None
    return None if any(bracket in head + port for bracket in "[]") else (head, port)


def _bare(address: str) -> str:
    """Return the host of an address without a port; an IP address in its short form."""
    try:
        ip = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return address or "127.0.0.1"
    if "%" in address:
        return address
    return str(getattr(ip, "ipv4_mapped", None) or ip)


def _is_port(text: str) -> bool:
    """Tell whether a text is a port."""
    number = go.integer(text)
    return number is not None and 0 <= number <= _MOST_PORT


def _is_local(host: str) -> bool:
    """Tell whether a host names this machine, as a server's does: its loopback or all of its addresses."""
    if host in _LOCAL:
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return ip.is_loopback or ip.is_unspecified
