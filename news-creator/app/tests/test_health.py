"""What the two health checks promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from conftest import Serve
    from standin_ollama import Fault, StandInOllama


def test_health_is_cheap(client: httpx.Client, ollama: StandInOllama) -> None:
    """It says that the process lives, and asks Ollama nothing."""
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})
    assert not ollama.requests


def test_deep_health_makes_the_16k_variant_generate_one_token(client: httpx.Client, ollama: StandInOllama) -> None:
    """With the options of every other request, so that the check itself restarts no runner."""
    answer = client.get("/health/deep")
    assert (answer.status_code, answer.json()["status"], answer.json()["model"]) == (200, "healthy", "gemma3-4b-16k")
    options = ollama.requests[0]["options"]
    assert (options["num_predict"], options["num_ctx"], options["num_batch"]) == (1, 16384, 1024)


def test_deep_health_turns_bad_when_the_model_is_gone(client: httpx.Client, ollama: StandInOllama) -> None:
    """`healthy` with no model in it is the failure this check is for."""
    ollama.models.discard("gemma3-4b-16k")
    answer = client.get("/health/deep")
    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert answer.json()["error"] == "model_missing"
    assert "gemma3-4b-16k" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("fault", "code", "timeout_s"),
    [("hang", "backend_timeout", 0.3), ("oom", "out_of_memory", 30), ("break", "backend_unreachable", 30)],
)
def test_deep_health_is_503_with_the_reason_whatever_it_is(
    serve: Serve, ollama: StandInOllama, fault: Fault, code: str, timeout_s: float
) -> None:
    """A probe knows one bad status; the reason is for people."""
    ollama.fault = fault
    answer = serve(HEALTH_TIMEOUT_SECONDS=timeout_s).get("/health/deep")
    assert (answer.status_code, answer.json()["error"]) == (503, code)


def test_deep_health_is_bad_where_the_model_says_nothing(client: httpx.Client, ollama: StandInOllama) -> None:
    """An answer without a token proves nothing."""
    ollama.pieces = []
    assert client.get("/health/deep").status_code == 503
