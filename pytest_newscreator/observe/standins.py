"""Is this the real thing? Stand-ins are recognised by their own marks, whoever started the stack."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_newscreator.contract.model import Contract
from pytest_newscreator.observe.ollama import Ollama, ServerError
from pytest_newscreator.stack import engine
from pytest_newscreator.stack.model import Stack

PATIENCE_S = 10.0
IMAGE_LABEL = "org.pytest-newscreator.standin"
"""Put on images that were made locally under an official tag, and inherited by what is built on them."""


def standins(stack: Stack, contract: Contract) -> str | None:
    """Return what stands in for the real thing in this stack: models of random weights, images made locally."""
    found = dict.fromkeys((*_models(stack, contract), *_images(stack)))
    return ", ".join(found) or None


def _models(stack: Stack, contract: Contract) -> Iterator[str]:
    """Yield the stamps of the declared models that the stack's servers have."""
    for model in contract.models.values():
        endpoint = stack.endpoint(model.service or "")
        if endpoint is None or endpoint.url is None or endpoint.service.kind != "ollama":
            continue
        server = Ollama(endpoint.url, timeout_s=PATIENCE_S, ca=endpoint.ca)
        try:
            shown = [server.show(name) for name in model.names]
        except ServerError:
            continue  # `healthy` and `models` tell it; nothing is served that could be mistaken for real
        for one in shown:
            if one is not None and one.standin:
                yield f"{one.standin} model of random weights"


def _images(stack: Stack) -> Iterator[str]:
    """Yield a word for containers whose image was made locally in an official one's place."""
    for endpoint in stack.endpoints.values():
        if endpoint.container is not None and IMAGE_LABEL in engine.first_look(endpoint.container).container.labels:
            yield "images made locally"
