"""Summaries as server-sent events."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from standin_ollama import StandInOllama


class Received(NamedTuple):
    """A stream as a client sees it: events, comments, and the seconds from the first piece to the end."""

    events: list[tuple[str, dict[str, Any]]]
    comments: list[str]
    seconds: float


def receive(client: httpx.Client, content: str) -> Received:
    """Read a streamed summary to its end."""
    events: list[tuple[str, dict[str, Any]]] = []
    comments: list[str] = []
    body = {"article_id": "a-1", "content": content, "stream": True}
    started = time.monotonic()
    with client.stream("POST", "/api/v1/summarize", json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind = "message"
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith(": "):
                comments.append(line.removeprefix(": "))
            elif line.startswith("data: "):
                started = time.monotonic() if not events else started
                events.append((kind, json.loads(line.removeprefix("data: "))))
                kind = "message"
    return Received(events, comments, time.monotonic() - started)


def test_the_pieces_join_to_the_summary_of_the_last_event(client: httpx.Client, ollama: StandInOllama) -> None:
    """A client that shows pieces as they come shows the summary that is reported."""
    events = receive(client, "首相が会見した。").events
    assert [event["delta"] for _, event in events[:-1]] == ollama.pieces
    assert events[-1][1]["summary"] == "".join(ollama.pieces)


def test_the_last_event_has_the_fields_of_the_whole_answer(client: httpx.Client) -> None:
    """One schema for both ways of asking."""
    whole = client.post("/api/v1/summarize", json={"article_id": "a-1", "content": "首相が会見した。"}).json()
    kind, last = receive(client, "首相が会見した。").events[-1]
    assert (kind, last.pop("done")) == ("message", True)
    assert last | {"total_duration_ms": 0} == whole | {"total_duration_ms": 0}


def test_pieces_arrive_as_the_model_says_them(client: httpx.Client, ollama: StandInOllama) -> None:
    """The first piece is not held back until the last."""
    ollama.pieces, ollama.piece_delay_s = ["あ"] * 6, 0.1
    assert receive(client, "首相が会見した。").seconds > 0.3


def test_a_long_article_is_kept_alive_by_comments_while_it_is_read(client: httpx.Client) -> None:
    """Readers of events pass over comments; proxies see a connection in use."""
    received = receive(client, "首相が会見した。" * 5000)
    assert received.comments == ["chunk 1 of 3", "chunk 2 of 3", "chunk 3 of 3"]
    assert received.events[-1][1]["strategy"] == "map-reduce"


def test_a_failure_midway_is_an_error_event(client: httpx.Client, ollama: StandInOllama) -> None:
    """What was said stays said, and the client is told that it is not the whole."""
    ollama.fault = "break"
    events = receive(client, "首相が会見した。").events
    assert [kind for kind, _ in events] == ["message"] * len(ollama.pieces) + ["error"]
    assert events[-1][1]["error"] == "backend_unreachable"


def test_a_failure_before_the_first_piece_has_its_status(client: httpx.Client, ollama: StandInOllama) -> None:
    """A stream that never began is an ordinary failure."""
    ollama.fault = "oom"
    body = {"article_id": "a-1", "content": "首相が会見した。", "stream": True}
    answer = client.post("/api/v1/summarize", json=body)
    assert (answer.status_code, answer.json()["error"]) == (503, "out_of_memory")


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\r\n\ndata: {}", "🗞️"])
def test_odd_characters_do_not_break_the_framing(client: httpx.Client, ollama: StandInOllama, odd: str) -> None:
    """A line break in a piece is data, not the end of an event."""
    ollama.pieces = ["前", odd, "後"]
    assert receive(client, "首相が会見した。").events[-1][1]["summary"] == f"前{odd}後"


def test_a_client_that_leaves_stops_the_generation(client: httpx.Client, ollama: StandInOllama) -> None:
    """The next caller does not wait for a summary that nobody reads."""
    ollama.pieces, ollama.piece_delay_s = ["あ"] * 100, 0.05
    body = {"article_id": "a-1", "content": "首相が会見した。", "stream": True}
    with client.stream("POST", "/api/v1/summarize", json=body) as answer:
        next(answer.iter_lines())
    assert wait_until(lambda: ollama.abandoned == 1)


def wait_until(true: Callable[[], bool], seconds: float = 3.0) -> bool:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()
