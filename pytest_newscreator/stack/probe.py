"""Does it answer? One request by the standard library, short and without retries."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pytest_newscreator.frozen import frozen
from pytest_newscreator.stack.patience import Patience, bounded

if TYPE_CHECKING:
    from pytest_newscreator.contract.model import Service

OK = 200
SERVER_ERROR = 500
ALIVE_WITHIN_S: Final = 10.0
AGAIN_S: Final = 2.0
_SILENT: Final[set[str]] = set()
"""Hosts that said nothing in time: they are not waited for as long again, until they answer."""

READY_PATH = {"ollama": "/api/version", "openai": "/v1/models", "http": "/"}


@frozen
class Answer:
    """A status with its body; status 0 means that nothing answered, and `body` says why. `path` is what was asked."""

    status: int
    body: bytes
    path: str = ""

    @property
    def is_ok(self) -> bool:
        """Return whether the status is 200."""
        return self.status == OK

    def json(self) -> Any:  # noqa: ANN401
        """Return the body as JSON; raises `ValueError` where it is not."""
        return json.loads(self.body)

    def __str__(self) -> str:
        """Render as `503: body` or as the reason why nothing answered."""
        text = self.body.decode("utf-8", "replace").strip()[:200]
        return f"{self.status}: {text}" if self.status else text


def connect(
    url: str, timeout_s: float, ca: Path | None = None, *, within_s: float | None = None, lives: str = ""
) -> http.client.HTTPConnection:
    """Return an unopened connection to the host of `url`; the bound of its answer, `within_s`, counts from now.

    `timeout_s` bounds a silence. `lives` is a path that must be answered meanwhile, where one may be long: so a server
    that is paused is told from one that works.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
    is_alive = (lambda: request(url, lives, timeout_s=ALIVE_WITHIN_S, ca=ca).status != 0) if lives else None
    connection.response_class = bounded(Patience(timeout_s, within_s or timeout_s, is_alive))
    return connection


def request(  # noqa: PLR0913 - by name, as an HTTP request has them
    url: str,
    path: str,
    *,
    method: str = "GET",
    body: Any = None,  # noqa: ANN401 - whatever JSON can say
    timeout_s: float = 2.0,
    ca: Path | None = None,
    lives: str = "",
) -> Answer:
    """Send one request and return what came back within `timeout_s`; a refusal or a timeout is an answer too."""
    host = urlsplit(url).netloc
    if host in _SILENT and not lives:
        timeout_s = min(timeout_s, AGAIN_S)
    connection = connect(url, timeout_s, ca, lives=lives)
    try:
        payload = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if payload else {}
        connection.request(method, urlsplit(url).path.rstrip("/") + path, body=payload, headers=headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.read(), path)
        _SILENT.discard(host)
        return answer  # noqa: TRY300 - what else fails is told below
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError):
            _SILENT.add(host)
        return Answer(0, said(error).encode(), path)
    finally:
        connection.close()


def said(error: OSError | http.client.HTTPException) -> str:
    """Return why nothing, or nothing whole, was answered, in words."""
    match error:
        case http.client.IncompleteRead():
            return f"nothing whole: it was cut off after {len(error.partial)} bytes"
        case http.client.RemoteDisconnected():
            return "nothing: the connection was closed"
        case ConnectionRefusedError():
            return "nothing: connection refused"
        case ConnectionResetError():
            return "nothing: the connection was reset"
        case TimeoutError():
            return str(error) if str(error).startswith("nothing") else f"nothing: {error}"
        case _:
            return f"nothing: {type(error).__name__}: {error}"


def ready_path(service: Service) -> str:
    """Return the path whose answer says that the service serves."""
    return service.health if service.health and service.kind != "ollama" else READY_PATH[service.kind]


def is_ready(service: Service, answer: Answer) -> bool:
    """Return whether an answer from the ready path says that the service serves."""
    return answer.is_ok if service.health or service.kind == "ollama" else 0 < answer.status < SERVER_ERROR


def answers(service: Service, url: str | None, ca: Path | None = None) -> bool:
    """Return whether the service answers requests (any answer below 500 where it declares no health path)."""
    return url is not None and is_ready(service, request(url, ready_path(service), ca=ca))
