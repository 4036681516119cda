"""The answers' shapes, which the migration promises not to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from standin_ollama import StandInOllama

ANSWER: dict[str, Any] = {
    "success": {"const": True, "type": "boolean"},
    "article_id": {"type": "string"},
    "summary": {"type": "string"},
    "model": {"type": "string"},
    "prompt_tokens": {"type": "integer"},
    "completion_tokens": {"type": "integer"},
    "total_duration_ms": {"type": "integer"},
    "strategy": {"enum": ["single", "map-reduce"], "type": "string"},
    "chunks": {"type": "integer"},
}
TYPES = {"string": str, "integer": int, "boolean": bool}


def schema(client: httpx.Client, name: str) -> dict[str, Any]:
    """Return what the service itself publishes about a body, without titles."""
    published = client.get("/openapi.json").json()["components"]["schemas"][name]["properties"]
    return {key: {k: v for k, v in value.items() if k not in {"title", "default"}} for key, value in published.items()}


def test_the_published_answer_is_the_promised_one(client: httpx.Client) -> None:
    """Field for field and type for type."""
    assert schema(client, "SummarizeResponse") == ANSWER


def test_a_real_answer_has_exactly_the_promised_fields(client: httpx.Client) -> None:
    """What is published is what is sent."""
    body = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": "首相が会見した。"}).json()
    assert {name: type(value) for name, value in body.items()} == {
        name: TYPES[promise["type"]] for name, promise in ANSWER.items()
    }


def test_an_answer_holds_what_ollama_reported(client: httpx.Client, ollama: StandInOllama) -> None:
    """Tokens, model and summary are the backend's, the identifier the caller's."""
    body = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": "首相が会見した。"}).json()
    assert body.pop("total_duration_ms") >= 0
    assert body.pop("prompt_tokens") > 0
    assert body == {
        "success": True,
        "article_id": "a-1",
        "summary": "".join(ollama.pieces),
        "model": "gemma3-4b-16k",
        "completion_tokens": len(ollama.pieces),
        "strategy": "single",
        "chunks": 1,
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": "本文"}, "article_id"),
        ({"article_id": "", "content": "本文"}, "article_id"),
        ({"article_id": "a-1"}, "content"),
        ({"article_id": "a-1", "content": " \n　"}, "content"),
        ({"article_id": "a-1", "content": 5}, "content"),
        ({"article_id": "a-1", "content": "本文", "stream": "perhaps"}, "stream"),
    ],
)
def test_a_bad_request_names_the_field_and_asks_no_model(
    client: httpx.Client, ollama: StandInOllama, body: dict[str, object], field: str
) -> None:
    """422 in the shape of every failure."""
    answer = client.post("/api/v1/summarize", json=body)
    assert (answer.status_code, answer.json()["success"], answer.json()["error"]) == (422, False, "invalid_request")
    assert answer.json()["detail"].startswith(f"body.{field}: ")
    assert not ollama.requests


@pytest.mark.parametrize(
    "body", [rb'{"article_id": "a", "content": "\ud83d"}', rb'{"article_id": "\udc00", "content": "a"}']
)
def test_half_a_character_is_a_bad_request(client: httpx.Client, body: bytes) -> None:
    """A lone surrogate is no text; FastAPI's own answer would echo it and fail."""
    answer = client.post("/api/v1/summarize", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
