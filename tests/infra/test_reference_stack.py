"""The reference stack as its user sees it, through the plugin's public fixtures only."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

ARTICLE = "東京都は二十三日、新しい図書館を開館した。地域の住民が多数訪れ、初日から賑わいを見せた。"
LONG = 150_000


def post(url: str, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
    """Send one request and return status and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
    try:
        connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def events(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the data of server-sent events."""
    for line in body.decode().split("\n"):
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize(("variant", "num_ctx"), [("gemma3-4b-16k", 16384), ("gemma3-4b-60k", 61440)])
def test_a_variant_has_the_base_and_the_parameters_of_the_contract(
    newscreator_ollama: Any, variant: str, num_ctx: int
) -> None:
    """`/api/show` names the decided base as the parent and lists the decided parameters."""
    shown = newscreator_ollama.show(variant)
    lines = dict(line.split(None, 1) for line in shown.parameters.splitlines())
    assert shown.details.parent_model == "gemma3:4b-it-qat"
    assert lines == {
        "num_ctx": str(num_ctx),
        "num_batch": "1024",
        "temperature": "0.15",
        "top_p": "0.85",
        "top_k": "40",
        "repeat_penalty": "1.15",
        "stop": '"<end_of_turn>"',
    }


def test_a_japanese_article_is_summarised(newscreator_app_url: str) -> None:
    """A prompt that fits goes to the 16K model in one request."""
    status, body = post(newscreator_app_url, "/api/v1/summarize", {"article_id": "a", "content": ARTICLE})
    answer = json.loads(body)
    assert (status, answer["success"], answer["strategy"], answer["model"]) == (200, True, "single", "gemma3-4b-16k")
    assert answer["summary"].strip()


def test_a_summary_can_be_streamed(newscreator_app_url: str) -> None:
    """The streamed pieces are the summary that the last event carries."""
    body = {"article_id": "a", "content": ARTICLE, "stream": True}
    status, stream = post(newscreator_app_url, "/api/v1/summarize", body)
    *pieces, last = events(stream)
    assert status == 200
    assert last["done"] is True
    assert "".join(piece["delta"] for piece in pieces).strip() == last["summary"]


def test_a_long_article_goes_through_map_reduce(newscreator_app_url: str) -> None:
    """What does not fit the window is split, never truncated."""
    content = (ARTICLE * (LONG // len(ARTICLE) + 1))[:LONG]
    status, body = post(newscreator_app_url, "/api/v1/summarize", {"article_id": "long", "content": content})
    answer = json.loads(body)
    assert (status, answer["strategy"]) == (200, "map-reduce")
    assert answer["chunks"] >= 10
    assert answer["prompt_tokens"] >= 0.9 * LONG, "the whole article was read: about one token a character"


def test_deep_health_proves_that_the_model_answers(newscreator_app_url: str) -> None:
    """`/health/deep` really generates."""
    parts = urlsplit(newscreator_app_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    connection.request("GET", "/health/deep")
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, body


def test_the_backend_does_not_run_as_root(newscreator_stack: Any, newscreator_host: Callable[[str], Any]) -> None:
    """The container's user is neither root nor the official image's own."""
    if newscreator_stack.endpoint("backend").container is None:
        pytest.skip("a process stack runs as the user who started it")
    assert int(newscreator_host("backend").check_output("id -u")) >= 2000


def test_the_image_carries_the_modelfiles_of_the_tree(
    newscreator_stack: Any, newscreator_host: Callable[[str], Any], reference: Any
) -> None:
    """A person who looks inside finds the same Modelfile."""
    if newscreator_stack.endpoint("backend").container is None:
        pytest.skip("a process stack has no image")
    inside = newscreator_host("backend").file("/opt/news-creator/modelfiles/Modelfile.gemma3-4b-16k")
    assert inside.content_string == (reference / "news-creator/Modelfile.gemma3-4b-16k").read_text()
