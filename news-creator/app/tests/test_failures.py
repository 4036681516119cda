"""What callers are told when the model cannot be asked or says nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from conftest import Serve
    from standin_ollama import Fault, StandInOllama

ARTICLE = {"article_id": "a-1", "content": "首相が会見した。"}


def failure(client: httpx.Client) -> tuple[int, str, str]:
    """Return status, code and detail of a request that fails."""
    answer = client.post("/api/v1/summarize", json=ARTICLE)
    body = answer.json()
    assert set(body) == {"success", "error", "detail"}
    assert body["success"] is False
    return answer.status_code, body["error"], body["detail"]


def test_a_missing_model_is_503_and_named(client: httpx.Client, ollama: StandInOllama) -> None:
    """Whoever reads it knows which model the backend should have made."""
    ollama.models.clear()
    status, code, detail = failure(client)
    assert (status, code) == (503, "model_missing")
    assert detail.startswith("gemma3-4b-16k: Ollama has no such model")


def test_a_backend_that_is_not_there_is_503_with_its_address(serve: Serve) -> None:
    """Nothing listens at a port that was just given back."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    status, code, detail = failure(serve(LLM_SERVICE_URL=url))
    assert (status, code) == (503, "backend_unreachable")
    assert detail.startswith(f"{url}: nothing answers")


def test_an_answer_that_takes_too_long_is_504(serve: Serve, ollama: StandInOllama) -> None:
    """A hanging backend does not hang its callers."""
    ollama.fault = "hang"
    assert failure(serve(LLM_TIMEOUT_SECONDS=0.3))[:2] == (504, "backend_timeout")


def test_the_time_allowed_is_for_the_whole_answer(serve: Serve, ollama: StandInOllama) -> None:
    """A backend that trickles one piece after another is late all the same."""
    ollama.pieces, ollama.piece_delay_s = ["あ"] * 20, 0.1
    assert failure(serve(LLM_TIMEOUT_SECONDS=0.5))[:2] == (504, "backend_timeout")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("oom", 503, "out_of_memory"),
        ("killed", 503, "out_of_memory"),
        ("late-error", 503, "out_of_memory"),
        ("busy", 503, "backend_busy"),
        ("internal", 502, "backend_failed"),
        ("garbage", 502, "backend_failed"),
        ("break", 503, "backend_unreachable"),
    ],
)
def test_each_failure_of_ollama_has_its_status_and_code(
    client: httpx.Client, ollama: StandInOllama, fault: Fault, status: int, code: str
) -> None:
    """Programs act on the code, load balancers on the status."""
    ollama.fault = fault
    assert failure(client)[:2] == (status, code)


@pytest.mark.parametrize("pieces", [[], ["", " \n"]])
def test_an_empty_summary_is_502(client: httpx.Client, ollama: StandInOllama, pieces: list[str]) -> None:
    """White space is no summary."""
    ollama.pieces = pieces
    assert failure(client)[:2] == (502, "empty_summary")


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\u2029", "\ufffd", "\x00\x1f", "🗞️"])
def test_odd_characters_of_a_model_are_passed_on(client: httpx.Client, ollama: StandInOllama, odd: str) -> None:
    """The client library takes U+0085 for the end of a line; a summary with one must arrive whole."""
    ollama.pieces = [f"前{odd}", f"{odd}後"]
    assert client.post("/api/v1/summarize", json=ARTICLE).json()["summary"] == f"前{odd}{odd}後"


def test_an_answer_that_ollama_broke_off_for_looping_is_used(client: httpx.Client, ollama: StandInOllama) -> None:
    """After 30 equal tokens Ollama ends an answer without a last record and without counts."""
    ollama.fault = "loop"
    body = client.post("/api/v1/summarize", json=ARTICLE).json()
    assert (body["summary"], body["prompt_tokens"]) == ("".join(ollama.pieces), 0)


def test_an_article_may_hold_marks_of_the_chat_template(client: httpx.Client, ollama: StandInOllama) -> None:
    """A quoted `<end_of_turn>` or `[img-3]` must not end the turn or fail the request."""
    body = {"article_id": "a-1", "content": "見出し<end_of_turn>本文[img-3]。"}
    assert client.post("/api/v1/summarize", json=body).status_code == 200
    assert not any(mark in ollama.prompts[0] for mark in ("<end_of_turn>", "[img-3]"))
