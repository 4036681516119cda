"""The shapes of a model that a running Ollama has, before it is loaded."""

from __future__ import annotations

from pathlib import Path

from pytest_newscreator.errors import NewscreatorError
from pytest_newscreator.measure.vram.shapes import Shapes, from_show
from pytest_newscreator.stack import probe

_PATIENCE_S = 30.0


def shapes_of(url: str, name: str, ca: Path | None = None) -> Shapes:
    """Ask the server at `url` for a model; raises NewscreatorError where it does not tell its shapes."""
    body = {"model": name}
    answer = probe.request(url, "/api/show", method="POST", body=body, timeout_s=_PATIENCE_S, ca=ca)
    if not answer.is_ok:
        raise NewscreatorError(f"{url}/api/show answered {answer} for {name}", fix="see the server's log")
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise NewscreatorError(f"{url}/api/show answered what is no JSON object", fix="name an Ollama server")
    return from_show(told)
