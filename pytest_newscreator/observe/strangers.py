"""How a server treats a request that a stranger's page would send: another `Host:`, another `Origin:`."""

from __future__ import annotations

import http.client

from pytest_newscreator.stack import probe
from pytest_newscreator.stack.model import Endpoint
from pytest_newscreator.stack.probe import Answer

HOST = "evil.example"
ORIGIN = f"http://{HOST}"
PATH = "/api/version"
_PATIENCE_S = 5.0


def asked_by_host(endpoint: Endpoint) -> Answer:
    """Return the answer to a request that names a foreign host, as after DNS rebinding."""
    return _asked(endpoint, {"Host": HOST})


def asked_by_origin(endpoint: Endpoint) -> Answer:
    """Return the answer to a request that a page of a foreign site sends."""
    return _asked(endpoint, {"Origin": ORIGIN})


def _asked(endpoint: Endpoint, headers: dict[str, str]) -> Answer:
    """Send one harmless request with these headers."""
    connection = probe.connect(endpoint.url or "", _PATIENCE_S, endpoint.ca)
    try:
        connection.request("GET", PATH, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, f"{type(error).__name__}: {error}".encode())
    finally:
        connection.close()
