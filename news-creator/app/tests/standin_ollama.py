"""A stand-in for Ollama: a real HTTP server on loopback that speaks the part of its API the service uses.

No model is in it. It counts tokens by characters, refuses and cuts prompts as Ollama 0.24 does, answers with
given pieces, and can be told to fail in the ways that Ollama fails.
"""

from __future__ import annotations

import json
import math
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Fault = Literal["", "oom", "killed", "busy", "internal", "hang", "break", "loop", "garbage", "late-error"]

_REFUSALS: dict[str, tuple[int, str]] = {
    "oom": (500, "model requires more system memory (5.6 GiB) than is available (2.1 GiB)"),
    "killed": (500, "model runner has unexpectedly stopped, this may be due to resource limitations"),
    "busy": (503, "server busy, please try again.  maximum pending requests exceeded"),
    "internal": (500, "invalid image index: 3"),
}


@dataclass
class StandInOllama:
    """What the stand-in does, and what it was asked; fields may be changed between requests."""

    models: set[str] = field(default_factory=lambda: {"gemma3-4b-16k", "gemma3-4b-60k"})
    pieces: list[str] = field(default_factory=lambda: ["首相が", "予算案を", "発表した。"])
    tokens_per_char: float = 0.5
    honours_truncate: bool = True
    done_reason: str = "stop"
    fault: Fault = ""
    piece_delay_s: float = 0.0
    requests: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    abandoned: int = 0
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _released: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Listen on a free port of loopback."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening, and let hanging requests go."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Return the address it listens at."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def prompts(self) -> list[str]:
        """Return the prompts that were read, not those that were refused."""
        return [request["messages"][-1]["content"] for request in self.requests]

    def chat(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Answer one chat request."""
        if body["model"] not in self.models:
            _send(http, 404, f"model '{body['model']}' not found")
        elif self.fault in _REFUSALS:
            _send(http, *_REFUSALS[self.fault])
        elif self.fault == "hang":
            self._released.wait(30)
        else:
            self._answer(http, body)

    def _answer(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        num_ctx: int = body["options"]["num_ctx"]
        prompt_tokens = math.ceil(len(body["messages"][-1]["content"]) * self.tokens_per_char)
        if prompt_tokens > num_ctx and self.honours_truncate and body.get("truncate") is False:
            self.refused += 1
            _send(http, 400, "the input length exceeds the context length")
            return
        with self._lock:
            self.requests.append(body)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            self._stream(http, body, min(prompt_tokens, num_ctx))
        except ConnectionError:
            self.abandoned += 1
            http.close_connection = True

    def _stream(self, http: BaseHTTPRequestHandler, body: dict[str, Any], prompt_tokens: int) -> None:
        http.send_response(200)
        http.send_header("Content-Type", "application/x-ndjson")
        http.send_header("Transfer-Encoding", "chunked")
        http.end_headers()
        for piece in self.pieces[: body["options"]["num_predict"]]:
            time.sleep(self.piece_delay_s)
            _line(http, {"model": body["model"], "message": {"role": "assistant", "content": piece}, "done": False})
        with self._lock:
            self._at_once -= 1
        self._end(http, body, prompt_tokens)

    def _end(self, http: BaseHTTPRequestHandler, body: dict[str, Any], prompt_tokens: int) -> None:
        if self.fault == "break":
            http.close_connection = True
            return
        if self.fault == "late-error":
            _line(http, {"error": "an error was encountered while running the model: CUDA error: out of memory"})
        elif self.fault == "garbage":
            _line(http, ["not", "an", "answer"])
        elif self.fault != "loop":
            last = {"role": "assistant", "content": ""}
            counts = {"prompt_eval_count": prompt_tokens, "eval_count": len(self.pieces), "total_duration": 1}
            _line(
                http, {"model": body["model"], "message": last, "done": True, "done_reason": self.done_reason} | counts
            )
        http.wfile.write(b"0\r\n\r\n")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.chat(self, body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base's)
                """Say nothing: the tests look at what was asked."""

        return Handler


def _send(http: BaseHTTPRequestHandler, status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    http.send_response(status)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(len(body)))
    http.end_headers()
    http.wfile.write(body)


def _line(http: BaseHTTPRequestHandler, fields: object) -> None:
    # As Go's encoder: text stays text, U+0085 included.
    data = json.dumps(fields, ensure_ascii=False).encode() + b"\n"
    http.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    http.wfile.flush()
