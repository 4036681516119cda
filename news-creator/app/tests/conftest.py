"""The service under test: its folder on the path, a stand-in for Ollama, and the service on a port of its own."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

_TESTS = Path(__file__).resolve().parent
for folder in (_TESTS, _TESTS.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from news_creator.api.app import create_app  # noqa: E402
from news_creator.config.config import Settings, load_settings  # noqa: E402
from standin_ollama import StandInOllama  # noqa: E402 (the path comes first)

Serve = Callable[..., httpx.Client]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    for name in Settings.model_fields:
        for spelling in (name, name.lower()):
            monkeypatch.delenv(spelling, raising=False)


@pytest.fixture
def ollama() -> Iterator[StandInOllama]:
    """Run a stand-in for Ollama."""
    with StandInOllama() as server:
        yield server


@pytest.fixture
def serve(ollama: StandInOllama) -> Iterator[Serve]:
    """Return a function that serves the application with settings of the test's choice, and a client of it."""
    with ExitStack() as stack:

        def start(**settings: object) -> httpx.Client:
            url = stack.enter_context(_serving(load_settings(**({"LLM_SERVICE_URL": ollama.url} | settings))))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))

        yield start


@pytest.fixture
def client(serve: Serve) -> httpx.Client:
    """Serve the application with its defaults."""
    return serve()


@contextmanager
def _serving(settings: Settings) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service should have started"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
